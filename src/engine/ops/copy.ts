import type { Steps } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import {
  type NetworkLocation,
  readNetworkLocation,
} from "../../nfs4/network_location.ts";
import { type Stateid, writeStateid } from "../../nfs4/types.ts";
import { FsError } from "../../vfs/errors.ts";
import type { Stability } from "../../vfs/file_system.ts";
import type { XdrWriter } from "../../xdr/writer.ts";
import { goOnBehindAnswer } from "../files/copy_job.ts";
import { MOST_AT_ONCE } from "../bulk_work.ts";
import { changing, type ChangingContext } from "../files/changing.ts";
import { ContentCopy } from "../files/content_copy.ts";
import {
  authorizeCopy,
  type CopiedRange,
  type CopiedRangeArgs,
  readCopiedRange,
} from "../files/copied_range.ts";
import { STABLE_HOW } from "../../nfs4/stable_how.ts";
import { writeVerifierOf } from "../files/write_verifier.ts";
import type { Operation } from "../operation.ts";
import { takeTurns } from "../take_turns.ts";

/** Source servers of a COPY that are read. */
const MAX_SERVERS = 64;

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
    const isMuch = range.length > MOST_AT_ONCE && !args.synchronous;
    const later = isMuch ? copyLater(context, range) : undefined;
    return later ?? (yield* copyAtOnce(context, range));
  },
};

/** Has it go on behind the answer; `undefined` where there is no place for that. */
function copyLater(
  context: ChangingContext<"write">,
  range: CopiedRange,
): StatusCode | undefined {
  const { client, session, slot, file, reply, services, connection } = context;
  if (client === undefined || session === undefined || slot === undefined) {
    return undefined;
  }
  const into = changing(context, file);
  const verifier = writeVerifierOf(services, file);
  const grantedTo = { session, slot, sequence: slot.sequence };
  const request = { client, file, grantedTo, verifier };
  const copy = services.state.copies.begin(request);
  if (copy === undefined) return undefined;
  const caller = context.callerOf(file);
  const asker = { connection, services, callerOf: () => caller };
  const content = new ContentCopy({ asker, range, target: file, into });
  const job = { connection, services, copy, content, source: range.source };
  goOnBehindAnswer(context, job);
  answer(reply, { copy, count: 0, stability: "unstable", verifier });
  return Status.OK;
}

function* copyAtOnce(
  context: ChangingContext<"write">,
  range: CopiedRange,
): Steps<StatusCode> {
  const { file, reply, services, bulk } = context;
  const verifier = writeVerifierOf(services, file);
  const into = changing(context, file);
  const copy = new ContentCopy({ asker: context, range, target: file, into });
  try {
    const { written } = bulk;
    // Some in any case: no bytes would be the end of the source to a client.
    while (yield* copy.step()) {
      bulk.written = written + copy.written;
      yield* takeTurns(context);
      if (bulk.isOver) break;
    }
    yield* copy.close();
  } catch (error) {
    // The client comes for the rest, and is told then.
    if (copy.done === 0 || FsError.from(error) === undefined) throw error;
  }
  const { done: count, stability } = copy;
  answer(reply, { copy: undefined, count, stability, verifier });
  return Status.OK;
}

/** COPY4resok: always in order, and before the answer where no copy goes on. */
function answer(
  reply: XdrWriter,
  { copy, count, stability, verifier }: {
    readonly copy: Stateid | undefined;
    readonly count: number;
    readonly stability: Stability;
    readonly verifier: Uint8Array;
  },
): void {
  reply.array(copy === undefined ? [] : [copy], writeStateid);
  reply.uint64Number(count);
  reply.uint32(STABLE_HOW.indexOf(stability));
  reply.opaqueFixed(verifier);
  reply.bool(true);
  reply.bool(copy === undefined);
}
