import { attempt, type Awaitable } from "../../base/awaitable.ts";
import { Op, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { LockOwner, OpenOwner } from "../../state/owners.ts";
import type { OwnerReply } from "../../state/owners_v40.ts";
import type { CompoundContext } from "../context.ts";
import { statusOfError } from "../status.ts";

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
 * there the session's slot sees to that.
 */
export function sequenced(
  context: CompoundContext,
  request: OwnerRequest,
  act: () => Awaitable<StatusCode>,
): Awaitable<StatusCode> {
  const { owner, operation, seqid } = request;
  const { sequence } = owner;
  if (sequence === undefined) return act();
  // The same request may come again on a new connection while the first is being carried out.
  if (sequence.pending !== undefined) {
    return sequence.pending.then(() => sequenced(context, request, act));
  }
  context.client = owner.client;
  const order = sequence.order(seqid, context.xid);
  if (order === "wrong") return Status.BAD_SEQID;
  if (order === "again") {
    // RFC 7530 9.1.9: another operation under the seqid of the last is no retransmission.
    return sequence.reply?.operation === operation
      ? repeat(context, sequence.reply)
      : Status.BAD_SEQID;
  }
  const start = context.reply.position;
  const record = (status: StatusCode): StatusCode => {
    const { reply, current, conflict } = context;
    const isDenied = status === Status.DENIED;
    sequence.answer(seqid, {
      operation,
      xid: context.xid,
      status,
      body: status === Status.OK ? reply.slice(start) : NOTHING,
      current: operation === Op.OPEN ? current : undefined,
      conflict: isDenied ? conflict : undefined,
    });
    return status;
  };
  const outcome = attempt(act, (error) => {
    record(statusOfError(error, 0) ?? Status.SERVERFAULT);
    throw error;
  });
  if (!(outcome instanceof Promise)) return record(outcome);
  const done = outcome.then(record).finally(() => {
    sequence.pending = undefined;
  });
  sequence.pending = done.catch(() => {});
  return done;
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
