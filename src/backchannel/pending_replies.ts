import type { XdrReader } from "../xdr/reader.ts";

/** Reads a reply to a call of ours; the reader is valid during the call only. */
export type ReplyReader = (xdr: XdrReader) => void;

/** A call that waits for its reply. */
interface Waiting {
  readonly read: ReplyReader;
  readonly failed: (reason: Error) => void;
}

/**
 * The calls of ours that wait for a reply on one connection, by XID. XIDs count
 * up on the connection, whichever session the call is of, so that two sessions
 * that share it never use the same one.
 */
export class PendingCBReplies {
  readonly #waiting = new Map<number, Waiting>();
  #xid: number;
  #unknown = 0;

  /** The first XID is `firstXid`. */
  constructor(firstXid: number) {
    this.#xid = firstXid >>> 0;
  }

  /** Calls that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Replies that came late, twice or uncalled for. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Takes an XID for a call; `read` or `failed` is called once, unless cancelled. */
  register(read: ReplyReader, failed: (reason: Error) => void): number {
    while (this.#waiting.has(this.#xid)) this.#xid = (this.#xid + 1) >>> 0;
    const xid = this.#xid;
    this.#xid = (xid + 1) >>> 0;
    this.#waiting.set(xid, { read, failed });
    return xid;
  }

  /** Hands a reply to the callback that waits for it; false when none does. */
  deliver(xid: number, xdr: XdrReader): boolean {
    const waiting = this.#waiting.get(xid);
    if (waiting === undefined) {
      this.#unknown++;
      return false;
    }
    this.#waiting.delete(xid);
    waiting.read(xdr);
    return true;
  }

  /** The callback no longer waits for this reply; false when it came already. */
  cancel(xid: number): boolean {
    return this.#waiting.delete(xid);
  }

  /** The connection ended: all that wait for a reply fail. */
  fail(reason: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { failed } of waiting) failed(reason);
  }
}
