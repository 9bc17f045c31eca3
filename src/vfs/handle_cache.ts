import { HANDLE_SIZE, isSameHandle } from "./file_handle.ts";

/** What the cache keeps: something with a filehandle. */
export interface Cached {
  /** 32 bytes. */
  readonly handle: Uint8Array;
}

/**
 * Filehandles that are known to be good, so that a PUTFH of one costs a look
 * into a Map. Holds between `generation` and twice as many: when the young
 * generation is full, it becomes the old one and what nobody asked for since is gone.
 */
export class HandleCache<T extends Cached> {
  readonly #generation: number;
  #young = new Map<number, T>();
  #old = new Map<number, T>();

  /** `generation`: entries of one generation. */
  constructor(generation: number) {
    this.#generation = generation;
  }

  /** The entry with these bytes. */
  get(handle: Uint8Array): T | undefined {
    if (handle.length !== HANDLE_SIZE) return undefined;
    const hash = hashOfHandle(handle);
    const young = this.#young.get(hash);
    if (young !== undefined) {
      return isSameHandle(young.handle, handle) ? young : undefined;
    }
    const old = this.#old.get(hash);
    if (old === undefined || !isSameHandle(old.handle, handle)) {
      return undefined;
    }
    this.#put(hash, old);
    return old;
  }

  /** Adds an entry; another one of the same hash makes room for it. */
  add(entry: T): void {
    this.#put(hashOfHandle(entry.handle), entry);
  }

  /** Removes an entry. */
  delete(entry: T): void {
    const hash = hashOfHandle(entry.handle);
    if (this.#young.get(hash) === entry) this.#young.delete(hash);
    if (this.#old.get(hash) === entry) this.#old.delete(hash);
  }

  #put(hash: number, entry: T): void {
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(hash, entry);
  }
}

/** 30 bits of the MAC, which is random: no client can choose where entries meet. */
function hashOfHandle(handle: Uint8Array): number {
  return (handle[28] << 24 | handle[29] << 16 | handle[30] << 8 | handle[31]) &
    0x3fff_ffff;
}
