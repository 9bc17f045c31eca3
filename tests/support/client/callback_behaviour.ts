/** How a client may answer a callback, well or badly. */

import type { CallbackName } from "./callback_wire.ts";

/** What the client does with one CB_COMPOUND or CB_NULL. */
export type Behaviour =
  /** Carries it out and answers. */
  | { readonly kind: "answer" }
  /** Says nothing; by default the work was done and only its answer is lost. */
  | { readonly kind: "silent"; readonly executed?: boolean }
  /** Closes the connection instead of answering. */
  | { readonly kind: "close"; readonly executed?: boolean }
  /** Answers when the promise resolves; until then the slot is busy. */
  | { readonly kind: "late"; readonly until: Promise<unknown> }
  /** Answers, and says it again. */
  | { readonly kind: "twice" }
  /** Fails one operation; the first behind CB_SEQUENCE unless named. */
  | {
    readonly kind: "status";
    readonly status: number;
    readonly op?: CallbackName;
  }
  /** MSG_DENIED with this auth_stat. */
  | { readonly kind: "denied"; readonly why: number }
  /** MSG_ACCEPTED with this accept_stat: 1 PROG_UNAVAIL … 5 SYSTEM_ERR. */
  | { readonly kind: "accepted"; readonly stat: number }
  /** Answers under an XID that nobody used. */
  | { readonly kind: "wrong_xid" }
  /** Answers with these bytes behind XID and REPLY. */
  | { readonly kind: "garbage"; readonly bytes: Uint8Array }
  /** Answers, and asks for no slot above this one from now on. */
  | { readonly kind: "target"; readonly highestSlotid: number };

/** The ordinary behaviour. */
export const answer: Behaviour = { kind: "answer" };
