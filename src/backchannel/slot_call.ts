import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { BackSlot, BackSlots } from "./back_slots.ts";
import {
  type CallbackChannel,
  CallbackTransportError,
  isPeers,
} from "./callback_channel.ts";
import {
  CALLBACK_OPERATIONS,
  type CallbackOperation,
  callbackOperation,
  type CBSequenceResult,
} from "./callback_ops.ts";
import type {
  CallbackOutcome,
  CallbackRequest,
  SenderSession,
} from "./callback_request.ts";
import type { CallbackReply, CallbackResult } from "./callback_wire.ts";

/**
 * What one call on a slot came to: an outcome, nothing that could be called an
 * answer, or the client's wish to be asked again in a moment.
 */
export type SlotCallOutcome = CallbackOutcome | "unanswered" | "delayed";

/** What a call on a slot needs. */
export interface SlotCall {
  readonly session: SenderSession;
  readonly slots: BackSlots;
  readonly slot: BackSlot;
  readonly channel: CallbackChannel;
  /** Ends the wait for the reply. */
  readonly signal: AbortSignal;
  /** Is told each operation's status. */
  readonly operation:
    | ((name: string, status: StatusCode) => void)
    | undefined;
}

/**
 * The operations of a callback, CB_SEQUENCE first, made once: a retry must be
 * the same request to its last byte (RFC 8881 2.10.6.1.3.1).
 */
export function operationsOnSlot(
  { session, slots, slot }: Pick<SlotCall, "session" | "slots" | "slot">,
  request: Pick<CallbackRequest, "operations" | "referringCalls">,
): readonly CallbackOperation[] {
  const sequence = callbackOperation(CALLBACK_OPERATIONS.CB_SEQUENCE, {
    sessionId: session.id,
    seqid: slot.nextSeqid,
    slot: slot.id,
    highestSlot: slots.highest,
    referringCalls: request.referringCalls?.() ?? [],
  });
  return [sequence, ...request.operations];
}

/**
 * Sends what {@linkcode operationsOnSlot} made, and makes sense of the answer.
 * Only an answer to CB_SEQUENCE moves the slot on, so that calling again is a
 * retry of the same callback (RFC 8881 20.9.3). Rejects with errors of our own.
 */
export async function callOnSlot(
  call: SlotCall,
  operations: readonly CallbackOperation[],
): Promise<SlotCallOutcome> {
  const reply = await exchange(call, operations);
  if (reply === "unanswered") return reply;
  if ("refused" in reply) return { kind: "refused", reason: reply.refused };
  return judge(call, reply.results, operations);
}

async function exchange(
  { session, channel, signal, operation }: SlotCall,
  operations: readonly CallbackOperation[],
): Promise<CallbackReply | "unanswered"> {
  const target = session.target();
  if (target === undefined) {
    return { refused: "the client takes no credential that we have" };
  }
  try {
    const reply = await channel.call({ target, operations }, signal);
    if (!("refused" in reply)) {
      reply.results.forEach(({ status }, i) =>
        operation?.(operations[i]!.row.name, status)
      );
    }
    return reply;
  } catch (error) {
    if (!isPeers(error)) throw error;
    if (error instanceof CallbackTransportError) return "unanswered";
    return { refused: `unreadable reply: ${error.message}` };
  }
}

/** RFC 8881 18.46.3, SEQ4_STATUS_BACKCHANNEL_FAULT: the client is to make another session. */
const lostTrack: CallbackOutcome = {
  kind: "refused",
  reason: "CB_SEQUENCE: the sequence ID was used before the restart",
};

function judge(
  call: SlotCall,
  results: readonly CallbackResult[],
  operations: readonly CallbackOperation[],
): SlotCallOutcome {
  const [sequence, ...rest] = results;
  switch (sequence?.status) {
    case Status.OK:
      if (!isEcho(call, sequence.value as CBSequenceResult)) {
        return { kind: "refused", reason: "CB_SEQUENCE answers another slot" };
      }
      call.slot.advance();
      // RFC 8881 2.10.6.1: the replier says how many slots it wants to see used.
      call.slots.setTarget(
        (sequence.value as CBSequenceResult).targetHighestSlot,
      );
      return { kind: "answered", results: rest };
    case Status.RETRY_UNCACHED_REP:
    case Status.SEQ_FALSE_RETRY: {
      if (call.slot.isUnsure) return lostTrack;
      // The client saw this sequence ID before: what came with it was carried out.
      call.slot.advance();
      const { status } = sequence;
      return {
        kind: "answered",
        results: operations.slice(1).map(() => ({ status })),
      };
    }
    // RFC 8881 2.10.6.3: it has yet to read the reply that the callback refers to.
    case Status.DELAY:
      return "delayed";
    case Status.CONN_NOT_BOUND_TO_SESSION:
      return "unanswered";
    default:
      return {
        kind: "refused",
        reason: `CB_SEQUENCE: status ${sequence?.status ?? "missing"}`,
      };
  }
}

function isEcho(call: SlotCall, result: CBSequenceResult): boolean {
  const { slot, session } = call;
  return result.slot === slot.id && result.seqid === slot.nextSeqid &&
    result.sessionId.every((byte, i) => byte === session.id[i]);
}
