import { RangeList } from "./range_list.ts";

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

/** Who a range belongs to: its owner decides about conflicts, the holder is the lock stateid. */
export interface Holder<Owner> {
  /** The lock owner. */
  readonly owner: Owner;
}

/** A locked range. */
export interface LockedRange<H> extends Span {
  /** Whether it is a write lock. */
  readonly write: boolean;
  /** The lock stateid that it was gotten under. */
  readonly holder: H;
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

/**
 * The byte-range locks of a file, with POSIX semantics: an owner's lock replaces
 * what it held of the range before, neighbours of the same kind are joined.
 *
 * An owner's own ranges are disjoint and sorted. Write locks are disjoint from
 * everything of other owners, and read locks only matter to writers, so each
 * kind has a list of its own and thousands of readers don't slow each other down.
 */
export class ByteRanges<Owner extends object, H extends Holder<Owner>> {
  readonly #owned = new Map<Owner, LockedRange<H>[]>();
  readonly #readers = new RangeList<LockedRange<H>>();
  readonly #writers = new RangeList<LockedRange<H>>();

  /** Number of ranges. */
  get size(): number {
    return this.#readers.size + this.#writers.size;
  }

  /** A range of somebody else's that forbids the owner the span; unknown owners have none. */
  conflict(
    owner: Owner | undefined,
    span: Span,
    write: boolean,
  ): LockedRange<H> | undefined {
    const isForeign = (range: LockedRange<H>) => range.holder.owner !== owner;
    return this.#writers.find(span, isForeign) ??
      (write ? this.#readers.find(span, isForeign) : undefined);
  }

  /** Whether something is locked under this holder. */
  isHeldBy(holder: H): boolean {
    const own = this.#owned.get(holder.owner);
    return own !== undefined && own.some((range) => range.holder === holder);
  }

  /** Locks a span that {@linkcode conflict} found free; returns how many ranges there are more. */
  lock(holder: H, span: Span, write: boolean): number {
    const before = this.size;
    const own = this.#ownedBy(holder.owner);
    let { start, last } = span;
    const at = firstTouching(own, start);
    const replaced: LockedRange<H>[] = [];
    const rest: LockedRange<H>[] = [];
    for (
      let i = at;
      i < own.length && own[i].start <= (last === LAST_BYTE ? last : last + 1n);
      i++
    ) {
      const range = own[i];
      replaced.push(range);
      if (range.write === write && range.holder === holder) {
        if (range.start < start) start = range.start;
        if (range.last > last) last = range.last;
      } else {
        rest.push(...outside(range, span));
      }
    }
    const added = [...rest, { start, last, write, holder }];
    added.sort((a, b) => a.start < b.start ? -1 : 1);
    this.#replace(own, at, { replaced, added });
    return this.size - before;
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
    const before = this.size;
    let at = firstTouching(own, span.start);
    // What only touches the span stays as it is.
    if (at < own.length && own[at].last < span.start) at++;
    const replaced: LockedRange<H>[] = [];
    const added: LockedRange<H>[] = [];
    for (let i = at; i < own.length && own[i].start <= span.last; i++) {
      replaced.push(own[i]);
      added.push(...outside(own[i], span));
    }
    this.#replace(own, at, { replaced, added });
    this.#dropIfEmpty(owner, own);
    return this.size - before;
  }

  /** Drops everything gotten under a holder; returns how many ranges that were. */
  release(holder: H): number {
    const own = this.#owned.get(holder.owner);
    if (own === undefined) return 0;
    const before = this.size;
    const kept: LockedRange<H>[] = [];
    for (const range of own) {
      if (range.holder === holder) this.#listOf(range).remove(range);
      else kept.push(range);
    }
    this.#owned.set(holder.owner, kept);
    this.#dropIfEmpty(holder.owner, kept);
    return before - this.size;
  }

  #ownedBy(owner: Owner): LockedRange<H>[] {
    let own = this.#owned.get(owner);
    if (own === undefined) this.#owned.set(owner, own = []);
    return own;
  }

  #dropIfEmpty(owner: Owner, own: LockedRange<H>[]): void {
    if (own.length === 0) this.#owned.delete(owner);
  }

  #replace(
    own: LockedRange<H>[],
    at: number,
    { replaced, added }: {
      readonly replaced: readonly LockedRange<H>[];
      readonly added: readonly LockedRange<H>[];
    },
  ): void {
    for (const range of replaced) this.#listOf(range).remove(range);
    for (const range of added) this.#listOf(range).add(range);
    own.splice(at, replaced.length, ...added);
  }

  #listOf(range: LockedRange<H>): RangeList<LockedRange<H>> {
    return range.write ? this.#writers : this.#readers;
  }
}

/** Index of the first range that ends at `start - 1` or behind. */
function firstTouching(own: readonly Span[], start: bigint): number {
  let low = 0;
  let high = own.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (own[middle].last + 1n < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What a range is left with when a span is taken out of it. */
function outside<H>(range: LockedRange<H>, span: Span): LockedRange<H>[] {
  const rest: LockedRange<H>[] = [];
  const { last } = range;
  if (range.start < span.start) {
    const end = span.start - 1n;
    rest.push({ ...range, last: last < end ? last : end });
  }
  if (last > span.last) {
    const begin = span.last + 1n;
    const start = range.start > begin ? range.start : begin;
    rest.push({ ...range, start });
  }
  return rest;
}
