import type { Connection } from "./handlers.ts";

/** How many connections each of several has. */
export class Shares {
  readonly #sizes = new Map<string, number>();
  #size = 0;

  /** Those of all. */
  get size(): number {
    return this.#size;
  }

  /** Those of one. */
  of(key: string): number {
    return this.#sizes.get(key) ?? 0;
  }

  /** One has one more. */
  add(key: string): void {
    this.#size++;
    this.#sizes.set(key, this.of(key) + 1);
  }

  /** One has one less. */
  remove(key: string): void {
    this.#size--;
    const left = this.of(key) - 1;
    if (left > 0) this.#sizes.set(key, left);
    else this.#sizes.delete(key);
  }

  /** Who has most, `except` left out; `undefined` where there are none. */
  largest(except?: string): string | undefined {
    let largest: string | undefined;
    let most = 0;
    for (const [key, size] of this.#sizes) {
      if (size <= most || key === except) continue;
      largest = key;
      most = size;
    }
    return largest;
  }
}

/** How many connections each party has, and of them each of its addresses. */
export class ConnectionShares {
  /** By party. */
  readonly parties = new Shares();
  readonly #addresses = new Map<string, Shares>();

  /** There is one more. */
  add({ party, peer }: Pick<Connection, "party" | "peer">): void {
    const addresses = this.within(party);
    this.#addresses.set(party, addresses);
    addresses.add(peer.hostname);
    this.parties.add(party);
  }

  /** There is one less. */
  remove({ party, peer }: Pick<Connection, "party" | "peer">): void {
    const addresses = this.within(party);
    addresses.remove(peer.hostname);
    if (addresses.size === 0) this.#addresses.delete(party);
    this.parties.remove(party);
  }

  /** Those of a party, by address. */
  within(party: string): Shares {
    return this.#addresses.get(party) ?? new Shares();
  }
}
