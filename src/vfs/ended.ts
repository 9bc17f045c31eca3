import type { FileSystem } from "./file_system.ts";

/** On a back end that can't begin again: whether it was disposed of. */
export const ended: unique symbol = Symbol("ended");

/** Whether a file system has ended for good, so that it is not to be served. */
export function hasEnded(
  fs: FileSystem & { readonly [ended]?: boolean },
): boolean {
  return fs[ended] === true;
}
