import type { FileSystem } from "./file_system.ts";

/**
 * On a back end of ours that can end without its host: has it end at once, and
 * fail what is asked of it.
 */
export const abandon: unique symbol = Symbol("abandon");

/** Ends a file system that is not waited for any longer, where it can end so. */
export function abandoned(
  fs: FileSystem & { readonly [abandon]?: () => void },
): void {
  fs[abandon]?.();
}
