import { finish, type Piecework } from "./effects.ts";
import { excluding, type Few, including, itemsOf, sizeOf } from "./few.ts";
import { RangeTree } from "./range_tree.ts";

/** The last byte that a lock can cover (RFC 8881 18.10.3). */
export const LAST_BYTE = 0xffff_ffff_ffff_ffffn;

/** A lock that is in the way, as LOCK4denied tells of it. */
export interface LockConflict {
  /** First byte. */
  readonly offset: bigint;
  /** Bytes; 2^64 - 1 to the end of the file, whatever that is. */
  readonly length: bigint;
  /** Whether it is a write lock. */
  readonly write: boolean;
  /** Client of the owner. */
  readonly clientid: bigint;
  /** Name of the owner. */
  readonly owner: Uint8Array;
}

/** Bytes from `start` to `last`, both included. */
export interface Span {
  /** First byte. */
  readonly start: bigint;
  /** Last byte. */
  readonly last: bigint;
}

/** What a range belongs to: its owner decides about conflicts, the holder is the lock stateid. */
export interface Holder<Owner> {
  /** The lock owner. */
  readonly owner: Owner;
  /** So many of its ranges more are over and not cleared away. */
  left?(more: number): void;
}

/** A locked range. */
export interface LockedRange<H extends Holder<object> = Holder<object>>
  extends Span {
  /** Whether it is a write lock. */
  readonly write: boolean;
  /** The lock stateid that it was gotten under. */
  readonly holder: H;
  /** The holder's owner. */
  readonly owner: H["owner"];
  /** Tells ranges with the same start apart. */
  readonly id: number;
  /** Whether it is locked no more: another range is in its place, or none. */
  readonly isOver: boolean;
}

/** The span of an offset and length off the wire; `undefined` where they make none. */
export function spanOf(offset: bigint, length: bigint): Span | undefined {
  // RFC 8881 18.10.3, RFC 7530 16.10.4: no lock of nothing.
  if (length === 0n) return undefined;
  if (length === LAST_BYTE) return { start: offset, last: LAST_BYTE };
  // The sum itself, not the last byte, must not exceed 2^64 - 1.
  const end = offset + length;
  return end > LAST_BYTE ? undefined : { start: offset, last: end - 1n };
}

/** The length of a span as it goes over the wire. */
export function lengthOf({ start, last }: Span): bigint {
  return last === LAST_BYTE ? LAST_BYTE : last - start + 1n;
}

/** What a holder has. */
interface Held<H extends Holder<object>> {
  /** Ranges that are locked. */
  count: number;
  /** These, and those that are yet to be cleared away. */
  ranges: Few<Kept<H>>;
}

/** A range as it is kept. */
interface Kept<H extends Holder<object>> extends LockedRange<H> {
  isOver: boolean;
  /** It is over, and its holder was told that it is left to be cleared away. */
  isLeft: boolean;
  /** What its holder has: thousands that end at once need not look for it. */
  readonly held: Held<H>;
}

/** Ranges that are cleared away at once; more are left for later. */
const AT_ONCE = 64;

/**
 * The byte-range locks of a file, with POSIX semantics: an owner's lock replaces
 * what it held of the range before, neighbours of the same kind are joined.
 *
 * An owner's own ranges are disjoint and sorted. Write locks are disjoint from
 * everything of other owners, and read locks only matter to writers, so each
 * kind has a tree of its own and thousands of readers don't slow each other
 * down. When many ranges end at once, that is noted at once and they are
 * cleared away later, so that no request waits for it.
 */
export class ByteRanges<Owner extends object, H extends Holder<Owner>> {
  readonly #owned = new Map<Owner, Kept<H>[]>();
  readonly #held = new Map<H, Held<H>>();
  readonly #readers = new RangeTree<Kept<H>>();
  readonly #writers = new RangeTree<Kept<H>>();
  readonly #later: (work: Piecework) => void;
  #size = 0;
  #nextId = 0;

  /** `later` does the work in pieces; it is done at once if left out. */
  constructor(later: (work: Piecework) => void = finish) {
    this.#later = later;
  }

  /** Number of ranges. */
  get size(): number {
    return this.#size;
  }

