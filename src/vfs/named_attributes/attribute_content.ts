import { type Steps, wait } from "../../base/awaitable.ts";
import { FsError } from "../errors.ts";
import type { ChangeInfo, ReadResult } from "../file_system.ts";
import type { Rights } from "../wanted.ts";
import type { NamedAttribute } from "./attribute_nodes.ts";
import {
  type AttributeIndex,
  lastPartOf,
  PART,
  partName,
} from "./attribute_parts.ts";
import type { AttributeStore } from "./attribute_store.ts";
import { joined } from "./joined_changes.ts";
import { indexOf, isSame, type Kept, KeptParts, sizeOf } from "./kept_parts.ts";
import { LeftParts } from "./left_parts.ts";
import { PartWriter } from "./part_writer.ts";

const NOTHING = new Uint8Array(0);
/** Times that a read begins anew as the attribute was changed meanwhile. */
const READS = 3;

/**
 * The bytes of named attributes, in parts. There is one where its first part is, and
 * more of it only where that is full and has an index: so what a host, or a client by
 * another door, has set or removed is an attribute too. Each change is seen at once,
 * by the first part or by the index; what no index tells of is removed behind it.
 */
export class AttributeContent {
  readonly #store: AttributeStore;
  readonly #parts: KeptParts;
  readonly #left: LeftParts;
  readonly #writer: PartWriter;

  /** Those in `store`. */
  constructor(store: AttributeStore) {
    this.#store = store;
    this.#parts = new KeptParts(store);
    this.#left = new LeftParts(store);
    const [parts, left] = [this.#parts, this.#left];
    this.#writer = new PartWriter({ store, parts, left });
  }

  /** Its size in bytes; where it is not there, FsError "stale". */
  *size(attribute: NamedAttribute): Steps<number> {
    return sizeOf(yield* this.#parts.kept(attribute));
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
    yield* this.#parts.setIndex(
      attribute,
      yield* this.#parts.index(attribute),
      undefined,
    );
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
      const kept = yield* this.#parts.kept(attribute);
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
    const kept = yield* this.#parts.kept(attribute);
    const begin = Math.min(sizeOf(kept), offset);
    const bytes = { begin, end: offset + data.length, offset, data };
    yield* this.#writer.write(attribute, kept, bytes);
  }

  /** Cuts it, or makes it longer by zeros. */
  *resize(
    attribute: NamedAttribute,
    size: number,
    judged?: Rights,
  ): Steps<void> {
    const kept = yield* this.#parts.kept(attribute);
    const before = sizeOf(kept);
    if (size > before) {
      const bytes = { begin: before, end: size, offset: size, data: NOTHING };
      yield* this.#writer.write(attribute, kept, bytes, judged);
    } else if (size < before) {
      yield* this.#cut(attribute, kept, size, judged);
    }
  }

  /** Removes it; "not-found" where it is not there. */
  *remove(
    attribute: NamedAttribute,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const { folder, name } = attribute;
    const change = yield* this.#store.remove(folder, name, judged);
    return joined(change, yield* this.#left.remove(folder, attribute));
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
    const { first, index } = yield* this.#parts.kept(from, "not-found");
    const { folder, name } = to;
    const before = yield* this.#parts.index(to);
    yield* this.#parts.setIndex(to, before, index);
    let change: ChangeInfo;
    try {
      change = yield* this.#store.set(folder, name, first, "either", judged);
    } catch (error) {
      yield* this.#parts.setIndex(to, index, before);
      throw error;
    }
    return joined(change, yield* this.remove(from, judged));
  }

  /** What there is behind its first part is none of it any more; `undefined` where that was nothing. */
  *removeBehind(attribute: NamedAttribute): Steps<ChangeInfo | undefined> {
    const index = yield* this.#parts.index(attribute);
    if (index === undefined) return undefined;
    yield* this.#parts.setIndex(attribute, index, undefined);
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

  *#cut(
    attribute: NamedAttribute,
    kept: Kept,
    size: number,
    judged: Rights | undefined,
  ): Steps<void> {
    const { folder, name } = attribute;
    const part = lastPartOf(size);
    const old = yield* this.#parts.part(attribute, kept, part);
    const value = old.slice(0, size - part * PART);
    const { index } = kept;
    if (size < PART) {
      yield* this.#store.set(folder, name, value, "replace", judged);
    }
    if (index === undefined) return;
    const rest = indexOf(index.series, size);
    yield* this.#parts.setIndex(attribute, index, rest);
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
}
