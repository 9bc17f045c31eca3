import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import type { AcceptStatus, RpcCall } from "./message.ts";
import type { Endpoint, Secure } from "./transport.ts";

/** A connection, as the layers above see it. */
export interface Connection {
  /** The other end. */
  readonly peer: Endpoint;
  /** This end. */
  readonly local: Endpoint;
  /** Among whom all that has a limit is shared out: see `partyOf`. */
  readonly party: string;
  /** Why it was closed; undefined while it is open. */
  readonly closeReason: CloseReason | undefined;
  /** The peer sends nothing more: it is closed, or will be when its calls are answered. */
  readonly isHalfClosed: boolean;
  /** Whether the socket had taken the answers to all earlier calls when the last one came. */
  readonly hasAnswered: boolean;
  /**
   * Whether a reply that is more than `SMALL_REPLY` may grow by so many bytes;
   * otherwise its call is to be made again later.
   */
  hasRoom(bytes: number): boolean;
  /**
   * Sends a call of our own as one record: `write` writes the message, from its
   * xid on, and returns at once. False when the connection is closed, or its
   * peer takes nothing any more.
   */
  sendCall(write: (message: XdrWriter) => void): boolean;
  /**
   * When all that was asked before is answered, nothing is read or written but
   * through what `secure` makes of the transport (STARTTLS, RFC 9289 4.1). The
   * peer must not send meanwhile, and is closed if it does; so it is when
   * `secure` rejects.
   */
  upgrade(secure: Secure): void;
}

/**
 * What the layers above do with the messages of a connection.
 *
 * `call` and `reply` read straight from the socket's buffer: views taken from
 * a reader are valid until the method returns, or until the promise of `call`
 * settles. Whatever is kept longer must be copied.
 */
export interface RpcHandlers {
  /**
   * Answers one call. The header of an accepted reply is written already;
   * results go to `results`, beginning at its position when called. Any status
   * but SUCCESS cuts off what was written (PROG_MISMATCH: see `progMismatch`).
   * `XdrError` becomes GARBAGE_ARGS, any other error SYSTEM_ERR and a line in
   * the log.
   *
   * A promise lets the calls behind it overtake; `call` and `results` are its
   * own until it settles. Nothing else may write to `results` after that.
   *
   * A reply that relies on what is yet to be made durable says so in
   * `call.reliance`: what the replies of a batch rely on is settled once for all
   * of them, while reading and other batches go on, and only then they leave.
   */
  call(
    call: RpcCall,
    results: XdrWriter,
    connection: Connection,
  ): AcceptStatus | Promise<AcceptStatus>;

  /** Takes a reply to a call of ours; `xdr` is behind the message type. */
  reply(connection: Connection, xid: number, xdr: XdrReader): void;

  /** Called once, when nothing can be sent on the connection any more. */
  closed(connection: Connection, reason: CloseReason): void;
}

/** Why a connection ended; fit for a metric's label. */
export type CloseReason =
  /** The peer closed it. */
  | "peer"
  /** Reading or writing failed. */
  | "transport"
  /** What came is no RPC. */
  | "protocol"
  /** No whole call came in the time for the first one. */
  | "handshake"
  /** The peer did not take its replies for too long. */
  | "stalled"
  /** Newer connections needed its place. */
  | "evicted"
  /** An error of our own. */
  | "internal"
  /** The server stops, or the layers above asked for it. */
  | "shutdown";

/** Hears what the transport does; each method must be quick and never throw. */
export interface TransportObserver {
  /** A connection was accepted or made. */
  connectionOpened?(): void;
  /** A connection ended. */
  connectionClosed?(reason: CloseReason): void;
  /** A connection was turned away at a limit. */
  connectionRefused?(): void;
  /** A peer was gone before its connection could be accepted, or before it was found out who it is. */
  connectionLost?(): void;
  /** One read brought `bytes`. */
  bytesReceived?(bytes: number): void;
  /** One write took `bytes`. */
  bytesSent?(bytes: number): void;
  /** A call was denied, answered with GARBAGE_ARGS or SYSTEM_ERR, or what its reply said could not be kept. */
  callRefused?(reason: CallRefusal): void;
}

/** Why the transport itself refused a call; fit for a metric's label. */
export type CallRefusal =
  | "rpc_mismatch"
  | "auth"
  | "garbage_args"
  | "system_err"
  | "unsettled";
