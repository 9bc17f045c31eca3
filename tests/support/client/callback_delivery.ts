/** Sends the client's answer, or does to it what a test has asked for. */

import type { Behaviour } from "./callback_behaviour.ts";
import type { CallbackReturn, Draft } from "./callback_call.ts";
import { acceptedReply, deniedReply, reply } from "./callback_rpc.ts";

/** An answer that is ready. */
export interface Delivery {
  readonly behaviour: Behaviour;
  /** The whole RPC reply. */
  readonly bytes: Uint8Array;
  /** Frees the slot. */
  readonly release?: () => void;
}

/** Whether the work is done, whatever becomes of its answer. */
export function isExecuted(behaviour: Behaviour): boolean {
  switch (behaviour.kind) {
    case "silent":
    case "close":
      return behaviour.executed ?? true;
    case "denied":
    case "accepted":
      return false;
    default:
      return true;
  }
}

/** Sends a record; a server that has hung up meanwhile will not miss it. */
export function send(channel: CallbackReturn, bytes: Uint8Array): void {
  channel.send(bytes).catch(() => {});
}

/** Answers as the behaviour says. */
export function deliver(draft: Draft, delivery: Delivery): void {
  const { behaviour } = delivery;
  if (behaviour.kind === "late") {
    behaviour.until.then(() => {
      delivery.release?.();
      send(draft.channel, delivery.bytes);
    });
    return;
  }
  delivery.release?.();
  if (behaviour.kind === "close") return draft.channel.close();
  for (const bytes of answers(draft.header.xid, delivery)) {
    send(draft.channel, bytes);
  }
}

/** What goes out: nothing, one reply, or the same one twice. */
function answers(xid: number, { behaviour, bytes }: Delivery): Uint8Array[] {
  switch (behaviour.kind) {
    case "silent":
      return [];
    case "twice":
      return [bytes, bytes];
    case "denied":
      return [deniedReply(xid, behaviour.why)];
    case "accepted":
      return [acceptedReply(xid, behaviour.stat)];
    case "wrong_xid": {
      const wrong = bytes.slice();
      new DataView(wrong.buffer).setUint32(0, xid ^ 0x5a5a5a5a);
      return [wrong];
    }
    case "garbage":
      return [reply(xid, (xdr) => xdr.raw(behaviour.bytes))];
    default:
      return [bytes];
  }
}
