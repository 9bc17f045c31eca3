import { type Steps, wait } from "../../base/awaitable.ts";
import { FsError, type FsErrorCode } from "../errors.ts";
import type { NamedAttribute } from "./attribute_nodes.ts";
import {
  type AttributeIndex,
  decodeIndex,
  encodeIndex,
  indexName,
  lastPartOf,
  PART,
  partName,
} from "./attribute_parts.ts";
import type { AttributeStore } from "./attribute_store.ts";

const NOTHING = new Uint8Array(0);

/** What there is of an attribute. */
export interface Kept {
  /** Its first part, or all of it. */
  readonly first: Uint8Array;
  /** What tells of the parts behind that. */
  readonly index: AttributeIndex | undefined;
}

/** The parts of attributes, and the indexes that tell of them. */
export class KeptParts {
  readonly #store: AttributeStore;

  /** Those in `store`. */
  constructor(store: AttributeStore) {
    this.#store = store;
  }

  /** What there is; where there is nothing, FsError `ifGone`. */
  *kept(
    attribute: NamedAttribute,
    ifGone: FsErrorCode = "stale",
  ): Steps<Kept> {
    const { folder, name } = attribute;
    yield* this.#store.othersAct();
    const first = yield* wait(this.#store.get(folder, name));
    if (first === undefined) throw new FsError(ifGone);
    const isFull = first.length === PART;
    const index = isFull ? yield* this.index(attribute) : undefined;
    return { first, index };
  }

  /** What there is of a part that is to be changed: nothing where there was none. */
  *part(
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

  /** The index that it has, which counts where its first part is full. */
  *index({ folder, name }: NamedAttribute): Steps<AttributeIndex | undefined> {
    return decodeIndex(yield* wait(this.#store.get(folder, indexName(name))));
  }

  /** Has it have this index instead of the one that it has. */
  *setIndex(
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

/** The index that a change tells of so many bytes by, which have none where one part has them all. */
export function indexOf(
  series: string,
  size: number,
): AttributeIndex | undefined {
  if (size <= PART) return undefined;
  const [change = 0] = crypto.getRandomValues(new Uint32Array(1));
  return { series, size, last: lastPartOf(size), change };
}

/** Bytes of all parts. */
export function sizeOf({ first, index }: Kept): number {
  return index?.size ?? first.length;
}

/** Whether both are what one change has told. */
export function isSame(
  one: AttributeIndex | undefined,
  other: AttributeIndex | undefined,
): boolean {
  return isSameSeries(one, other) && one?.size === other?.size &&
    one?.last === other?.last && one?.change === other?.change;
}

/** Whether both tell of parts of one series, or neither of any. */
export function isSameSeries(
  one: AttributeIndex | undefined,
  other: AttributeIndex | undefined,
): boolean {
  return one?.series === other?.series;
}
