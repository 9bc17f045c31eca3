/** Entries of a chunk at most; one that is full is cut in two. */
const MAX_CHUNK = 512;
/** Bytes of memory of an entry besides its name: cookie, reference, header of the string. */
const ENTRY_BYTES = 40;
/** Bytes of memory of a listing without entries, and of its folder's node. */
const BASE_BYTES = 2048;

/** Where the search for a name's cookie starts. */
type HashName = (name: string) => number;

/** Neighbours in the order of their cookies. Never empty, but for the only one. */
interface Chunk {
  readonly cookies: number[];
  readonly names: string[];
}

/**
 * The entries of a folder in the order of their cookies. A cookie is a hash of
 * the name: it stays with the entry whatever comes and goes. A page is found,
 * and an entry added or removed, by bisection: no call costs what the folder holds.
 */
export class DirectoryListing {
  readonly #chunks: Chunk[] = [{ cookies: [], names: [] }];
  /** Names whose own cookie was another one's when they came. */
  readonly #moved = new Map<string, number>();
  readonly #hash: HashName;
  #before: DirectoryListing | undefined;
  #size = 0;
  #bytes = BASE_BYTES;

  /**
   * `before` is the listing that this one replaces: what is in both keeps its
   * cookie. `hash` makes 1 to 2^52 - 2^20 of a name.
   */
  constructor(before?: DirectoryListing, hash: HashName = hashName) {
    this.#before = before;
    this.#hash = hash;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#size;
  }

  /** About how much memory it takes, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Everything was added: the listing before is no longer needed. */
  complete(): void {
    this.#before = undefined;
  }

  /** The cookie of a name. */
  cookieOf(name: string): number | undefined {
    const moved = this.#moved.get(name);
    if (moved !== undefined) return moved;
    const hash = this.#hash(name);
    return this.#nameAt(hash) === name ? hash : undefined;
  }

  /** An entry is there, unless it already was. */
  add(name: string): void {
    const hash = this.#hash(name);
    const cookie = this.#choose(name, hash);
    if (cookie === undefined) return;
    if (cookie !== hash) this.#moved.set(name, cookie);
    const at = this.#chunkOf(cookie);
    const { cookies, names } = this.#chunks[at]!;
    const index = lowerBound(cookies, cookie);
    cookies.splice(index, 0, cookie);
    names.splice(index, 0, name);
    this.#size++;
    this.#bytes += bytesOf(name);
    if (cookies.length <= MAX_CHUNK) return;
    const half = MAX_CHUNK >> 1;
    this.#chunks.splice(at + 1, 0, {
      cookies: cookies.splice(half),
      names: names.splice(half),
    });
  }

  /** An entry is gone, if it was there. */
  remove(name: string): void {
    const cookie = this.cookieOf(name);
    if (cookie === undefined) return;
    this.#moved.delete(name);
    const at = this.#chunkOf(cookie);
    const { cookies, names } = this.#chunks[at]!;
    const index = lowerBound(cookies, cookie);
    cookies.splice(index, 1);
    names.splice(index, 1);
    this.#size--;
    this.#bytes -= bytesOf(name);
    if (cookies.length === 0 && this.#chunks.length > 1) {
      this.#chunks.splice(at, 1);
    }
  }

  /** The entries after the one with `cookie`, in order. */
  *after(cookie: number): Generator<{ name: string; cookie: number }> {
    let at = this.#chunkOf(cookie + 1);
    let index = lowerBound(this.#chunks[at]!.cookies, cookie + 1);
    for (; at < this.#chunks.length; at++, index = 0) {
      const { cookies, names } = this.#chunks[at]!;
      for (; index < cookies.length; index++) {
        yield { name: names[index]!, cookie: cookies[index]! };
      }
    }
  }

  /** The cookie for a name; `undefined` when it has one. */
  #choose(name: string, hash: number): number | undefined {
    const own = this.#nameAt(hash);
    if (own === name || this.#moved.has(name)) return undefined;
    const before = this.#before;
    if (own === undefined && before === undefined) return hash;
    const kept = before?.cookieOf(name);
    if (kept !== undefined && this.#nameAt(kept) === undefined) return kept;
    // Of two names with one hash (1 in 10^6 folders of 100,000), the second moves
    // on to what is free here, and was before: that one's name may yet come.
    let cookie = hash;
    for (let free = -1; free !== cookie;) {
      free = cookie;
      cookie = this.#freeFrom(cookie);
      if (before !== undefined) cookie = before.#freeFrom(cookie);
    }
    return cookie;
  }

  #nameAt(cookie: number): string | undefined {
    const { cookies, names } = this.#chunks[this.#chunkOf(cookie)]!;
    const index = lowerBound(cookies, cookie);
    return cookies[index] === cookie ? names[index] : undefined;
  }

  /** The first cookie from this one on that no entry has, past whole runs at a time. */
  #freeFrom(cookie: number): number {
    for (let at = this.#chunkOf(cookie); at < this.#chunks.length; at++) {
      const { cookies } = this.#chunks[at]!;
      const start = lowerBound(cookies, cookie);
      if (cookies[start] !== cookie) return cookie;
      // Cookies grow by at least 1: in a run they are as far apart as their places.
      let low = start + 1;
      let high = cookies.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (cookies[middle]! - cookie === middle - start) low = middle + 1;
        else high = middle;
      }
      cookie += low - start;
      if (low < cookies.length) return cookie;
    }
    return cookie;
  }

  /** Where the chunk is that has, or would have, this cookie. */
  #chunkOf(cookie: number): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (chunks[middle]!.cookies[0]! <= cookie) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The first place of what is not less. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bytesOf(name: string): number {
  return ENTRY_BYTES + 2 * name.length;
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
