import {
  SESSIONID_SIZE,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import {
  type ChannelAttributes,
  Direction,
  SequenceFlag,
} from "../../nfs4/sessions.ts";
import type { Session } from "../../state/session.ts";
import type { Slot, SlotRequest } from "../../state/slot_table.ts";
import { XdrError } from "../../xdr/error.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";

/** Bytes of SEQUENCE4resok. */
const RESULT = 36;

/** SEQUENCE4args (RFC 8881 18.46.1). */
export interface SequenceArgs {
  /** The message that holds sa_sessionid. */
  readonly bytes: Uint8Array;
  /** Offset of sa_sessionid: each request has one, so no view is made of it. */
  readonly sessionAt: number;
  /** sa_sequenceid. */
  readonly sequence: number;
  /** sa_slotid. */
  readonly slot: number;
  /** sa_highest_slotid. */
  readonly highestSlot: number;
  /** sa_cachethis. */
  readonly cacheThis: boolean;
}

/** SEQUENCE (RFC 8881 18.46): exactly-once semantics, and the lease. */
export const sequence: Operation<SequenceArgs, "state"> = {
  decode(xdr) {
    const sessionAt = xdr.position;
    if (xdr.remaining < SESSIONID_SIZE) throw new XdrError("no session id");
    xdr.position += SESSIONID_SIZE;
    return {
      bytes: xdr.bytes,
      sessionAt,
      sequence: xdr.uint32(),
      slot: xdr.uint32(),
      highestSlot: xdr.uint32(),
      cacheThis: xdr.bool(),
    };
  },

  run(context, args) {
    const { counts } = context.services.state.sessions;
    const status = run(context, args);
    counts.total++;
    if (status !== Status.OK) {
      counts.errors.set(status, (counts.errors.get(status) ?? 0) + 1);
    }
    return status;
  },
};

function run(context: CompoundContext, args: SequenceArgs): StatusCode {
  const { sessions, lease } = context.services.state;
  const session = sessions.find(args.bytes, args.sessionAt);
  if (session === undefined) return Status.BADSESSION;
  if (args.slot > session.slots.highest) return Status.BADSLOT;
  const slot = session.slots.slot(args.slot);
  if (slot === undefined) return Status.DELAY;
  const request = requestOf(context, args);
  const status = args.sequence === slot.sequence
    ? repeat(context, session, { slot, request })
    : begin(context, session, { slot, request });
  // RFC 8881 18.46.3: an error changes neither slot nor lease.
  if (status !== Status.OK) return status;
  const { client } = session;
  lease.renew(client, context.startedAt);
  session.usedAt = client.renewedAt;
  // RFC 8881 2.10.3.1: without state protection SEQUENCE binds its connection.
  if (!session.touch(context.connection)) {
    sessions.bind(session, context.connection, Direction.FORE);
    session.touch(context.connection);
  }
  context.session = session;
  context.client = client;
  if (slot.isBusy) session.slots.shrink(slot, args.highestSlot);
  encode(context, session, args);
  return Status.OK;
}

function requestOf(context: CompoundContext, args: SequenceArgs): SlotRequest {
  return {
    sequence: args.sequence,
    cacheThis: args.cacheThis,
    principal: context.credential.principal,
    bytes: args.bytes,
    start: context.request.position,
    end: context.request.end,
  };
}

/** A request that the slot has not seen: it runs, or nothing has changed. */
function begin(
  context: CompoundContext,
  session: Session,
  { slot, request }: { slot: Slot; request: SlotRequest },
): StatusCode {
  // RFC 8881 2.10.6.1: only after the answer of the last.
  const isBusy = slot.isBusy || slot.isSettling;
  if (isBusy || !slot.expects(request.sequence)) {
    return Status.SEQ_MISORDERED;
  }
  const { fore } = session;
  const size = request.end - context.request.start;
  if (size > fore.maxRequestSize) return Status.REQ_TOO_BIG;
  // RFC 8881 18.36.3, ca_maxoperations.
  if (context.operationCount > fore.maxOperations) return Status.TOO_MANY_OPS;
  setReplyLimit(context, fore, request.cacheThis);
  if (context.replyRoom < RESULT) return context.replyLimitStatus;
  slot.begin(request);
  context.slot = slot;
  return Status.OK;
}

function setReplyLimit(
  context: CompoundContext,
  fore: ChannelAttributes,
  cacheThis: boolean,
): void {
  // RFC 8881 2.10.6.4: a reply that must be kept has to fit the cache.
  const tight = cacheThis && fore.maxResponseSizeCached < fore.maxResponseSize;
  context.replyLimit = tight
    ? fore.maxResponseSizeCached
    : fore.maxResponseSize;
  context.replyLimitStatus = tight
    ? Status.REP_TOO_BIG_TO_CACHE
    : Status.REP_TOO_BIG;
}

/** The last request of the slot again. */
function repeat(
  context: CompoundContext,
  session: Session,
  { slot, request }: { slot: Slot; request: SlotRequest },
): StatusCode {
  const { sessions } = context.services.state;
  // RFC 8881 2.10.6.2: still being carried out.
  if (slot.isBusy || slot.isSettling) return Status.DELAY;
  // RFC 8881 18.36.4: a slot never used has answered SEQ_MISORDERED to 0.
  if (!slot.isUsed) return Status.SEQ_MISORDERED;
  if (!slot.isRetry(request)) return Status.SEQ_FALSE_RETRY;
  if (slot.isOutcomeLost) {
    // RFC 8881 2.10.6.5: if not the original reply, then an indication that the session is lost.
    sessions.destroy(session, "lost-session");
    return Status.BADSESSION;
  }
  sessions.counts.replays++;
  context.replay = slot.reply;
  // RFC 8881 2.10.6.1.3: the second operation says that nothing was kept; of
  // a lone SEQUENCE the answer is made anew (2.10.6.1.1).
  context.isUncachedRetry = slot.reply === undefined;
  return Status.OK;
}

function encode(
  context: CompoundContext,
  session: Session,
  args: SequenceArgs,
): void {
  const { reply } = context;
  const { client, slots } = session;
  reply.opaqueFixed(session.id);
  reply.uint32(args.sequence);
  reply.uint32(args.slot);
  reply.uint32(slots.highest);
  reply.uint32(slots.target);
  const revoked = client.states.revoked > 0
    ? SequenceFlag.RECALLABLE_STATE_REVOKED
    : 0;
  reply.uint32(session.statusFlags | client.statusFlags | revoked);
}
