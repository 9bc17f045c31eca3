import { type Steps, wait } from "../../base/awaitable.ts";
import { FsError, type FsErrorCode } from "../errors.ts";
import type { ChangeInfo, ReadResult } from "../file_system.ts";
import type { Rights } from "../wanted.ts";
import type { NamedAttribute } from "./attribute_nodes.ts";
import {
  type AttributeIndex,
  decodeIndex,
  encodeIndex,
  indexName,
  lastPartOf,
  newSeries,
  PART,
  partName,
} from "./attribute_parts.ts";
import { joined } from "./joined_changes.ts";
import type { AttributeStore } from "./attribute_store.ts";
import { LeftParts } from "./left_parts.ts";

const NOTHING = new Uint8Array(0);
/** What a gap is filled with: values are not written to once they are set. */
const ZEROS = new Uint8Array(PART);
/** Times that a read begins anew as the attribute was changed meanwhile. */
const READS = 3;

/** What there is of an attribute. */
interface Kept {
  /** Its first part, or all of it. */
  readonly first: Uint8Array;
  /** What tells of the parts behind that. */
  readonly index: AttributeIndex | undefined;
}

/** Bytes from `begin` to `end`, which are `data` from `offset` on, and zeros before. */
interface NewBytes {
  readonly begin: number;
  readonly end: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/**
 * The bytes of named attributes, in parts. There is one where its first part is, and
 * more of it only where that is full and has an index: so what a host, or a client by
 * another door, has set or removed is an attribute too. Each change is seen at once,
 * by the first part or by the index; what no index tells of is removed behind it.
 */
export class AttributeContent {
  readonly #store: AttributeStore;
  readonly #left: LeftParts;

  /** Those in `store`. */
  constructor(store: AttributeStore) {
    this.#store = store;
    this.#left = new LeftParts(store);
  }

