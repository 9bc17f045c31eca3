import type { CallbackChannel } from "./callback_channel.ts";
import type { CallbackOperation, ReferringCalls } from "./callback_ops.ts";
import type { CallbackResult, CallbackTarget } from "./callback_wire.ts";

/** What became of a callback. */
export type CallbackOutcome =
  | {
    /** The client carried it out; the results are those behind CB_SEQUENCE. */
    readonly kind: "answered";
    readonly results: readonly CallbackResult[];
  }
  | {
    /** The client's RPC layer or CB_SEQUENCE refused it: trying again is no use. */
    readonly kind: "refused";
    readonly reason: string;
  }
  | {
    /** No attempt was answered. */
    readonly kind: "failed";
    readonly reason: string;
  }
  | {
    /** No queue has room; that says nothing about the path. */
    readonly kind: "full";
  }
  | {
    /** The client takes no request of that size on the session; that says nothing about the path. */
    readonly kind: "too-big";
  }
  | {
    /** The session ended first, or the request is not wanted any more. */
    readonly kind: "stopped";
  }
  | {
    /** An error of the server's own, which it has logged; that says nothing about the path. */
    readonly kind: "error";
  };

/** A callback to send: the operations behind CB_SEQUENCE. */
export interface CallbackRequest {
  /** What the client is to do. */
  readonly operations: readonly CallbackOperation[];
  /** The requests that made what it is about (RFC 8881 2.10.6.3). */
  readonly referringCalls?: (() => readonly ReferringCalls[]) | undefined;
  /** Whether it still has a point; asked before each attempt. */
  readonly wanted?: () => boolean;
  /** Called when an attempt at it, or at one that it waits behind, was not answered: it may go another way as well. */
  readonly unanswered?: () => void;
  /** Called once, with how it ended. */
  readonly done: (outcome: CallbackOutcome) => void;
}

/** What the sender needs to know of its session. */
export interface SenderSession {
  /** sessionid4. */
  readonly id: Uint8Array;
  /** Slots of the back channel as negotiated. */
  readonly slots: number;
  /** Bytes of the largest callback that the client takes, with its RPC header (ca_maxrequestsize). */
  readonly maxRequestSize: number;
  /** Callbacks may have been sent on them before a restart, which the server does not remember. */
  readonly isRestored?: boolean;
  /** Where the next callback goes; `undefined` when the client allows none. */
  target(): CallbackTarget | undefined;
  /** Back-bound connections, the one to prefer first. */
  channels(): readonly CallbackChannel[];
}
