import type { NewTime } from "./host.ts";

const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;

/** Two times as utimensat(2) takes them. */
export function packTimes(
  atime: NewTime,
  mtime: NewTime,
): Uint8Array<ArrayBuffer> {
  const times = new BigInt64Array(4);
  putTime(times, 0, atime);
  putTime(times, 2, mtime);
  return new Uint8Array(times.buffer);
}

function putTime(times: BigInt64Array, at: number, value: NewTime): void {
  if (value === undefined) times[at + 1] = BigInt(UTIME_OMIT);
  else if (value === "now") times[at + 1] = BigInt(UTIME_NOW);
  else {
    times[at] = BigInt(value.seconds);
    times[at + 1] = BigInt(value.nanoseconds);
  }
}
