import { FsError } from "../vfs/errors.ts";
import type { FileSystem } from "../vfs/file_system.ts";

/**
 * What became of work that a file system has undone before it could be kept;
 * `losses` is what that told of them before the work.
 */
export function undone(
  fs: Pick<FileSystem, "losses" | "loss">,
  losses = 0,
): FsError {
  // Of several losses the reason of the last is known, which may not be its own.
  const isOnlyOne = fs.losses === losses + 1;
  const code = isOnlyOne ? fs.loss ?? "io" : "io";
  return new FsError(code, "it was undone before it could be kept");
}
