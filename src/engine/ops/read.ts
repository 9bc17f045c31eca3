import type { Awaitable } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { ReadResult } from "../../vfs/file_system.ts";
import type { CompoundContext } from "../context.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import type { Operation } from "../operation.ts";

/** READ4args. */
export interface ReadArgs {
  /** Under which state. */
  readonly stateid: Stateid;
  /** First byte; beyond 2^53 it is larger than any file. */
  readonly offset: number;
  /** Bytes that are asked for. */
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
    const status = authorizeIo(context, args.stateid, "read");
    // Not by `chain`: this is the hottest of all paths.
    if (status instanceof Promise) {
      // Taken before the wait, so that the connection knows what it waits with.
      const room = roomFor(context, args);
      if (room === undefined) {
        return status.then((status) =>
          status === Status.OK ? Status.DELAY : status
        );
      }
      return status.then((status) =>
        status === Status.OK ? fill(context, args, room) : status
      );
    }
    if (status !== Status.OK) return status;
    const room = roomFor(context, args);
    return room === undefined ? Status.DELAY : fill(context, args, room);
  },
};

/** Where the data goes in the reply; nowhere while connections hold too much for that. */
function roomFor(
  context: CompoundContext,
  { offset, count }: ReadArgs,
): Uint8Array | undefined {
  const { reply, services: { limits } } = context;
  // RFC 8881 18.22.3: an offset behind the end is no error.
  const length = offset > Number.MAX_SAFE_INTEGER
    ? 0
    : Math.min(count, limits.maxRead);
  if (!context.reserve(lengthOnWire(length) + 4)) return undefined;
  reply.bool(true);
  return reply.space(length);
}

/** Has the file system write straight into the reply. */
function fill(
  context: CompoundContext,
  { offset }: ReadArgs,
  room: Uint8Array,
): Awaitable<StatusCode> {
  if (offset > Number.MAX_SAFE_INTEGER) return Status.OK;
  const { file, reply } = context;
  const { length } = room;
  const eofAt = reply.position - lengthOnWire(length) - 4;
  const { fs } = file.export;
  const finish = ({ bytes, eof }: ReadResult): StatusCode => {
    reply.spaceUsed(length, Math.min(bytes, length));
    reply.patchUint32(eofAt, eof ? 1 : 0);
    return Status.OK;
  };
  const result = fs.read(file.node, offset, room);
  if (!(result instanceof Promise)) return finish(result);
  const goOn = context.whileOthersAct();
  return result.then((result) => {
    if (result.isSettled) goOn();
    return finish(result);
  }, (error) => {
    // It may still be at work, and must not fill what is others' by then.
    reply.abandon(eofAt);
    throw error;
  });
}

/** Bytes of an opaque of `length` bytes. */
function lengthOnWire(length: number): number {
  return 4 + length + (-length & 3);
}
