import { RecentMap } from "../base/recent_map.ts";
import { HANDLE_SIZE, isSameHandle } from "./file_handle.ts";

/** What the cache keeps: something with a filehandle. */
export interface Cached {
  /** The filehandle, of 32 bytes or more. */
  readonly handle: Uint8Array;
}

/**
 * Filehandles that are known to be good, so that a PUTFH of one costs a look
 * into a Map.
 */
export class HandleCache<T extends Cached> {
  readonly #entries: RecentMap<number, T>;

  /** Keeps between `limit` entries and twice as many, those asked for last. */
  constructor(limit: number) {
    this.#entries = new RecentMap(limit);
  }

  /** The entry with these bytes. */
  get(handle: Uint8Array): T | undefined {
    if (handle.length < HANDLE_SIZE) return undefined;
    const entry = this.#entries.get(hashOfHandle(handle));
    return entry !== undefined && isSameHandle(entry.handle, handle)
      ? entry
      : undefined;
  }

  /** Adds an entry; another one of the same hash makes room for it. */
  add(entry: T): void {
    this.#entries.set(hashOfHandle(entry.handle), entry);
  }

  /** Removes an entry. */
  delete(entry: T): void {
    const hash = hashOfHandle(entry.handle);
    if (this.#entries.get(hash) === entry) this.#entries.delete(hash);
  }
}

/** 30 bits of the MAC, which is random: no client can choose where entries meet. */
function hashOfHandle(handle: Uint8Array): number {
  const at = handle.length - 4;
  return (handle[at]! << 24 | handle[at + 1]! << 16 | handle[at + 2]! << 8 |
    handle[at + 3]!) &
    0x3fff_ffff;
}
