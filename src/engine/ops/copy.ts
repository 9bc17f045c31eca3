import { type Steps, wait } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import {
  type NetworkLocation,
  readNetworkLocation,
} from "../../nfs4/network_location.ts";
import { FsError } from "../../vfs/errors.ts";
import { changing, type ChangingContext } from "../files/changing.ts";
import { ContentCopy } from "../files/content_copy.ts";
import {
  authorizeCopy,
  type CopiedRange,
  type CopiedRangeArgs,
  readCopiedRange,
} from "../files/copied_range.ts";
import { dropSetId } from "../files/set_id.ts";
import { STABILITY } from "../files/stability.ts";
import { writeVerifierOf } from "../files/write_verifier.ts";
import type { Operation } from "../operation.ts";
import { takeTurns } from "../take_turns.ts";

/** Source servers of a COPY that are read. */
const MAX_SERVERS = 64;
/** Bytes that are written before the answer: a client asks for the rest. */
export const MOST_AT_ONCE = 4 * 1024 * 1024;

/** Arguments of COPY. */
export interface CopyArgs extends CopiedRangeArgs {
  /** To be done in order. */
  readonly consecutive: boolean;
  /** To be done before the answer. */
  readonly synchronous: boolean;
  /** Where the source is; none for the same server. */
  readonly servers: readonly NetworkLocation[];
}

/** COPY (RFC 7862 15.2) within the server, always in order. */
export const copy: Operation<CopyArgs, "write"> = {
  decode: (xdr) => ({
    ...readCopiedRange(xdr),
    consecutive: xdr.bool(),
    synchronous: xdr.bool(),
    servers: xdr.array(MAX_SERVERS, readNetworkLocation),
  }),

  *run(context, args) {
    // No source is anywhere else: COPY_NOTIFY is not offered.
    if (args.servers.length > 0) return Status.NOTSUPP;
    const range = yield* authorizeCopy(context, args);
    if (isStatus(range)) return range;
    // RFC 7862 15.2.3: whether or not the ranges overlap.
    if (range.source.key === context.file.key) return Status.INVAL;
    return yield* copyAtOnce(context, range);
  },
};

function* copyAtOnce(
  context: ChangingContext<"write">,
  range: CopiedRange,
): Steps<StatusCode> {
  const { file, reply, services } = context;
  const verifier = writeVerifierOf(services, file);
  const into = changing(context, file);
  const copy = new ContentCopy({ asker: context, range, target: file, into });
  if (range.length > 0) yield* wait(dropSetId(context, file));
  try {
    while (copy.written < MOST_AT_ONCE && (yield* copy.step())) {
      yield* takeTurns(context);
    }
    yield* copy.close();
    // Its owner may have set them meanwhile.
    if (range.length > 0) yield* wait(dropSetId(context, file));
  } catch (error) {
    // The client comes for the rest, and is told then.
    if (copy.done === 0 || FsError.from(error) === undefined) throw error;
  }
  // No wr_callback_id: all that is done was done.
  reply.uint32(0);
  reply.uint64(BigInt(copy.done));
  reply.uint32(STABILITY.indexOf(copy.stability));
  reply.opaqueFixed(verifier);
  // In order, and before the answer.
  reply.bool(true);
  reply.bool(true);
  return Status.OK;
}
