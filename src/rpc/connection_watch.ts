import type { CloseReason } from "./handlers.ts";

/** Times in milliseconds after which a connection is not worth keeping. */
export interface Patience {
  /** For the first whole call. */
  readonly handshake: number;
  /** For a peer to take 64 KiB of its replies, or all, or to end the record that it began. */
  readonly stall: number;
  /** For 64 KiB either way, of a peer that holds memory that others need. */
  readonly hoard: number;
  /** Without a record: from then on it may give way to another. */
  readonly idle: number;
}

/** How long connections are kept where nothing else is said. */
export const PATIENCE: Patience = {
  handshake: 30_000,
  stall: 120_000,
  hoard: 10_000,
  idle: 300_000,
};

/**
 * Bytes that a peer must take, or send of a record, in the time of a stall for it
 * to count as progress, where there are so many: one now and then is none.
 */
export const MIN_PROGRESS = 64 * 1024;

/** A connection, as far as it tells how it gets on. */
export interface Watched {
  /** Whether a call whose header is in order has come. */
  readonly isEstablished: boolean;
  /** Whether no call is in flight and nothing waits to be taken. */
  readonly isIdle: boolean;
  /** Whether part of a record has come. */
  readonly isReceiving: boolean;
  /** Records that came since the beginning. */
  readonly records: number;
  /** Bytes that the peer took since the beginning. */
  readonly bytesSent: number;
  /** Bytes that came from the peer since the beginning. */
  readonly bytesReceived: number;
  /** Bytes that the peer has not taken. */
  readonly bytesQueued: number;
  /** Bytes of memory that it holds. */
  readonly bytesHeld: number;
}

/** What is remembered of a connection from one look at it to the next. */
export class ConnectionWatch {
  readonly #connection: Watched;
  /** When it came, by the clock. */
  readonly since: number;
  #sent = 0;
  /** What it was to take at that moment. */
  #queued = 0;
  #sentAt: number;
  #moved = 0;
  #movedAt: number;
  #records = 0;
  #recordAt: number;

  /** Begins to watch, at a time of the clock in milliseconds. */
  constructor(connection: Watched, now: number) {
    this.#connection = connection;
    this.since =
      this.#sentAt =
      this.#recordAt =
      this.#movedAt =
        now;
  }

  /** Looks at the connection; why it should be closed, if it should. */
  look(now: number, patience: Patience): CloseReason | undefined {
    const { isEstablished, bytesSent, bytesQueued } = this.#connection;
    const { isIdle, records, isReceiving } = this.#connection;
    if (!isEstablished && now - this.since >= patience.handshake) {
      return "handshake";
    }
    const due = Math.min(this.#queued, MIN_PROGRESS);
    if (
      bytesQueued === 0 || this.#queued === 0 || bytesSent - this.#sent >= due
    ) {
      this.#sent = bytesSent;
      this.#queued = bytesQueued;
      this.#sentAt = now;
    }
    this.#noteMoves(now);
    // While it has work of ours to wait for, it is not read from.
    if (!isIdle || records > this.#records) {
      this.#records = records;
      this.#recordAt = now;
    }
    const stuck = Math.min(this.#sentAt, isReceiving ? this.#recordAt : now);
    return now - stuck >= patience.stall ? "stalled" : undefined;
  }

  /** Whether it has got nowhere for `ms`, so that others may have the memory it holds. */
  isHoarding(now: number, ms: number): boolean {
    this.#noteMoves(now);
    return this.#connection.bytesHeld > MIN_PROGRESS &&
      now - this.#movedAt >= ms;
  }

  #noteMoves(now: number): void {
    const { bytesSent, bytesReceived } = this.#connection;
    const moved = bytesSent + bytesReceived;
    if (moved - this.#moved < MIN_PROGRESS) return;
    this.#moved = moved;
    this.#movedAt = now;
  }

  /** Since when nothing has come and nothing was to be done, as far as was looked. */
  get idleSince(): number {
    return this.#recordAt;
  }
}
