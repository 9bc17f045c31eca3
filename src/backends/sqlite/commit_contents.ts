import type { Extent } from "./node.ts";

/** The contents that the next commit makes durable with what is in the database. */
export class CommitContents {
  /** Bytes that it brings to disk. */
  bytes = 0;
  readonly #first = new Set<Extent>();
  readonly #others = new Set<Extent>();

  /** Has the content come to disk with the commit; one that is `isFirst` before it. */
  add(extent: Extent, { isFirst }: { readonly isFirst: boolean }): void {
    const set = isFirst ? this.#first : this.#others;
    if (set.has(extent)) return;
    set.add(extent);
    this.bytes += extent.unsynced.bytes;
  }

  /** The content is going. */
  delete(extent: Extent): void {
    this.#first.delete(extent);
    this.#others.delete(extent);
  }

  /** Whether there is any. */
  get isAny(): boolean {
    return this.hasFirst || this.#others.size > 0;
  }

  /** Whether one must be on disk before the commit may be. */
  get hasFirst(): boolean {
    return this.#first.size > 0;
  }

  /** Those that must be on disk before it, which are synced now. */
  takeFirst(): readonly Extent[] {
    const taken = [...this.#first];
    this.#first.clear();
    return taken;
  }

  /** Those that must be on disk together with it, which are synced now. */
  takeOthers(): readonly Extent[] {
    const taken = [...this.#others];
    this.#others.clear();
    this.bytes = 0;
    return taken;
  }
}
