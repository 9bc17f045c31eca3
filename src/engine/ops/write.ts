import type { Awaitable } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { Stability } from "../../vfs/file_system.ts";
import { changing, type ChangingContext } from "../files/changing.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import { dropSetId } from "../files/set_id.ts";
import { largestSizeOf } from "../files/file_ranges.ts";
import { STABLE_HOW } from "../../nfs4/stable_how.ts";
import { writeVerifierOf } from "../files/write_verifier.ts";
import type { Operation } from "../operation.ts";

/** WRITE4args. */
export interface WriteArgs {
  /** Under which state. */
  readonly stateid: Stateid;
  /** First byte; beyond 2^53 it is larger than any file. */
  readonly offset: number;
  /** stable_how4 */
  readonly stable: number;
  /** A view of the request. */
  readonly data: Uint8Array;
}

/** WRITE (RFC 8881 18.32, RFC 7530 16.36). */
export const write: Operation<WriteArgs, "write"> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    offset: xdr.uint64Number(),
    stable: xdr.discriminant(2),
    data: xdr.opaque(xdr.remaining),
  }),

  run(context, args) {
    const status = authorizeIo(context, args.stateid, "write");
    if (status instanceof Promise) {
      return status.then((status) =>
        status === Status.OK ? store(context, args) : status
      );
    }
    return status === Status.OK ? store(context, args) : status;
  },
};

function store(
  context: ChangingContext<"write">,
  { offset, stable, data }: WriteArgs,
): Awaitable<StatusCode> {
  const { file, reply, services } = context;
  const { limits } = services;
  const count = Math.min(data.length, limits.maxWrite);
  if (offset > largestSizeOf(file) - count) return Status.FBIG;
  const verifier = writeVerifierOf(services, file);
  const finish = (committed: Stability): StatusCode => {
    reply.uint32(count);
    reply.uint32(STABLE_HOW.indexOf(committed));
    reply.opaqueFixed(verifier);
    return Status.OK;
  };
  // RFC 8881 18.32.4: nothing written, nothing changed.
  if (count === 0) return finish(STABLE_HOW[stable]!);
  const bytes = count === data.length ? data : data.subarray(0, count);
  const put = (): Awaitable<StatusCode> => {
    const written = changing(context, file)
      .write(file.node, offset, bytes, STABLE_HOW[stable]!);
    if (!(written instanceof Promise)) return finish(written);
    // Its owner may have set them while the content was on its way.
    return written.then(
      async (committed) => {
        await dropSetId(context, file);
        return finish(committed);
      },
      (error) => {
        // It may still be at work, and must not write what is others' by then.
        context.isRequestInUse = true;
        throw error;
      },
    );
  };
  const dropped = dropSetId(context, file);
  return dropped instanceof Promise ? dropped.then(put) : put();
}