  /**
   * A range of another owner that forbids the owner the span; unknown owners
   * have none. One that is over where too many are yet to be cleared away to
   * say now. The ranges of owners that `isPassedOver` says so of don't count.
   */
  conflict(
    owner: Owner | undefined,
    span: Span,
    { write, isPassedOver }: {
      readonly write: boolean;
      readonly isPassedOver?: ((owner: Owner) => boolean) | undefined;
    },
  ): LockedRange<H> | undefined {
    const find = (tree: RangeTree<Kept<H>>) =>
      this.#find(tree, span, { owner, isPassedOver });
    return find(this.#writers) ?? (write ? find(this.#readers) : undefined);
  }

  /** Whether something is locked under this holder. */
  isHeldBy(holder: H): boolean {
    return (this.#held.get(holder)?.count ?? 0) > 0;
  }

  /** Locks a span that {@linkcode conflict} found free; returns how many ranges there are more. */
  lock(holder: H, span: Span, write: boolean): number {
    const before = this.#size;
    const own = this.#ownedBy(holder.owner);
    let { start, last } = span;
    const at = firstTouching(own, start);
    const end = firstBehind(own, last === LAST_BYTE ? last : last + 1n);
    const added: Kept<H>[] = [];
    for (const range of endsOf(own, at, end)) {
      if (range.write === write && range.holder === holder) {
        if (range.start < start) start = range.start;
        if (range.last > last) last = range.last;
      } else {
        this.#keepOutside(range, span, added);
      }
    }
    added.push(this.#make({ start, last }, write, holder));
    added.sort((a, b) => a.start < b.start ? -1 : 1);
    this.#replace(own, { at, end, added });
    return this.#size - before;
  }

  /** How many ranges more {@linkcode lock} would make of the span. */
  growth(holder: H, { start, last }: Span, write: boolean): number {
    const own = this.#owned.get(holder.owner) ?? [];
    const at = firstTouching(own, start);
    const end = firstBehind(own, last === LAST_BYTE ? last : last + 1n);
    let made = 1;
    for (const range of endsOf(own, at, end)) {
      if (range.write === write && range.holder === holder) continue;
      if (range.start < start) made++;
      if (range.last > last) made++;
    }
    return made - (end - at);
  }

  /** Whether the owner has a range that goes on at both ends of a span. */
  isSplitBy(owner: Owner, span: Span): boolean {
    const own = this.#owned.get(owner);
    if (own === undefined) return false;
    const range = own[firstTouching(own, span.start)];
    return range !== undefined && range.start < span.start &&
      range.last > span.last;
  }

  /** Unlocks what the owner holds of a span; returns how many ranges there are more (a split) or less. */
  unlock(owner: Owner, span: Span): number {
    const own = this.#owned.get(owner);
    if (own === undefined) return 0;
    const before = this.#size;
    let at = firstTouching(own, span.start);
    // What only touches the span stays as it is.
    if (at < own.length && own[at]!.last < span.start) at++;
    const end = Math.max(at, firstBehind(own, span.last));
    const added: Kept<H>[] = [];
    for (const range of endsOf(own, at, end)) {
      this.#keepOutside(range, span, added);
    }
    this.#replace(own, { at, end, added });
    this.#dropIfEmpty(owner, own);
    return this.#size - before;
  }

  /** Drops everything gotten under a holder; returns how many ranges that were. */
  release(holder: H): number {
    const held = this.#held.get(holder);
    if (held === undefined || held.count === 0) return 0;
    const ranges = this.#takeOut(holder, held);
    this.#end(ranges);
    return ranges.length;
  }

  /** Takes what is locked under a holder out of its owner's ranges. */
  #takeOut({ owner }: H, held: Held<H>): readonly Kept<H>[] {
    const own = this.#owned.get(owner)!;
    if (held.count === own.length) {
      this.#owned.delete(owner);
      return own;
    }
    const ranges: Kept<H>[] = [];
    if (sizeOf(held.ranges) <= AT_ONCE) {
      for (const range of itemsOf(held.ranges)) {
        if (!range.isOver) ranges.push(range);
      }
      for (const range of ranges) own.splice(indexOf(own, range), 1);
      return ranges;
    }
    const others: Kept<H>[] = [];
    for (const range of own) {
      (range.held === held ? ranges : others).push(range);
    }
    this.#owned.set(owner, others);
    return ranges;
  }

  #find(
    tree: RangeTree<Kept<H>>,
    span: Span,
    { owner, isPassedOver }: {
      readonly owner: Owner | undefined;
      readonly isPassedOver: ((owner: Owner) => boolean) | undefined;
    },
  ): Kept<H> | undefined {
    for (let cleared = 0;; cleared++) {
      const range = tree.find(span, owner, isPassedOver);
      if (range === undefined || !range.isOver || cleared === AT_ONCE) {
        return range;
      }
      this.#clear(range);
    }
  }

  #ownedBy(owner: Owner): Kept<H>[] {
    let own = this.#owned.get(owner);
    if (own === undefined) this.#owned.set(owner, own = []);
    return own;
  }

