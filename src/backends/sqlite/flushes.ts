import type { Extent } from "./node.ts";

/**
 * Brings contents to disk one at a time each, beside the rounds of the
 * `Committer`: the clients that asked for it wait, and no others. Requests for a
 * content that is on its way there share its next flush.
 */
export class Flushes {
  readonly #flush: (extent: Extent) => Promise<void>;
  readonly #underWay = new Map<Extent, Promise<void>>();

  /** `flush` brings to disk what was done to a content before the call. */
  constructor(flush: (extent: Extent) => Promise<void>) {
    this.#flush = flush;
  }

  /** Resolves when what was done to the content up to now is on disk. */
  async cover(extent: Extent): Promise<void> {
    const { progress } = extent.unsynced;
    while (!extent.unsynced.covers(progress)) {
      await (this.#underWay.get(extent) ?? this.#begin(extent));
    }
  }

  /** The flush of a content that is under way. */
  of(extent: Extent): Promise<void> | undefined {
    return this.#underWay.get(extent);
  }

  /** Begins to bring a content to disk, unless it is on its way there. */
  begin(extent: Extent): void {
    if (this.#underWay.has(extent)) return;
    // Where the disk fails, so does the store, and the next caller is told so.
    this.#begin(extent).catch(() => {});
  }

  /** Resolves when none is under way, whatever became of it. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) {
      await Promise.allSettled(this.#underWay.values());
    }
  }

  #begin(extent: Extent): Promise<void> {
    const flush = this.#flush(extent)
      .finally(() => this.#underWay.delete(extent));
    this.#underWay.set(extent, flush);
    return flush;
  }
}