  /** Its size in bytes; where it is not there, FsError "stale". */
  *size(attribute: NamedAttribute): Steps<number> {
    return sizeOf(yield* this.#kept(attribute));
  }

  /** Makes one of so many zeros; "exists" where it is there. */
  *create(
    attribute: NamedAttribute,
    size: number,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const { folder, name } = attribute;
    const value = new Uint8Array(size < PART ? size : 0);
    const made = yield* this.#store.set(folder, name, value, "create", judged);
    // What is left of another one of its name would be part of this when it is longer.
    yield* this.#setIndex(attribute, yield* this.#index(attribute), undefined);
    const change = joined(made, yield* this.#left.remove(folder));
    if (size < PART) return change;
    try {
      yield* this.resize(attribute, size);
    } catch (error) {
      yield* this.remove(attribute, undefined);
      throw error;
    }
    return { ...change, atomic: false };
  }

  /** Fills `target` with bytes from `offset` on. */
  *read(
    attribute: NamedAttribute,
    offset: number,
    target: Uint8Array,
  ): Steps<ReadResult> {
    let before: AttributeIndex | undefined;
    for (let i = 0; i < READS; i++) {
      const kept = yield* this.#kept(attribute);
      const size = sizeOf(kept);
      const end = Math.max(offset, Math.min(size, offset + target.length));
      if (
        yield* this.#fill(
          attribute,
          kept,
          offset,
          target.subarray(0, end - offset),
        )
      ) {
        return { bytes: end - offset, eof: end >= size };
      }
      const { index } = kept;
      if (isSame(before, index)) throw new FsError("io", "a part is gone");
      before = index;
    }
    throw new FsError("busy");
  }

  /** Writes all of `data`, zeros filling a gap. */
  *write(
    attribute: NamedAttribute,
    offset: number,
    data: Uint8Array,
  ): Steps<void> {
    const kept = yield* this.#kept(attribute);
    const begin = Math.min(sizeOf(kept), offset);
    const bytes = { begin, end: offset + data.length, offset, data };
    yield* this.#put(attribute, kept, bytes);
  }

  /** Cuts it, or makes it longer by zeros. */
  *resize(
    attribute: NamedAttribute,
    size: number,
    judged?: Rights,
  ): Steps<void> {
    const kept = yield* this.#kept(attribute);
    const before = sizeOf(kept);
    if (size > before) {
      const bytes = { begin: before, end: size, offset: size, data: NOTHING };
      yield* this.#put(attribute, kept, bytes, judged);
    } else if (size < before) {
      yield* this.#cut(attribute, kept, size, judged);
    }
  }

  /** Removes it; "not-found" where it is not there. */
  *remove(
    { folder, name }: NamedAttribute,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const change = yield* this.#store.remove(folder, name, judged);
    return joined(change, yield* this.#left.remove(folder));
  }

  /**
   * Gives what is `from` the name of `to`, in place of that: the parts behind the
   * first stay where they are.
   */
  *move(
    from: NamedAttribute,
    to: NamedAttribute,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const { first, index } = yield* this.#kept(from, "not-found");
    const { folder, name } = to;
    const before = yield* this.#index(to);
    yield* this.#setIndex(to, before, index);
    let change: ChangeInfo;
    try {
      change = yield* this.#store.set(folder, name, first, "either", judged);
    } catch (error) {
      yield* this.#setIndex(to, index, before);
      throw error;
    }
    return joined(change, yield* this.remove(from, judged));
  }

  /** What there is behind its first part is none of it any more; `undefined` where that was nothing. */
  *removeBehind(attribute: NamedAttribute): Steps<ChangeInfo | undefined> {
    const index = yield* this.#index(attribute);
    if (index === undefined) return undefined;
    yield* this.#setIndex(attribute, index, undefined);
    return yield* this.#left.remove(attribute.folder);
  }

  /** Fills `target`; `false` where a part of it is not there. */
  *#fill(
    { folder }: NamedAttribute,
    { first, index }: Kept,
    offset: number,
    target: Uint8Array,
  ): Steps<boolean> {
    let bytes = 0;
    while (bytes < target.length) {
      const part = Math.floor((offset + bytes) / PART);
      const from = offset + bytes - part * PART;
      const length = Math.min(PART - from, target.length - bytes);
      const value = part === 0
        ? first
        : yield* wait(this.#store.get(folder, partName(index!.series, part)));
      if (value === undefined || value.length < from + length) return false;
      target.set(value.subarray(from, from + length), bytes);
      bytes += length;
    }
    return true;
  }

  /**
   * Sets the parts that have these bytes, the last first, and what shows them then.
   * Where one of them can't be set, the attribute is as long as it was.
   */
  *#put(
    attribute: NamedAttribute,
    kept: Kept,
    bytes: NewBytes,
    judged?: Rights,
  ): Steps<void> {
    const { folder, name } = attribute;
    // One of a first part that is not full is left of another attribute.
    const before = kept.index ?? (yield* this.#index(attribute));
    const size = Math.max(sizeOf(kept), bytes.end);
    const series = kept.index?.series ?? newSeries();
    const index = indexOf(series, size);
    try {
      const told = yield* this.#tell(attribute, { before, kept, index });
      const least = Math.max(1, Math.floor(bytes.begin / PART));
      for (let part = lastPartOf(bytes.end); part >= least; part--) {
        const old = yield* this.#part(attribute, kept, part);
        const key = partName(series, part);
        yield* this.#store.set(
          folder,
          key,
          withBytes(old, part, bytes),
          "either",
          judged,
        );
        yield* this.#store.othersAct();
      }
      yield* this.#setIndex(attribute, told, index);
      if (bytes.begin < PART) {
        const value = withBytes(kept.first, 0, bytes);
        yield* this.#store.set(folder, name, value, "replace", judged);
      }
    } catch (error) {
      yield* this.#setIndex(
        attribute,
        yield* this.#index(attribute),
        kept.index,
      );
      yield* this.#left.remove(folder);
      throw error;
    }
    if (!isSameSeries(before, index)) yield* this.#left.remove(folder);
  }

