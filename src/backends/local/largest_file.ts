import fs from "node:fs";
import { processLimit } from "../../base/process_limit.ts";

/** Linux: a file without a name. node:fs has no word for it. */
export const O_TMPFILE = 0o20200000;

/**
 * The largest file in bytes that the host lets this process make in a folder:
 * tried out on a file without a name, which leaves no trace. 2^53 - 1 where it can't be tried.
 */
export function largestFile(path: string): number {
  // Beyond its limit a process is ended by SIGXFSZ: that must not even be tried.
  const limit = processLimit();
  if (Deno.build.os !== "linux") return limit;
  let fd: number;
  try {
    fd = fs.openSync(path, O_TMPFILE | fs.constants.O_RDWR, 0o600);
  } catch {
    return limit;
  }
  try {
    return bisect(limit, (size) => canBe(fd, size));
  } finally {
    fs.closeSync(fd);
  }
}

function canBe(fd: number, size: number): boolean {
  try {
    fs.ftruncateSync(fd, size);
    return true;
  } catch {
    return false;
  }
}

/** The largest number up to `most` that passes, where all below it pass as well. */
function bisect(most: number, passes: (size: number) => boolean): number {
  if (passes(most)) return most;
  // A disk that is full, say, tells nothing of sizes.
  if (!passes(1)) return most;
  let low = 1;
  let high = most;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (passes(middle)) low = middle;
    else high = middle;
  }
  return low;
}
