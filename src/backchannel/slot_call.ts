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
import {
  type CallbackReply,
  type CallbackResult,
  sizeOfCBCompound,
} from "./callback_wire.ts";

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
 * the same request to its last byte (RFC 8881 2.10.6.1.3.1). They go without the
 * calls that they refer to, which are a hint, where the client takes no request of
 * that size; `undefined` where it does not take the rest either.
 */
export function operationsOnSlot(
  call: Pick<SlotCall, "session" | "slots" | "slot">,
  request: Pick<CallbackRequest, "operations" | "referringCalls">,
): readonly CallbackOperation[] | undefined {
  const { session, slots, slot } = call;
  const referring = request.referringCalls?.() ?? [];
  for (const referringCalls of [referring, []]) {
    const sequence = callbackOperation(CALLBACK_OPERATIONS.CB_SEQUENCE, {
      sessionId: session.id,
      seqid: slot.nextSeqid,
      slot: slot.id,
      highestSlot: slots.highest,
      referringCalls,
    });
    const operations = [sequence, ...request.operations];
    const target = session.target();
    const size = target ? sizeOfCBCompound({ target, operations }) : 0;
    if (size <= session.maxRequestSize) return operations;
  }
  return undefined;
}

/**
 * Sends what {@linkcode operationsOnSlot} made, and makes sense of the answer.
 * Only an answer to CB_SEQUENCE moves the slot on, so that calling again is a
 * retry of the same callback (RFC 8881 20.9.3); until the client has said what
 * it made of it, the slot is unsettled. Rejects with errors of our own.
 */
export async function callOnSlot(
  call: SlotCall,
  operations: readonly CallbackOperation[],
): Promise<SlotCallOutcome> {
  const { session, slot, channel, signal, operation } = call;
  const target = session.target();
  if (target === undefined) {
    return refusal("the client takes no credential that we have");
  }
  const before = slot.unsettled;
  const left = () => void (slot.unsettled = operations);
  let reply: CallbackReply;
  try {
    reply = await channel.call({ target, operations, left }, signal);
  } catch (error) {
    if (!isPeers(error)) throw error;
    if (error instanceof CallbackTransportError) return "unanswered";
    return refusal(`unreadable reply: ${error.message}`);
  }
  if ("refused" in reply) {
    // This call was not carried out, whatever became of those before it.
    slot.unsettled = before;
    return refusal(reply.refused);
  }
  const { results } = reply;
  results.forEach(({ status }, i) =>
    operation?.(operations[i]!.row.name, status)
  );
  return judge(call, results, operations);
}

function refusal(reason: string): CallbackOutcome {
  return { kind: "refused", reason };
}

/** RFC 8881 18.46.3, SEQ4_STATUS_BACKCHANNEL_FAULT: the client is to make another session. */
const lostTrack = refusal(
  "CB_SEQUENCE: the sequence ID was used before the restart",
);

function judge(
  call: SlotCall,
  results: readonly CallbackResult[],
  operations: readonly CallbackOperation[],
): SlotCallOutcome {
  const [sequence, ...rest] = results;
  switch (sequence?.status) {
    case Status.OK:
      if (!isEcho(call, sequence.value as CBSequenceResult)) {
        return refusal("CB_SEQUENCE answers another slot");
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
    // RFC 8881 2.10.6.3: it has yet to read the reply that the callback refers
    // to; or, 2.10.6.2, it is still at the callback that this one repeats.
    case Status.DELAY:
      return "delayed";
    case Status.CONN_NOT_BOUND_TO_SESSION:
      return "unanswered";
    case undefined:
      return refusal("CB_SEQUENCE: status missing");
    default:
      // Had it seen the callback before, its answer would be that of then.
      call.slot.unsettled = undefined;
      return refusal(`CB_SEQUENCE: status ${sequence?.status}`);
  }
}

function isEcho(call: SlotCall, result: CBSequenceResult): boolean {
  const { slot, session } = call;
  return result.slot === slot.id && result.seqid === slot.nextSeqid &&
    result.sessionId.every((byte, i) => byte === session.id[i]);
}
