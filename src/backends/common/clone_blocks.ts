import { FsError } from "../../vfs/errors.ts";
import type { CloneRange } from "../../vfs/file_system.ts";

/** Throws "invalid" for a range that does not fit files of these sizes, by blocks of so many bytes: see `FileSystem.clone`. */
export function assertInBlocks(
  block: number,
  { source, target }: {
    readonly source: { readonly size: number };
    readonly target: { readonly size: number };
  },
  { sourceOffset, targetOffset, length }: CloneRange,
): void {
  const end = sourceOffset + length;
  const isAligned = sourceOffset % block === 0 && targetOffset % block === 0;
  // The end of a file may be part of a block, and the end of one that is longer may not come to lie there.
  const isWhole = length % block === 0
    ? end <= source.size
    : end === source.size && targetOffset + length >= target.size;
  if (!isAligned || !isWhole) throw new FsError("invalid");
}
