import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { Op, Status, type StatusCode } from "../../nfs4/constants.ts";
import { type LockOwner, OpenOwner } from "../../state/owners.ts";
import { noteUse } from "../../state/idle_owners.ts";
import { forgetClosed } from "../../state/opens.ts";
import type { OwnerReply, OwnerSequence } from "../../state/owners_v40.ts";
import type { CompoundContext } from "../context.ts";
import { statusOfError } from "../status.ts";
import { takeTurns } from "../take_turns.ts";

/** A request in the sequence of its owner. */
export interface OwnerRequest {
  readonly owner: OpenOwner | LockOwner;
  /** Number of the operation. */
  readonly operation: number;
  /** What the request carries. */
  readonly seqid: number;
}

/**
 * Carries out a request of an open or lock owner once: sent again, it is given
 * the answer of the first time (RFC 7530 9.1.7). NFSv4.1 ignores seqids, for
 * there the session's slot sees to that. An open owner may be idle afterwards.
 */
export function inSeqidOrder(
  context: CompoundContext,
  request: OwnerRequest,
  act: () => Awaitable<StatusCode>,
): Awaitable<StatusCode> {
  const { owner } = request;
  if (owner.sequence === undefined) return act();
  return take(inSequence(context, request, { sequence: owner.sequence, act }));
}

function* inSequence(
  context: CompoundContext,
  request: OwnerRequest,
  { sequence, act }: {
    readonly sequence: OwnerSequence;
    readonly act: () => Awaitable<StatusCode>;
  },
): Steps<StatusCode> {
  const { owner, operation, seqid } = request;
  // The same request may come again on a new connection while the first is being carried out.
  while (sequence.pending !== undefined) {
    yield* wait(sequence.pending);
    // There may be thousands of them.
    yield* takeTurns(context);
  }
  const { state, clock } = context.services;
  const isOpener = owner instanceof OpenOwner;
  const start = context.reply.position;
  try {
    const order = sequence.order(seqid, context.xid);
    if (order === "wrong") return Status.BAD_SEQID;
    if (order === "again") {
      const { reply } = sequence;
      return isRetransmission(context, operation, reply)
        ? repeat(context, reply)
        : Status.BAD_SEQID;
    }
    // RFC 7530 9.10.1: the next request in sequence, so the last CLOSE was answered.
    if (isOpener) forgetClosed(state, owner);
    let status: StatusCode = Status.SERVERFAULT;
    try {
      const outcome = act();
      if (outcome instanceof Promise) sequence.pending = endOf(outcome);
      status = yield* wait(outcome);
      return status;
    } catch (error) {
      status = statusOfError(error, 0) ?? status;
      throw error;
    } finally {
      sequence.pending = undefined;
      const reply = replyFor(context, { operation, status, start });
      if (sequence.answer(seqid, reply)) context.hasChanged = true;
    }
  } finally {
    if (isOpener && !owner.client.isGone) noteUse(state, owner, clock.now());
  }
}

/** Settles as the work does, and never rejects. */
function endOf(work: Promise<unknown>): Promise<void> {
  return work.then(() => {}, () => {});
}

/**
 * RFC 7530 9.1.9: another operation under the seqid of the last is no
 * retransmission. Nor is another user's: one is not told what another was.
 */
function isRetransmission(
  { credential }: CompoundContext,
  operation: number,
  reply: OwnerReply | undefined,
): reply is OwnerReply {
  return reply?.operation === operation &&
    reply.principal === credential.principal;
}

/** What is given when the request comes again. */
function replyFor(
  { xid, credential, reply, current, conflict }: CompoundContext,
  { operation, status, start }: {
    readonly operation: number;
    readonly status: StatusCode;
    /** Offset of the result behind the status. */
    readonly start: number;
  },
): OwnerReply {
  return {
    operation,
    xid,
    principal: credential.principal,
    status,
    body: status === Status.OK ? reply.slice(start) : NOTHING,
    current: operation === Op.OPEN ? current : undefined,
    conflict: status === Status.DENIED ? conflict : undefined,
  };
}

const NOTHING = new Uint8Array(0);

/** Gives the answer of the first time. */
function repeat(context: CompoundContext, reply: OwnerReply): StatusCode {
  context.reply.raw(reply.body);
  context.conflict = reply.conflict;
  // RFC 7530 16.16.5: OPEN leaves the opened file as the current filehandle.
  if (reply.status === Status.OK && reply.current !== undefined) {
    context.setCurrent(reply.current);
  }
  return reply.status;
}
