import type { Client } from "./client.ts";

/** What is kept for the clients of one address, in bytes. */
interface OfAddress {
  bytes: number;
  readonly byClient: Map<Client, number>;
}

/**
 * Replies that are kept, by whom they are for: each address has the same share of
 * them, and of that each of its clients, however many sessions it has.
 */
export class KeptReplies {
  readonly #byAddress = new Map<string, OfAddress>();

  /** Bytes are kept for a client. */
  add(client: Client, bytes: number): void {
    const { address } = client;
    let of = this.#byAddress.get(address);
    if (of === undefined) {
      this.#byAddress.set(address, of = { bytes: 0, byClient: new Map() });
    }
    of.bytes += bytes;
    of.byClient.set(client, (of.byClient.get(client) ?? 0) + bytes);
  }

  /** Whether the address of a client has more than its share of `limit` bytes, and the client more than its own of that. */
  isAboveShare(client: Client, limit: number): boolean {
    const of = this.#byAddress.get(client.address);
    if (of === undefined) return false;
    const share = limit / this.#byAddress.size;
    const own = of.byClient.get(client) ?? 0;
    return of.bytes > share && own > share / of.byClient.size;
  }
}
