/** Bytes that the host brings to disk at least, however few of them were written. */
export const BLOCK = 4096;

/** All that was done to a content up to some moment. */
export interface Progress {
  readonly written: number;
  readonly cuts: number;
}

/**
 * What was done to a content beside the database and is not known to be on disk.
 * A sync covers what was done before it began, so it goes by counts that only
 * grow: what comes while one is under way is left over when it ends.
 */
export class Unsynced {
  #done: Progress;
  #synced: Progress = { written: 0, cuts: 0 };

  /** `isKnown`: whether nothing was done to it before; else it may have been cut. */
  constructor({ isKnown }: { readonly isKnown: boolean }) {
    this.#done = isKnown ? this.#synced : { written: 0, cuts: 1 };
  }

  /** Bytes written; those that were written twice count twice, and few as a block. */
  get bytes(): number {
    return this.#done.written - this.#synced.written;
  }

  /** Whether it was cut. */
  get isShortened(): boolean {
    return this.#done.cuts > this.#synced.cuts;
  }

  /** Whether there is anything. */
  get isAny(): boolean {
    return this.bytes > 0 || this.isShortened;
  }

  /** What was done up to now. */
  get progress(): Progress {
    return this.#done;
  }

  /** So many bytes were written. */
  written(bytes: number): void {
    const { written, cuts } = this.#done;
    this.#done = { written: written + Math.max(bytes, BLOCK), cuts };
  }

  /** It was cut. */
  shortened(): void {
    const { written, cuts } = this.#done;
    this.#done = { written, cuts: cuts + 1 };
  }

  /** Whether a sync has covered all up to `progress`. */
  covers({ written, cuts }: Progress): boolean {
    return this.#synced.written >= written && this.#synced.cuts >= cuts;
  }

  /** A sync covers all up to `progress`. */
  synced(progress: Progress): void {
    if (!this.covers(progress)) this.#synced = progress;
  }
}
