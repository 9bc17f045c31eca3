import type { Transport } from "./transport.ts";

/** Bytes that are read before it is known whose they are. */
const CAPACITY = 4 * 1024;

/**
 * A transport that is read from before its bytes may be looked at, so that a
 * peer who is gone again is known by that.
 */
export class EarlyRead implements Transport {
  /** Rejects where the peer ended without having sent anything; resolves where something came. */
  readonly heard: Promise<void>;
  readonly #transport: Transport;
  readonly #read: Promise<number | null>;
  #bytes: Uint8Array;
  #isTaken = false;
  #isGone = false;

  /** Begins to read. */
  constructor(transport: Transport) {
    this.#transport = transport;
    this.#bytes = new Uint8Array(CAPACITY);
    this.#read = transport.read(this.#bytes);
    this.heard = this.#hear();
    // The end of a connection that is served is seen by its next read.
    this.heard.catch(() => {});
  }

  /** Whether the peer ended without having sent anything. */
  get isGone(): boolean {
    return this.#isGone;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#isTaken ? this.#transport.read(into) : this.#take(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#transport.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#transport.closeWrite();
  }

  close(): void {
    this.#transport.close();
  }

  async #hear(): Promise<void> {
    try {
      const length = await this.#read;
      if (length === null) throw new Deno.errors.ConnectionReset("peer ended");
      this.#bytes = this.#bytes.subarray(0, length);
    } catch (error) {
      this.#isGone = true;
      throw error;
    }
  }

  async #take(into: Uint8Array): Promise<number | null> {
    if (await this.#read === null) return null;
    const part = this.#bytes.subarray(0, into.length);
    this.#bytes = this.#bytes.subarray(part.length);
    this.#isTaken = this.#bytes.length === 0;
    into.set(part);
    return part.length;
  }
}
