import { isStatus, Status } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { changing } from "../files/changing.ts";
import {
  authorizeCopy,
  type CopiedRange,
  type CopiedRangeArgs,
  readCopiedRange,
} from "../files/copied_range.ts";
import { changeContent } from "../files/set_id.ts";
import type { Operation } from "../operation.ts";

/** Bytes of a block where the file system does not say. */
const BLOCK = 4096;

/** CLONE (RFC 7862 15.13): a range is shared, and not copied until one of the files changes. */
export const clone: Operation<CopiedRangeArgs, "clone"> = {
  decode: readCopiedRange,

  *run(context, args) {
    const { saved, file } = context;
    // What could not be done in any case takes no delegation from its holder.
    if (saved !== undefined && saved.export !== file.export) return Status.XDEV;
    const range = yield* authorizeCopy(context, args);
    if (isStatus(range)) return range;
    const { source, sourceOffset, targetOffset, length } = range;
    if (!isInBlocks(file, range) || isOverlap(file, range)) return Status.INVAL;
    // Nothing cloned, nothing changed, as of a WRITE.
    if (length === 0) return Status.OK;
    const shared = { sourceOffset, targetOffset, length };
    const share = () =>
      changing(context, file).clone(source.node, file.node, shared);
    yield* changeContent(context, file, share);
    return Status.OK;
  },
};

function isInBlocks(
  { export: { fs } }: FileRef,
  { sourceOffset, targetOffset, length, sourceSize }: CopiedRange,
): boolean {
  const block = fs.limits?.cloneBlock ?? BLOCK;
  return sourceOffset % block === 0 && targetOffset % block === 0 &&
    (length % block === 0 || sourceOffset + length === sourceSize);
}

function isOverlap(
  file: FileRef,
  { source, sourceOffset, targetOffset, length }: CopiedRange,
): boolean {
  return source.key === file.key &&
    Math.abs(sourceOffset - targetOffset) < length;
}
