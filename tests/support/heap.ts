import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of live JavaScript objects, garbage collected before. */
export function liveHeap(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  return Deno.memoryUsage().heapUsed;
}
