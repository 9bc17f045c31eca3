import type { ReadableFileSystem } from "./changes.ts";

/** Whether a file that is removed while it is open stays until it is closed, over a restart as well. */
export function preservesUnlinked(
  { open, close, preserveUnlinked }: ReadableFileSystem,
): boolean {
  return open !== undefined && close !== undefined &&
    preserveUnlinked !== undefined;
}
