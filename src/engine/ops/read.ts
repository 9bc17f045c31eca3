import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { Awaitable, ReadResult } from "../../vfs/file_system.ts";
import { chain } from "../chain.ts";
import type { CompoundContext } from "../context.ts";
import { authorizeIo } from "../io_stateid.ts";
import type { Operation } from "../operation.ts";

/** READ4args. */
export interface ReadArgs {
  /** Under which state. */
  readonly stateid: Stateid;
  /** First byte; beyond 2^53 it is larger than any file. */
  readonly offset: number;
  /** Bytes. */
  readonly count: number;
}

/** READ (RFC 8881 18.22, RFC 7530 16.23). */
export const read: Operation<ReadArgs> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    offset: xdr.uint64Number(),
    count: xdr.uint32(),
  }),

  run(context, args) {
    const status = authorizeIo(context, args.stateid, false);
    // Not by `chain`: this is the hottest of all paths.
    if (status instanceof Promise) {
      return status.then((status) =>
        status === Status.OK ? fill(context, args) : status
      );
    }
    return status === Status.OK ? fill(context, args) : status;
  },
};

/** Has the file system write straight into the reply. */
function fill(
  context: CompoundContext,
  { offset, count }: ReadArgs,
): Awaitable<StatusCode> {
  const { file, reply, services: { limits } } = context;
  const eofAt = reply.position;
  reply.bool(true);
  if (offset > Number.MAX_SAFE_INTEGER) {
    // RFC 8881 18.22.3: an offset behind the end is no error.
    reply.uint32(0);
    return Status.OK;
  }
  const length = Math.min(count, limits.maxRead);
  const target = reply.space(length);
  const finish = ({ bytes, eof }: ReadResult): StatusCode => {
    reply.spaceUsed(length, bytes);
    reply.patchUint32(eofAt, eof ? 1 : 0);
    return Status.OK;
  };
  return chain(file.export.fs.read(file.node, offset, target), finish);
}
