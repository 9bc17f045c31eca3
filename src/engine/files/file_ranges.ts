import { type Awaitable, type Steps, wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { TYPE } from "../../vfs/wanted.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import type { CompoundContext } from "../context.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import { attributesOf } from "./attributes_of.ts";
import { changeContent } from "./set_id.ts";

/** A range of a file, as ALLOCATE and DEALLOCATE name it. */
export interface FileRangeArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
}

const BEYOND_ALL = 2n ** 64n;

/** ALLOCATE4args and DEALLOCATE4args. */
export function readFileRange(xdr: XdrReader): FileRangeArgs {
  return {
    stateid: readStateid(xdr),
    offset: xdr.uint64(),
    length: xdr.uint64(),
  };
}

/** Whether bytes from one offset on are more than offsets of 64 bits reach. */
export function isBeyondAll(offset: bigint, length: bigint): boolean {
  return offset + length > BEYOND_ALL;
}

/** The largest size of a file in the export of this one. */
export function largestSizeOf({ export: { fs } }: FileRef): number {
  return fs.limits?.maxFileSize ?? Number.MAX_SAFE_INTEGER;
}

/**
 * Whether the caller may change a range of the current filehandle, which need not be
 * in the file: as WRITE, in the words of RFC 7862 15.1.3 and 15.4.3.
 */
function* authorizeRange(
  context: CompoundContext,
  { stateid, offset, length }: FileRangeArgs,
): Steps<StatusCode> {
  const { file } = context;
  const { type } = yield* wait(attributesOf(file, TYPE));
  if (type !== "file") return Status.WRONG_TYPE;
  // As Linux has it of its own fallocate(2), of which a client's comes.
  if (length === 0n || isBeyondAll(offset, length)) return Status.INVAL;
  if (offset + length > BigInt(largestSizeOf(file))) return Status.FBIG;
  return yield* wait(authorizeIo(context, stateid, "write"));
}

/**
 * Changes a range of the current filehandle, by `change`, where the caller may; what
 * ALLOCATE and DEALLOCATE have in common.
 */
export function* changeRange(
  context: CompoundContext,
  args: FileRangeArgs,
  change: (node: object, offset: number, length: number) => Awaitable<void>,
): Steps<StatusCode> {
  const status = yield* authorizeRange(context, args);
  if (status !== Status.OK) return status;
  const { file } = context;
  const [offset, length] = [Number(args.offset), Number(args.length)];
  const changeIt = () => change(file.node, offset, length);
  yield* changeContent(context, file, changeIt);
  return Status.OK;
}
