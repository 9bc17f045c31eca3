/** Bytes from `start` to `last`, both included. */
interface Spanned {
  readonly start: bigint;
  readonly last: bigint;
}

/** Ranges with neighbouring starts. */
interface Bucket<T> {
  /** Sorted by `start`. */
  readonly ranges: T[];
  /** The largest `last` among them. */
  last: bigint;
}

const BUCKET_SIZE = 128;

/**
 * Ranges sorted by start, which may overlap, in buckets that know how far they
 * reach: a search passes over all that ends too early, and changes move little.
 */
export class RangeList<T extends Spanned> {
  readonly #buckets: Bucket<T>[] = [];
  #size = 0;

  /** Number of ranges. */
  get size(): number {
    return this.#size;
  }

  /** A range that overlaps the span and is as wanted. */
  find(span: Spanned, wanted: (range: T) => boolean): T | undefined {
    for (const { ranges, last } of this.#buckets) {
      if (ranges[0].start > span.last) return undefined;
      if (last < span.start) continue;
      for (const range of ranges) {
        if (range.start > span.last) return undefined;
        if (range.last >= span.start && wanted(range)) return range;
      }
    }
    return undefined;
  }

  /** Takes a range in. */
  add(range: T): void {
    this.#size++;
    const buckets = this.#buckets;
    if (buckets.length === 0) {
      buckets.push({ ranges: [range], last: range.last });
      return;
    }
    const index = Math.max(0, this.#bucketAfter(range.start) - 1);
    const bucket = buckets[index];
    const { ranges } = bucket;
    ranges.splice(indexAfter(ranges, range.start), 0, range);
    if (range.last > bucket.last) bucket.last = range.last;
    if (ranges.length > BUCKET_SIZE) this.#split(index);
  }

  /** Takes out a range that is in the list. */
  remove(range: T): void {
    // Ranges with the same start may fill more than one bucket.
    for (let i = this.#bucketAfter(range.start) - 1; i >= 0; i--) {
      const bucket = this.#buckets[i];
      const { ranges } = bucket;
      const at = ranges.indexOf(range);
      if (at < 0) continue;
      this.#size--;
      ranges.splice(at, 1);
      if (ranges.length === 0) this.#buckets.splice(i, 1);
      else if (range.last === bucket.last) bucket.last = lastOf(ranges);
      return;
    }
  }

  /** Index of the first bucket that begins behind `start`. */
  #bucketAfter(start: bigint): number {
    let low = 0;
    let high = this.#buckets.length;
    while (low < high) {
      const middle = low + high >> 1;
      if (this.#buckets[middle].ranges[0].start <= start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #split(index: number): void {
    const bucket = this.#buckets[index];
    const half = bucket.ranges.splice(BUCKET_SIZE >> 1);
    this.#buckets.splice(index + 1, 0, { ranges: half, last: lastOf(half) });
    bucket.last = lastOf(bucket.ranges);
  }
}

function indexAfter(ranges: readonly Spanned[], start: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (ranges[middle].start <= start) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastOf(ranges: readonly Spanned[]): bigint {
  let last = 0n;
  for (const range of ranges) if (range.last > last) last = range.last;
  return last;
}
