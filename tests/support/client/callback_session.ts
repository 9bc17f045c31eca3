/** The client's end of a back channel: slots, reply cache, what it agreed to. */

import { Status, type StatusCode } from "../../../src/nfs4/constants.ts";
import type { CallbackHeader, CallbackSequence } from "./callback_wire.ts";
import type { ClientConnection } from "./connection.ts";
import { sameBytes } from "./names.ts";
import type { CallbackSecurity, ChannelAttributes } from "./ops_session.ts";

/** Slots that there really are: more than any server uses, however many are offered. */
const MAX_SLOTS = 1024;

/** A slot of the back channel. */
interface BackSlot {
  /** Of the last request carried out; a fresh slot has 0. */
  sequenceid: number;
  busy: boolean;
  /** COMPOUND arguments and results of that request. */
  args: Uint8Array;
  reply: Uint8Array | undefined;
}

/** What a session has to say about its callbacks. */
export interface CallbackSessionOptions {
  readonly sessionid: Uint8Array;
  readonly minorVersion: number;
  readonly program: number;
  readonly security: readonly CallbackSecurity[];
  /** As CREATE_SESSION answered: the client holds the server to it. */
  readonly channel: ChannelAttributes;
  /** Whether a fore-channel call has not been answered yet. */
  readonly isOutstanding?: (slotid: number, sequenceid: number) => boolean;
}

/** What CB_SEQUENCE comes to. */
export type SequenceVerdict =
  | { readonly kind: "execute" }
  | { readonly kind: "replay"; readonly reply: Uint8Array }
  | {
    readonly kind: "refuse";
    readonly status: StatusCode;
    /** What the server did wrong, if it did. */
    readonly violation?: string;
  };

/** A session as its back channel sees it. */
export class CallbackSession {
  readonly sessionid: Uint8Array;
  readonly minorVersion: number;
  readonly channel: ChannelAttributes;
  /** Program and credentials that callbacks must carry; BACKCHANNEL_CTL sets both. */
  program: number;
  security: readonly CallbackSecurity[];
  /** Connections that are bound to the back channel. */
  readonly connections: Set<ClientConnection> = new Set();
  /** csr_target_highest_slotid of the answers. */
  targetHighestSlotid: number;
  readonly #slots: BackSlot[];
  readonly #isOutstanding: (slotid: number, sequenceid: number) => boolean;

  constructor(options: CallbackSessionOptions) {
    this.sessionid = options.sessionid;
    this.minorVersion = options.minorVersion;
    this.program = options.program;
    this.security = options.security;
    this.channel = options.channel;
    this.#isOutstanding = options.isOutstanding ?? (() => false);
    const length = Math.min(options.channel.maxrequests, MAX_SLOTS);
    this.#slots = Array.from({ length }, () => ({
      sequenceid: 0,
      busy: false,
      args: new Uint8Array(),
      reply: undefined,
    }));
    this.targetHighestSlotid = this.highestSlotid;
  }

  /** Last slot of the back channel. */
  get highestSlotid(): number {
    return this.#slots.length - 1;
  }

  /** Sequence ids of the slots, as they stand. */
  get sequenceids(): readonly number[] {
    return this.#slots.map((slot) => slot.sequenceid);
  }

  /** Slots whose request has no answer yet. */
  get busySlots(): number {
    return this.#slots.filter((slot) => slot.busy).length;
  }

  /** What CB_SEQUENCE of a request with these arguments comes to (RFC 8881 20.9.3). */
  judge(sequence: CallbackSequence, args: Uint8Array): SequenceVerdict {
    const slot = this.#slots[sequence.slotid];
    if (!slot) {
      return {
        kind: "refuse",
        status: Status.BADSLOT,
        violation: `slot ${sequence.slotid} of ${this.#slots.length}`,
      };
    }
    if (
      sequence.highestSlotid < sequence.slotid ||
      sequence.highestSlotid > this.highestSlotid
    ) {
      return {
        kind: "refuse",
        status: Status.BAD_HIGH_SLOT,
        violation: `highest slot ${sequence.highestSlotid}`,
      };
    }
    if (sequence.sequenceid === slot.sequenceid && slot.sequenceid !== 0) {
      return retry(slot, args);
    }
    const next = (slot.sequenceid + 1) >>> 0;
    if (sequence.sequenceid !== next || slot.busy) {
      const violation = slot.busy
        ? `slot ${sequence.slotid} used while its request is unanswered`
        : `seqid ${sequence.sequenceid} where ${next} is next`;
      return { kind: "refuse", status: Status.SEQ_MISORDERED, violation };
    }
    return { kind: "execute" };
  }

  /** RFC 8881 2.10.6.3: whether a call that the callback refers to is still under way. */
  awaits(slotid: number, sequenceid: number): boolean {
    return this.#isOutstanding(slotid, sequenceid);
  }

  /** Takes the slot for a request that is carried out. */
  begin(sequence: CallbackSequence, args: Uint8Array): void {
    const slot = this.#slots[sequence.slotid]!;
    slot.sequenceid = sequence.sequenceid;
    slot.args = args;
    slot.reply = undefined;
    slot.busy = true;
  }

  /** Keeps the reply for a retry. */
  finish(sequence: CallbackSequence, reply: Uint8Array): void {
    this.#slots[sequence.slotid]!.reply = reply;
  }

  /** The reply is on its way, or lost for good: the slot may be used again. */
  release(sequence: CallbackSequence): void {
    this.#slots[sequence.slotid]!.busy = false;
  }

  /** Why the credential is not one that the client gave; undefined when it is. */
  refuseCredential(
    credential: CallbackHeader["credential"],
    compare: "whole" | "ids" | "none",
  ): string | undefined {
    if (compare === "none") {
      return credential.flavor === "none" ? undefined : "not AUTH_NONE";
    }
    if (credential.flavor !== "sys") return "not AUTH_SYS";
    for (const given of this.security) {
      if (given.flavor !== "sys") continue;
      const wanted = given.credential;
      const sameIds = wanted.uid === credential.uid &&
        wanted.gid === credential.gid &&
        String(wanted.gids) === String(credential.gids);
      const sameRest = compare === "ids" ||
        wanted.stamp === credential.stamp &&
          wanted.machine === credential.machine;
      if (sameIds && sameRest) return undefined;
    }
    return `uid ${credential.uid} gid ${credential.gid} of ` +
      `"${credential.machine}" is not what the client gave`;
  }
}

function retry(slot: BackSlot, args: Uint8Array): SequenceVerdict {
  if (!sameBytes(slot.args, args)) {
    return {
      kind: "refuse",
      status: Status.SEQ_FALSE_RETRY,
      violation: `seqid ${slot.sequenceid} used for another request`,
    };
  }
  if (slot.busy || !slot.reply) {
    return { kind: "refuse", status: Status.DELAY };
  }
  return { kind: "replay", reply: slot.reply };
}