  /**
   * Tells of the parts that are to come, before they do: by another door to the file
   * they would be left ones. What the index says of the size holds while the first
   * part is full. The index that there is then.
   */
  *#tell(
    attribute: NamedAttribute,
    { before, kept, index }: {
      readonly before: AttributeIndex | undefined;
      readonly kept: Kept;
      readonly index: AttributeIndex | undefined;
    },
  ): Steps<AttributeIndex | undefined> {
    const isSeen = kept.first.length === PART;
    const told = index && isSeen ? { ...index, size: sizeOf(kept) } : index;
    yield* this.#setIndex(attribute, before, told);
    return told;
  }

  *#cut(
    attribute: NamedAttribute,
    kept: Kept,
    size: number,
    judged: Rights | undefined,
  ): Steps<void> {
    const { folder, name } = attribute;
    const part = lastPartOf(size);
    const old = yield* this.#part(attribute, kept, part);
    const value = old.slice(0, size - part * PART);
    const { index } = kept;
    if (size < PART) {
      yield* this.#store.set(folder, name, value, "replace", judged);
    }
    if (index === undefined) return;
    const rest = indexOf(index.series, size);
    yield* this.#setIndex(attribute, index, rest);
    if (rest !== undefined) {
      yield* this.#store.set(
        folder,
        partName(rest.series, part),
        value,
        "replace",
        judged,
      );
    }
    yield* this.#left.remove(folder);
  }

  *#kept(
    attribute: NamedAttribute,
    ifGone: FsErrorCode = "stale",
  ): Steps<Kept> {
    const { folder, name } = attribute;
    yield* this.#store.othersAct();
    const first = yield* wait(this.#store.get(folder, name));
    if (first === undefined) throw new FsError(ifGone);
    const isFull = first.length === PART;
    const index = isFull ? yield* this.#index(attribute) : undefined;
    return { first, index };
  }

  /** What there is of a part that is to be changed: nothing where there was none. */
  *#part(
    { folder }: NamedAttribute,
    { first, index }: Kept,
    part: number,
  ): Steps<Uint8Array> {
    if (part === 0) return first;
    const length = Math.min(PART, (index?.size ?? 0) - part * PART);
    if (length <= 0) return NOTHING;
    const value = yield* wait(
      this.#store.get(folder, partName(index!.series, part)),
    );
    if (value === undefined || value.length < length) {
      throw new FsError("io", "a part is gone");
    }
    return value.subarray(0, length);
  }

  *#index({ folder, name }: NamedAttribute): Steps<AttributeIndex | undefined> {
    return decodeIndex(yield* wait(this.#store.get(folder, indexName(name))));
  }

  /** Has it have this index instead of the one that it has. */
  *#setIndex(
    { folder, name }: NamedAttribute,
    now: AttributeIndex | undefined,
    index: AttributeIndex | undefined,
  ): Steps<void> {
    if (isSame(now, index)) return;
    const key = indexName(name);
    if (index === undefined) yield* this.#store.remove(folder, key);
    else {
      yield* this.#store.set(folder, key, encodeIndex(index), "either");
    }
  }
}

/** The index of so many bytes, which have none where one part has them all. */
function indexOf(series: string, size: number): AttributeIndex | undefined {
  return size > PART ? { series, size, last: lastPartOf(size) } : undefined;
}

function sizeOf({ first, index }: Kept): number {
  return index?.size ?? first.length;
}

function isSame(
  one: AttributeIndex | undefined,
  other: AttributeIndex | undefined,
): boolean {
  return isSameSeries(one, other) && one?.size === other?.size &&
    one?.last === other?.last;
}

function isSameSeries(
  one: AttributeIndex | undefined,
  other: AttributeIndex | undefined,
): boolean {
  return one?.series === other?.series;
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