  #dropIfEmpty(owner: Owner, own: Kept<H>[]): void {
    if (own.length === 0) this.#owned.delete(owner);
  }

  #make({ start, last }: Span, write: boolean, holder: H): Kept<H> {
    const { owner } = holder;
    const id = this.#nextId++;
    const held = this.#heldBy(holder);
    const isOver = false;
    const isLeft = false;
    return { start, last, write, holder, owner, id, isOver, isLeft, held };
  }

  /** To be given a range at once. */
  #heldBy(holder: H): Held<H> {
    let held = this.#held.get(holder);
    if (held === undefined) {
      this.#held.set(holder, held = { count: 0, ranges: undefined });
    }
    return held;
  }

  /** Makes what a range is left with when a span is taken out of it. */
  #keepOutside(
    { start, last, write, holder }: Kept<H>,
    span: Span,
    kept: Kept<H>[],
  ): void {
    if (start < span.start) {
      const end = span.start - 1n;
      const before = { start, last: last < end ? last : end };
      kept.push(this.#make(before, write, holder));
    }
    if (last > span.last) {
      const begin = span.last + 1n;
      const behind = { start: start > begin ? start : begin, last };
      kept.push(this.#make(behind, write, holder));
    }
  }

  /** Puts ranges in the place of an owner's from `at` to before `end`. */
  #replace(
    own: Kept<H>[],
    { at, end, added }: {
      readonly at: number;
      readonly end: number;
      readonly added: readonly Kept<H>[];
    },
  ): void {
    const replaced = own.splice(at, end - at, ...added);
    for (const range of added) this.#begin(range);
    this.#end(replaced);
  }

  #begin(range: Kept<H>): void {
    const { held } = range;
    held.count++;
    held.ranges = including(held.ranges, range);
    this.#size++;
    this.#treeOf(range).add(range);
  }

  #end(ranges: readonly Kept<H>[]): void {
    this.#size -= ranges.length;
    for (const range of ranges) {
      range.isOver = true;
      range.held.count--;
    }
    if (ranges.length > AT_ONCE) return this.#leave(ranges);
    for (const range of ranges) this.#clear(range);
  }

  /** They are cleared away later, and are their holders' until then. */
  #leave(ranges: readonly Kept<H>[]): void {
    const counts = new Map<H, number>();
    for (const range of ranges) {
      range.isLeft = true;
      counts.set(range.holder, (counts.get(range.holder) ?? 0) + 1);
    }
    for (const [holder, count] of counts) holder.left?.(count);
    this.#later(this.#clearAll(ranges));
  }

  *#clearAll(ranges: readonly Kept<H>[]): Piecework {
    for (const range of ranges) {
      this.#clear(range);
      yield 1;
    }
  }

  /** Takes a range that is over out of what is searched, unless it is already. */
  #clear(range: Kept<H>): void {
    const { holder, held } = range;
    if (range.isLeft) {
      range.isLeft = false;
      holder.left?.(-1);
    }
    this.#treeOf(range).remove(range);
    held.ranges = excluding(held.ranges, range);
    // It may have come to hold something anew since.
    const isLast = held.ranges === undefined && this.#held.get(holder) === held;
    if (isLast) this.#held.delete(holder);
  }

  #treeOf(range: Kept<H>): RangeTree<Kept<H>> {
    return range.write ? this.#writers : this.#readers;
  }
}

/** The first and the last of an owner's ranges from `at` to before `end`: only they reach further than a span that touches all. */
function endsOf<R>(own: readonly R[], at: number, end: number): R[] {
  if (end - at <= 1) return own.slice(at, end);
  return [own[at]!, own[end - 1]!];
}

/** Index of the first range that ends at `start - 1` or behind. */
function firstTouching(own: readonly Span[], start: bigint): number {
  let low = 0;
  let high = own.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (own[middle]!.last + 1n < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first range that starts behind `last`. */
function firstBehind(own: readonly Span[], last: bigint): number {
  let low = 0;
  let high = own.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (own[middle]!.start <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of one of an owner's ranges. */
function indexOf(own: readonly Span[], range: Span): number {
  const at = firstTouching(own, range.start);
  // The one before may end where this one begins.
  return own[at] === range ? at : at + 1;
}
