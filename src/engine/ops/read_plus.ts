import { type Steps, wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { wantedOnly } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { SegmentWriter } from "../files/segment_writer.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import type { Operation } from "../operation.ts";

/** READ_PLUS4args. */
export interface ReadPlusArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte; beyond 2^53 it is behind the end of any file. */
  readonly offset: number;
  /** Bytes that are asked for. */
  readonly count: number;
}

const SIZES = wantedOnly(["size", "used"]);

/** READ_PLUS (RFC 7862 15.10): READ that tells of holes by their length. */
export const readPlus: Operation<ReadPlusArgs> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    offset: xdr.uint64Number(),
    count: xdr.uint32(),
  }),

  *run(context, args) {
    const status = yield* wait(authorizeIo(context, args.stateid, "read"));
    return status === Status.OK ? yield* answer(context, args) : status;
  },
};

function* answer(
  context: CompoundContext,
  { offset, count }: ReadPlusArgs,
): Steps<StatusCode> {
  const { file, reply } = context;
  const { size, used } = yield* wait(attributesOf(file, SIZES));
  const eofAt = reply.position;
  reply.bool(false);
  reply.uint32(0);
  const end = Math.min(size, offset + count);
  const writer = new SegmentWriter(context, {
    offset,
    end,
    // What takes as much as it is long need not be asked for its holes.
    mayHaveHoles: used < size,
  });
  const status = yield* writer.write();
  if (status !== Status.OK) return status;
  // RFC 7862 15.10.3: also where all of it is behind the end.
  const isToEnd = offset + count >= size && writer.at >= end;
  reply.patchUint32(eofAt, isToEnd || writer.hasEnded ? 1 : 0);
  reply.patchUint32(eofAt + 4, writer.segments);
  return Status.OK;
}
