import type { HostListing } from "./host.ts";

/**
 * A folder as it was at one moment, in the order of its cookies. A cookie is a
 * hash of the name: it stays with the entry whatever comes and goes, and a page
 * is found by bisection.
 */
export class DirectoryListing {
  readonly #cookies: Float64Array;
  readonly #names: (string | undefined)[];
  readonly #indexes = new Map<string, number>();

  /** `before` is the listing that this one replaces. */
  constructor(listing: HostListing, before?: DirectoryListing) {
    const { names } = listing;
    const hashes = new Float64Array(names.length);
    for (let i = 0; i < names.length; i++) hashes[i] = hashName(names[i]);
    const order = new Uint32Array(names.length);
    for (let i = 0; i < order.length; i++) order[i] = i;
    // Of two names with one hash (1 in 10^6 folders of 100,000), the second moves
    // on by one. It keeps that cookie from one listing to the next.
    const rank = (i: number) => before?.cookieOf(names[i]) ?? Infinity;
    order.sort((a, b) =>
      hashes[a] - hashes[b] || rank(a) - rank(b) ||
      (names[a] < names[b] ? -1 : 1)
    );
    this.#cookies = new Float64Array(names.length);
    this.#names = new Array(names.length);
    let last = 0;
    for (let i = 0; i < order.length; i++) {
      const name = names[order[i]];
      const kept = before?.cookieOf(name) ?? hashes[order[i]];
      last = Math.max(last + 1, kept);
      this.#cookies[i] = last;
      this.#names[i] = name;
      this.#indexes.set(name, i);
    }
  }

  /** How many entries it was made with. */
  get size(): number {
    return this.#names.length;
  }

  /** The cookie of a name. */
  cookieOf(name: string): number | undefined {
    const index = this.#indexes.get(name);
    return index === undefined ? undefined : this.#cookies[index];
  }

  /** An entry was removed. */
  remove(name: string): void {
    const index = this.#indexes.get(name);
    if (index === undefined) return;
    this.#indexes.delete(name);
    this.#names[index] = undefined;
  }

  /** The entries after the one with `cookie`, in order. */
  *after(cookie: number): Generator<{ name: string; cookie: number }> {
    let low = 0;
    let high = this.#cookies.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cookies[middle] <= cookie) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#names.length; low++) {
      const name = this.#names[low];
      if (name !== undefined) yield { name, cookie: this.#cookies[low] };
    }
  }
}

/** 1 to 2^52 - 2^20: two hashes of 26 bits. Where two collide there is room to move on. */
function hashName(name: string): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  a = Math.imul(a ^ (b >>> 16), 0x7feb352d);
  b = Math.imul(b ^ (a >>> 15), 0x846ca68b);
  const high = Math.min((a ^ (a >>> 13)) >>> 6, 0x3fffffe);
  return high * 0x4000000 + ((b ^ (b >>> 16)) >>> 6) + 1;
}
