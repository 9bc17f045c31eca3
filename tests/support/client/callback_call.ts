/** A callback on the client's side: what is kept of it, where its answer goes. */

import type {
  CallbackCompound,
  CallbackHeader,
  CallbackOperation,
  CallbackResult,
} from "./callback_wire.ts";
import type { ClientConnection } from "./connection.ts";
import type { ReceivedRecord } from "./framing.ts";

/** A callback that arrived, and what became of it. */
export interface CallbackCall {
  readonly record: ReceivedRecord;
  /** The session connection that it came on; undefined for a dialled one. */
  readonly connection: ClientConnection | undefined;
  readonly header: CallbackHeader;
  /** Undefined for CB_NULL and for what could not be read. */
  readonly compound: CallbackCompound | undefined;
  /** Everything wrong with it. */
  readonly violations: readonly string[];
  /** A second sending of a request that was carried out. */
  readonly isRetry: boolean;
  /** It used a slot above the target that the client had asked for. */
  readonly isAboveTarget: boolean;
  /** Status of the COMPOUND that was answered, if one was. */
  readonly status: number | undefined;
}

/** Where an answer goes. */
export interface CallbackReturn {
  readonly connection?: ClientConnection;
  send(record: Uint8Array): Promise<void>;
  close(): void;
}

/** How strict, and how it answers when nothing else is said. */
export interface CallbackPeerOptions {
  /** NFSv4.0: what SETCLIENTID said. */
  readonly v40?: { readonly program: number; readonly ident: number };
  /**
   * "whole" compares credentials with csa_sec_parms to the last field; "ids"
   * leaves stamp and machine name to the server, as knfsd fills in its own;
   * "none" wants AUTH_NONE, which Linux's client never does.
   */
  readonly credentials?: "whole" | "ids" | "none" | undefined;
}

/** Carries out a callback operation in a test's own way. */
export type CallbackOperationHandler = (
  operation: CallbackOperation,
) => CallbackResult;

/** A call that is still being judged. */
export interface Draft {
  readonly record: ReceivedRecord;
  readonly channel: CallbackReturn;
  readonly header: CallbackHeader;
  compound: CallbackCompound | undefined;
  readonly violations: string[];
  isRetry: boolean;
  isAboveTarget: boolean;
  status: number | undefined;
}
