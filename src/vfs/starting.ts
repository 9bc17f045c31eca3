import type { FileSystem } from "./file_system.ts";

/**
 * On a back end of ours that has to wait before it can tell of itself: has it
 * start. Rejects with an `Error` of one line for the user.
 */
export const start: unique symbol = Symbol("start");

/** Waits until a file system can be asked for its limits. */
export async function started(
  fs: FileSystem & { readonly [start]?: () => Promise<void> },
): Promise<void> {
  await fs[start]?.();
}
