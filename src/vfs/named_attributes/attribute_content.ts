import { type Steps, wait } from "../../base/awaitable.ts";
import { nextTurn } from "../../base/turn.ts";
import { FsError, type FsErrorCode } from "../errors.ts";
import type { ChangeInfo, ReadResult } from "../file_system.ts";
import type { Rights } from "../wanted.ts";
import type { NamedAttribute } from "./attribute_nodes.ts";
import { furtherParts, PART } from "./attribute_parts.ts";
import type { AttributeStore } from "./attribute_store.ts";

const NOTHING = new Uint8Array(0);
/** Parts that are set or removed before others have their turns. */
const AT_ONCE = 8;

/** Bytes from `begin` to `end`, which are `data` from `offset` on, and zeros before. */
interface NewBytes {
  readonly begin: number;
  readonly end: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/**
 * The bytes of named attributes, in parts: of the first, which has the name, all that
 * is there counts; of each other, what is there when those before it are full. So
 * what a host, or a client by another door, has set or removed is an attribute too.
 */
export class AttributeContent {
  readonly #store: AttributeStore;

  /** Those in `store`. */
  constructor(store: AttributeStore) {
    this.#store = store;
  }

  /** Its size in bytes; where it is not there, FsError `ifGone`. */
  *size(
    attribute: NamedAttribute,
    ifGone: FsErrorCode = "stale",
  ): Steps<number> {
    const first = yield* wait(this.#store.part(attribute, 0));
    if (first === undefined) throw new FsError(ifGone);
    if (first.length < PART) return first.length;
    const last = yield* this.#lastPart(attribute);
    if (last === 0) return PART;
    return last * PART + (yield* this.#part(attribute, last)).length;
  }

  /** Makes one of so many zeros; "exists" where it is there. */
  *create(
    attribute: NamedAttribute,
    size: number,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const value = new Uint8Array(size < PART ? size : 0);
    const made = { part: 0, value, option: "create", judged } as const;
    const change = yield* this.#store.setPart(attribute, made);
    if (size < PART) return change;
    yield* this.resize(attribute, size);
    return { ...change, atomic: false };
  }

  /** Fills `target` with bytes from `offset` on. */
  *read(
    attribute: NamedAttribute,
    offset: number,
    target: Uint8Array,
  ): Steps<ReadResult> {
    let part = Math.floor(offset / PART);
    // What is behind a part that is not full is none of it.
    if (part > 0) {
      const size = yield* this.size(attribute);
      if (offset >= size) return { bytes: 0, eof: true };
    }
    let value = part === 0
      ? yield* this.#first(attribute)
      : yield* this.#part(attribute, part);
    let bytes = 0;
    while (true) {
      const from = offset + bytes - part * PART;
      const piece = value.subarray(from, from + target.length - bytes);
      target.set(piece, bytes);
      bytes += piece.length;
      const isAll = from + piece.length >= value.length;
      if (!isAll || value.length < PART) return { bytes, eof: isAll };
      part++;
      value = yield* this.#part(attribute, part);
      if (value.length === 0) return { bytes, eof: true };
      if (bytes === target.length) return { bytes, eof: false };
    }
  }

  /** Writes all of `data`, zeros filling a gap. */
  *write(
    attribute: NamedAttribute,
    offset: number,
    data: Uint8Array,
  ): Steps<void> {
    const size = yield* this.size(attribute);
    const begin = Math.min(size, offset);
    const bytes = { begin, end: offset + data.length, offset, data };
    yield* this.#put(attribute, size, bytes);
  }

  /** Cuts it, or makes it longer by zeros. */
  *resize(
    attribute: NamedAttribute,
    size: number,
    judged?: Rights,
  ): Steps<void> {
    const before = yield* this.size(attribute);
    if (size > before) {
      const bytes = { begin: before, end: size, offset: size, data: NOTHING };
      yield* this.#put(attribute, before, bytes, judged);
    } else if (size < before) {
      const part = lastPartOf(size);
      yield* this.removeBehind(attribute, part);
      const old = yield* this.#part(attribute, part);
      const value = old.slice(0, size - part * PART);
      const option = "replace";
      yield* this.#store.setPart(attribute, { part, value, option, judged });
    }
  }

  /** Removes it; "not-found" where it is not there. */
  *remove(
    attribute: NamedAttribute,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const change = yield* this.#store.removePart(attribute, 0, judged);
    const behind = yield* this.removeBehind(attribute, 0);
    return behind === undefined ? change : joined(change, behind);
  }

  /**
   * Gives what is `from` the name of `to`, in place of that. The parts behind the first go first: it is by
   * the first that there is an attribute of a name. A crash in between leaves the old one.
   */
  *move(
    from: NamedAttribute,
    to: NamedAttribute,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    const size = yield* this.size(from, "not-found");
    yield* this.removeBehind(to, 0);
    const last = lastPartOf(size);
    let change: ChangeInfo | undefined;
    for (let part = last; part >= 0; part--) {
      const value = yield* this.#part(from, part);
      const made = { part, value, option: "either", judged } as const;
      change = joined(change, yield* this.#store.setPart(to, made));
      yield* othersAct(part);
    }
    return joined(change, yield* this.remove(from, judged));
  }

  /** Removes what there is behind a part, the last first; `undefined` where that is nothing. */
  *removeBehind(
    attribute: NamedAttribute,
    part: number,
  ): Steps<ChangeInfo | undefined> {
    let change: ChangeInfo | undefined;
    for (const each of (yield* this.#further(attribute)).reverse()) {
      if (each <= part) break;
      change = joined(change, yield* this.#store.removePart(attribute, each));
      yield* othersAct(each);
    }
    return change;
  }

  /**
   * Sets the parts that have these bytes, of an attribute of so many by now: the last
   * first, for what is new is none of it before the one that they go on from. Where
   * one of them can't be set, the attribute is as long as it was.
   */
  *#put(
    attribute: NamedAttribute,
    size: number,
    { begin, end, offset, data }: NewBytes,
    judged?: Rights,
  ): Steps<void> {
    const lastNow = lastPartOf(size);
    const last = lastPartOf(end);
    // What is left there of another one would be part of this one.
    if (last > lastNow) yield* this.removeBehind(attribute, lastNow);
    try {
      for (let part = last; part >= Math.floor(begin / PART); part--) {
        const start = part * PART;
        const old = part > lastNow
          ? NOTHING
          : yield* this.#part(attribute, part);
        const length = Math.max(old.length, Math.min(end - start, PART));
        const value = new Uint8Array(length);
        value.set(old);
        const from = Math.max(offset, start);
        const to = Math.min(offset + data.length, start + PART);
        if (to > from) {
          value.set(data.subarray(from - offset, to - offset), from - start);
        }
        const option = part === 0 ? "replace" : "either";
        yield* this.#store.setPart(attribute, { part, value, option, judged });
        yield* othersAct(part);
      }
    } catch (error) {
      if (last > lastNow) yield* this.removeBehind(attribute, lastNow);
      throw error;
    }
  }

  *#first(attribute: NamedAttribute): Steps<Uint8Array> {
    const value = yield* wait(this.#store.part(attribute, 0));
    if (value === undefined) throw new FsError("stale");
    return value;
  }

  *#part(attribute: NamedAttribute, part: number): Steps<Uint8Array> {
    return (yield* wait(this.#store.part(attribute, part))) ?? NOTHING;
  }

  /** The last of the parts that are there one after the other. */
  *#lastPart(attribute: NamedAttribute): Steps<number> {
    const further = yield* this.#further(attribute);
    const gap = further.findIndex((part, i) => part !== i + 1);
    return gap < 0 ? further.length : gap;
  }

  /** All parts but the first, in their order. */
  *#further({ folder: { bearer }, name }: NamedAttribute): Steps<number[]> {
    const names = yield* wait(this.#store.names(bearer));
    return furtherParts(names, name);
  }
}

/** A few requests of hardly any bytes may be about megabytes of parts: others have their turns between some of them. */
function* othersAct(part: number): Steps<void> {
  if (part > 0 && part % AT_ONCE === 0) yield* wait(nextTurn());
}

/** The part that has the last of so many bytes. */
function lastPartOf(size: number): number {
  return Math.max(0, Math.ceil(size / PART) - 1);
}

/** Two changes of one file, one after the other. */
function joined(first: ChangeInfo | undefined, second: ChangeInfo): ChangeInfo {
  if (first === undefined) return second;
  const atomic = first.atomic && second.atomic &&
    first.after === second.before;
  return { atomic, before: first.before, after: second.after };
}
