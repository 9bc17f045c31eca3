import { FsError } from "../../vfs/mod.ts";

/**
 * Bytes of the disk that are never given to files. SQLite finds out that a
 * disk is full at the commit, when it is too late to tell a client; so nothing
 * is accepted that might not fit, and there is always room to remove something.
 */
const RESERVE = 2 ** 24;
/** The disk is asked again after so many bytes at the latest: others use it too. */
const ASK_AGAIN = 2 ** 26;
/** What a node and its name take at most, with what the log holds of them. */
const NODE_BYTES = 16384;

/** What a store may still take: the disk's room and the quota. */
export class Room {
  /** Nodes that there are. */
  files: number;
  /** Bytes that their contents occupy. */
  used: number;
  /** Most bytes of content; Infinity without a quota. */
  readonly quota: number;
  readonly #free: () => number;
  #budget = 0;

  /** `free` asks the disk. */
  constructor(
    now: { readonly files: number; readonly used: number },
    options: { readonly quota: number; readonly free: () => number },
  ) {
    this.files = now.files;
    this.used = now.used;
    this.quota = options.quota;
    this.#free = options.free;
  }

  /** Throws "quota" or "no-space" where another node does not fit. */
  takeNode(): void {
    if (this.used >= this.quota) throw new FsError("quota");
    this.#take(NODE_BYTES);
  }

  /** Throws "quota" or "no-space" where `data` bytes don't fit, `growth` of them new. */
  takeBytes(data: number, growth: number): void {
    if (growth > 0 && this.used + growth > this.quota) {
      throw new FsError("quota");
    }
    this.#take(data);
  }

  /** Bytes that could still be written. */
  get freeBytes(): number {
    const free = Math.max(0, this.#free() - RESERVE);
    return Math.max(0, Math.min(free, this.quota - this.used));
  }

  #take(bytes: number): void {
    if (bytes > this.#budget) {
      this.#budget = Math.min(this.#free() - RESERVE, ASK_AGAIN);
      if (bytes > this.#budget) throw new FsError("no-space");
    }
    this.#budget -= bytes;
  }
}
