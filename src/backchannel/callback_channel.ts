import type { Connection } from "../rpc/handlers.ts";
import { XdrError } from "../xdr/error.ts";
import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import type { CallbackOperation } from "./callback_ops.ts";
import {
  type CallbackReply,
  type CallbackTarget,
  decodeCBCompound,
  decodeCBNull,
  encodeCBCompound,
  encodeCBNull,
} from "./callback_wire.ts";
import { PendingCBReplies } from "./pending_replies.ts";

/** A callback that was not answered: the connection ended, or the time did. */
export class CallbackTransportError extends Error {
  override readonly name = "CallbackTransportError";
}

/**
 * Whether an exchange failed by the client's doing or the way's: no answer, or
 * none that can be read. Any other error is the server's own.
 */
export function isPeers(
  error: unknown,
): error is CallbackTransportError | XdrError {
  return error instanceof CallbackTransportError || error instanceof XdrError;
}

/** A CB_COMPOUND, but for its XID. */
export interface CallbackCall {
  /** Where it goes, and in whose name. */
  readonly target: CallbackTarget;
  /** Its operations, CB_SEQUENCE included. */
  readonly operations: readonly CallbackOperation[];
  /** Called when it has left: from now on the client may have seen it. */
  readonly left?: () => void;
}

/** The way of callbacks over one connection. */
export class CallbackChannel {
  /** Calls that wait for the client's reply. */
  readonly pending: PendingCBReplies;
  readonly #connection: Pick<Connection, "sendCall">;

  /** `firstXid`: where this connection's XIDs begin. */
  constructor(connection: Pick<Connection, "sendCall">, firstXid: number) {
    this.#connection = connection;
    this.pending = new PendingCBReplies(firstXid);
  }

  /**
   * Sends a callback; resolves to the client's reply. Rejects with
   * {@linkcode CallbackTransportError} when the connection ends or `signal`
   * aborts before, and with XdrError for a reply that can't be read; see
   * {@linkcode isPeers}.
   */
  call(call: CallbackCall, signal: AbortSignal): Promise<CallbackReply> {
    return this.#exchange({
      encode: (xdr, xid) => encodeCBCompound(xdr, xid, call),
      decode: (xdr) => decodeCBCompound(xdr, call.operations),
      left: call.left,
    }, signal);
  }

  /** Sends CB_NULL; resolves to whether the client answered it. Rejects as {@linkcode CallbackChannel.call}. */
  probe(target: CallbackTarget, signal: AbortSignal): Promise<boolean> {
    return this.#exchange({
      encode: (xdr, xid) => encodeCBNull(xdr, xid, target),
      decode: decodeCBNull,
    }, signal);
  }

  async #exchange<Reply>(
    message: {
      readonly encode: (xdr: XdrWriter, xid: number) => void;
      readonly decode: (xdr: XdrReader) => Reply;
      readonly left?: (() => void) | undefined;
    },
    signal: AbortSignal,
  ): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const xid = this.pending.register((xdr) => {
      try {
        resolve(message.decode(xdr));
      } catch (error) {
        reject(error);
      }
    }, reject);
    const giveUp = (reason: string): void => {
      this.pending.cancel(xid);
      reject(new CallbackTransportError(reason));
    };
    const stop = (): void => giveUp("no reply in time");
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) stop();
      else if (this.#connection.sendCall((xdr) => message.encode(xdr, xid))) {
        message.left?.();
      } else giveUp("the connection is closed");
      return await promise;
    } finally {
      // A call that could not be sent no longer waits to hear that it was given
      // up.
      signal.removeEventListener("abort", stop);
      this.pending.cancel(xid);
    }
  }

  /** The connection ended. */
  closed(): void {
    this.pending.fail(new CallbackTransportError("the connection was closed"));
  }
}
