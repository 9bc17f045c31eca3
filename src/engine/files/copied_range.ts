import { type Steps, wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CloneRange } from "../../vfs/file_system.ts";
import { TYPE, wantedOnly } from "../../vfs/wanted.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import type { CompoundContext } from "../context.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import { attributesOf } from "./attributes_of.ts";
import { isBeyondAll, largestSizeOf } from "./file_ranges.ts";

/** What CLONE and COPY are to bring from the saved filehandle to the current one. */
export interface CopiedRangeArgs {
  /** State of the source. */
  readonly source: Stateid;
  /** State of the destination. */
  readonly destination: Stateid;
  /** First byte of the source. */
  readonly sourceOffset: bigint;
  /** First byte of the destination. */
  readonly destinationOffset: bigint;
  /** Number of bytes; 0 is to the end. */
  readonly count: bigint;
}

/** The same, found to be in the source, and to fit into the destination. */
export interface CopiedRange extends CloneRange {
  /** The file that it is of. */
  readonly source: FileRef;
  /** Its size. */
  readonly sourceSize: number;
  /** Whether it takes less room than it is long. */
  readonly mayHaveHoles: boolean;
}

const SIZES = wantedOnly(["size", "used"]);

/** CLONE4args, with which COPY4args begin. */
export function readCopiedRange(xdr: XdrReader): CopiedRangeArgs {
  return {
    source: readStateid(xdr),
    destination: readStateid(xdr),
    sourceOffset: xdr.uint64(),
    destinationOffset: xdr.uint64(),
    count: xdr.uint64(),
  };
}

/**
 * The range that the caller may bring from one file to the other (RFC 7862 15.2.3,
 * 15.13.3): both are regular, the one is read and the other written by its stateid.
 */
export function* authorizeCopy(
  context: CompoundContext,
  args: CopiedRangeArgs,
): Steps<CopiedRange | StatusCode> {
  const { saved: source, file } = context;
  if (source === undefined) return Status.NOFILEHANDLE;
  for (const each of [source, file]) {
    const { type } = yield* wait(attributesOf(each, TYPE));
    if (type !== "file") return Status.WRONG_TYPE;
  }
  const read = authorizeIo(context, args.source, "read", source);
  const status = yield* wait(read);
  if (status !== Status.OK) return status;
  const written = yield* wait(authorizeIo(context, args.destination, "write"));
  if (written !== Status.OK) return written;
  // Not before: another client may have had more of it under its delegation.
  const { size, used } = yield* wait(attributesOf(source, SIZES));
  const { sourceOffset, destinationOffset: offset } = args;
  const toEnd = BigInt(size) - sourceOffset;
  const length = args.count === 0n ? toEnd : args.count;
  if (toEnd < 0n || length > toEnd) return Status.INVAL;
  if (isBeyondAll(offset, length)) return Status.INVAL;
  if (offset + length > BigInt(largestSizeOf(file))) return Status.FBIG;
  return {
    source,
    sourceSize: size,
    mayHaveHoles: used < size,
    sourceOffset: Number(sourceOffset),
    targetOffset: Number(offset),
    length: Number(length),
  };
}
