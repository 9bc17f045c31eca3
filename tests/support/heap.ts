import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Has V8 collect all garbage now. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
}

/** Bytes of live JavaScript objects, those of their buffers among them. */
export function liveHeap(): number {
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
