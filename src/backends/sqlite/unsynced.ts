/** Bytes that the host brings to disk at least, however few of them were written. */
export const BLOCK = 4096;

/** All that was done to a content up to some moment. */
export interface Progress {
  readonly written: number;
  readonly cuts: number;
  /** Writes that no row of the journal has. */
  readonly bare: number;
}

const NOTHING: Progress = { written: 0, cuts: 0, bare: 0 };

/**
 * What was done to a content beside the database and is not known to be on disk.
 * A sync covers what was done before it began, so it goes by counts that only
 * grow: what comes while one is under way is left over when it ends.
 */
export class Unsynced {
  #done: Progress;
  #synced = NOTHING;

  /** `isKnown`: whether nothing was done to it before; else it may have been cut. */
  constructor({ isKnown }: { readonly isKnown: boolean }) {
    this.#done = isKnown ? NOTHING : { ...NOTHING, cuts: 1 };
  }

  /** Bytes written; those that were written twice count twice, and few as a block. */
  get bytes(): number {
    return this.#done.written - this.#synced.written;
  }

  /** Whether it was cut. */
  get isShortened(): boolean {
    return this.#done.cuts > this.#synced.cuts;
  }

  /** Whether anything was written that the journal does not have. */
  get isBare(): boolean {
    return this.#done.bare > this.#synced.bare;
  }

  /** Whether there is anything. */
  get isAny(): boolean {
    return this.bytes > 0 || this.isShortened;
  }

  /** What was done up to now. */
  get progress(): Progress {
    return this.#done;
  }

  /** So many bytes were written, which the journal has where that `isLogged`. */
  written(bytes: number, { isLogged }: { readonly isLogged: boolean }): void {
    const { written, bare, ...rest } = this.#done;
    this.#done = {
      ...rest,
      written: written + Math.max(bytes, BLOCK),
      bare: isLogged ? bare : bare + 1,
    };
  }

  /** It was cut. */
  shortened(): void {
    this.#done = { ...this.#done, cuts: this.#done.cuts + 1 };
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
