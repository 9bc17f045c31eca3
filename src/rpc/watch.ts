import type { RpcConnection } from "./connection.ts";
import type { CloseReason } from "./handlers.ts";

/** Times in milliseconds after which a connection is not worth keeping. */
export interface Patience {
  /** For the first whole call. */
  readonly handshake: number;
  /** For a peer to take some of its replies, or to end the record that it began. */
  readonly stall: number;
  /** Without a record: from then on it may give way to another. */
  readonly idle: number;
}

/** What is remembered of a connection from one look at it to the next. */
export class ConnectionWatch {
  readonly #connection: RpcConnection;
  readonly #since: number;
  #sent = 0;
  #sentAt: number;
  #records = 0;
  #recordAt: number;

  /** Begins to watch, at a time of the clock in milliseconds. */
  constructor(connection: RpcConnection, now: number) {
    this.#connection = connection;
    this.#since = this.#sentAt = this.#recordAt = now;
  }

  /** Looks at the connection; why it should be closed, if it should. */
  look(now: number, patience: Patience): CloseReason | undefined {
    const { established, bytesSent, bytesQueued } = this.#connection;
    const { isIdle, records, isReceiving } = this.#connection;
    if (!established && now - this.#since >= patience.handshake) {
      return "handshake";
    }
    if (bytesQueued === 0 || bytesSent > this.#sent) {
      this.#sent = bytesSent;
      this.#sentAt = now;
    }
    // While it has work of ours to wait for, it is not read from.
    if (!isIdle || records > this.#records) {
      this.#records = records;
      this.#recordAt = now;
    }
    const stuck = Math.min(this.#sentAt, isReceiving ? this.#recordAt : now);
    return now - stuck >= patience.stall ? "stalled" : undefined;
  }

  /** Since when nothing has come and nothing was to be done, as far as was looked. */
  get idleSince(): number {
    return this.#recordAt;
  }
}
