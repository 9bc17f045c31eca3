import { isRoot, keptForRoot } from "../rpc/party.ts";
import type { Client } from "./client.ts";

/** What is kept for the clients of one party, in bytes. */
interface OfParty {
  bytes: number;
  readonly byClient: Map<Client, number>;
}

/**
 * Replies that are kept, by whom they are for: each party has the same share of
 * them, and of that each of its clients, however many sessions it has.
 */
export class KeptReplies {
  readonly #byParty = new Map<string, OfParty>();

  /** Bytes are kept for a client. */
  add(client: Client, bytes: number): void {
    const { party } = client;
    let of = this.#byParty.get(party);
    if (of === undefined) {
      this.#byParty.set(party, of = { bytes: 0, byClient: new Map() });
    }
    of.bytes += bytes;
    of.byClient.set(client, (of.byClient.get(client) ?? 0) + bytes);
  }

  /** Whether the party of a client has more than its share of `limit` bytes, and the client more than its own of that. */
  isAboveShare(client: Client, limit: number): boolean {
    const of = this.#byParty.get(client.party);
    if (of === undefined) return false;
    if (isRoot(client.party) && of.bytes <= keptForRoot(limit)) return false;
    const share = limit / this.#byParty.size;
    const own = of.byClient.get(client) ?? 0;
    return of.bytes > share && own > share / of.byClient.size;
  }
}
