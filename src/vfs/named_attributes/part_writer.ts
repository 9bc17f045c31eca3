import { equals } from "@std/bytes";
import { type Steps, wait } from "../../base/awaitable.ts";
import { FsError } from "../errors.ts";
import type { Rights } from "../wanted.ts";
import type { NamedAttribute } from "./attribute_nodes.ts";
import {
  type AttributeIndex,
  lastPartOf,
  newSeries,
  PART,
  partName,
} from "./attribute_parts.ts";
import type { AttributeStore } from "./attribute_store.ts";
import {
  indexOf,
  isSame,
  isSameSeries,
  type Kept,
  type KeptParts,
  sizeOf,
} from "./kept_parts.ts";
import type { LeftParts } from "./left_parts.ts";

/** What a gap is filled with: values are not written to once they are set. */
const ZEROS = new Uint8Array(PART);

/** Bytes from `begin` to `end`, which are `data` from `offset` on, and zeros before. */
export interface NewBytes {
  readonly begin: number;
  readonly end: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** What {@linkcode PartWriter} works with. */
export interface PartWriterParts {
  readonly store: AttributeStore;
  readonly parts: KeptParts;
  readonly left: LeftParts;
}

/** What is written to attributes. */
export class PartWriter {
  readonly #store: AttributeStore;
  readonly #parts: KeptParts;
  readonly #left: LeftParts;

  /** Writes to what is in the store. */
  constructor({ store, parts, left }: PartWriterParts) {
    this.#store = store;
    this.#parts = parts;
    this.#left = left;
  }

  /**
   * Sets the parts that have these bytes, the last first, and what shows them then.
   * Where one of them can't be set, the attribute is as long as it was.
   */
  *write(
    attribute: NamedAttribute,
    kept: Kept,
    bytes: NewBytes,
    judged?: Rights,
  ): Steps<void> {
    const { folder, name } = attribute;
    const size = Math.max(sizeOf(kept), bytes.end);
    if (size < PART) {
      const value = withBytes(kept.first, 0, bytes);
      yield* this.#store.set(folder, name, value, "replace", judged);
      return;
    }
    const isFull = kept.first.length === PART;
    // One of a first part that is not full is left of another attribute.
    const before = isFull ? kept.index : yield* this.#parts.index(attribute);
    const isLonger = size > sizeOf(kept);
    const series = kept.index?.series ?? newSeries();
    const index = isLonger ? indexOf(series, size) : kept.index;
    const hasMore = lastPartOf(size) > lastPartOf(sizeOf(kept)) || !isFull;
    // What comes is told of before: by another door to the file it would be left parts.
    const coming = isFull && index ? { ...index, size: sizeOf(kept) } : index;
    const told = hasMore ? coming : before;
    let own = before;
    try {
      yield* this.#parts.setIndex(attribute, before, told);
      own = told;
      const least = Math.max(1, Math.floor(bytes.begin / PART));
      for (let part = lastPartOf(bytes.end); part >= least; part--) {
        const old = yield* this.#parts.part(attribute, kept, part);
        const value = withBytes(old, part, bytes);
        const key = partName(series, part);
        if (hasMore) yield* this.#assertTold(attribute, told);
        yield* this.#store.set(folder, key, value, "either", judged);
        yield* this.#store.othersAct();
      }
      const isFirst = bytes.begin < PART;
      if (isFirst || isLonger) yield* this.#assertSame(attribute, kept, told);
      yield* this.#parts.setIndex(attribute, told, index);
      own = index;
      if (isFirst) {
        const value = withBytes(kept.first, 0, bytes);
        yield* this.#store.set(folder, name, value, "replace", judged);
      }
    } catch (error) {
      yield* this.#undo(attribute, { before, own, kept });
      throw error;
    }
    if (!isSameSeries(before, index)) yield* this.#left.remove(folder);
  }

  /** Has the attribute be as it was, unless another door has told of it since. */
  *#undo(
    attribute: NamedAttribute,
    { before, own, kept }: {
      readonly before: AttributeIndex | undefined;
      readonly own: AttributeIndex | undefined;
      readonly kept: Kept;
    },
  ): Steps<void> {
    const now = yield* this.#parts.index(attribute);
    if (!isSame(before, own) && isSame(now, own)) {
      yield* this.#parts.setIndex(attribute, now, kept.index);
    }
    yield* this.#left.remove(attribute.folder);
  }

  /** Throws "busy" where another door to the file has told of parts of its own meanwhile. */
  *#assertTold(
    attribute: NamedAttribute,
    told: AttributeIndex | undefined,
  ): Steps<void> {
    const index = yield* this.#parts.index(attribute);
    if (!isSame(index, told)) throw new FsError("busy");
  }

  /** Throws "busy" where it was changed meanwhile by another door to the file: what is to be shown goes on from what was. */
  *#assertSame(
    attribute: NamedAttribute,
    { first }: Kept,
    told: AttributeIndex | undefined,
  ): Steps<void> {
    const { folder, name } = attribute;
    const now = yield* wait(this.#store.get(folder, name));
    if (now === undefined) throw new FsError("stale");
    if (!equals(now, first)) throw new FsError("busy");
    yield* this.#assertTold(attribute, told);
  }
}

/** A part with those of the bytes that lie in it. */
function withBytes(
  old: Uint8Array,
  part: number,
  { end, offset, data }: NewBytes,
): Uint8Array {
  const start = part * PART;
  const length = Math.max(old.length, Math.min(end - start, PART));
  const from = Math.max(offset, start);
  const to = Math.min(offset + data.length, start + PART);
  if (old.length === 0 && to <= from) return ZEROS.subarray(0, length);
  const value = new Uint8Array(length);
  value.set(old);
  if (to > from) {
    value.set(data.subarray(from - offset, to - offset), from - start);
  }
  return value;
}
