import type { DatabaseSync, StatementSync } from "node:sqlite";
import { pagesOf } from "./contents.ts";
import { attempt } from "./errors.ts";
import type { MutableAttributes } from "./node.ts";
import type { Companion, Transaction } from "./transaction.ts";

/** Behind the last byte of any file. */
export const BEYOND: number = Number.MAX_SAFE_INTEGER;

/** A part of a file whose bytes are in a shared content, and not in the file's own. */
export interface SharedRange {
  /** Its first byte in the file. */
  readonly start: number;
  /** Number of bytes, one at least. */
  readonly length: number;
  /** Number of the content. */
  readonly content: number;
  /** Its first byte there. */
  readonly at: number;
  /** Bytes that it takes there, at most. */
  readonly used: number;
}

/** What a file has more of shared ranges, or less. */
export interface RangesChange {
  /** How many. */
  ranges: number;
  /** Bytes that they take. */
  shared: number;
}

const COLUMNS = "start, length, content, at, used";

/** The part of a range from one byte of its file to another. */
export function partOf(
  range: SharedRange,
  start: number,
  end: number,
): SharedRange {
  const from = Math.max(start, range.start);
  const length = Math.min(end, range.start + range.length) - from;
  const used = Math.min(range.used, pagesOf(length));
  const at = range.at + from - range.start;
  return { start: from, length, content: range.content, at, used };
}

/** Has what a file is to be tell of other shared ranges. */
export function addChange(
  next: MutableAttributes,
  { ranges, shared }: RangesChange,
): void {
  next.ranges += ranges;
  next.shared += shared;
  next.used += shared;
}

/**
 * The ranges of files that are shared, and the contents in which they are: no file
 * writes to one of those any more. They go with the commit that takes the last of their ranges.
 * What changes anything is for the statements of an operation.
 */
export class SharedRanges implements Companion {
  readonly #transaction: Transaction;
  readonly #remove: (content: number) => void;
  /** Contents that the open transaction has taken ranges of. */
  readonly #lessened = new Set<number>();
  readonly #within: StatementSync;
  readonly #shortest: StatementSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #isUsed: StatementSync;
  readonly #share: StatementSync;
  readonly #sizeOf: StatementSync;
  readonly #forget: StatementSync;

  /** `remove`: takes away a content that is in no file any more, once that is durable. */
  constructor(
    db: DatabaseSync,
    { transaction, remove }: {
      readonly transaction: Transaction;
      readonly remove: (content: number) => void;
    },
  ) {
    this.#transaction = transaction;
    this.#remove = remove;
    this.#within = db.prepare(
      `SELECT ${COLUMNS} FROM shared_ranges
       WHERE fileid = ?1 AND start < ?3 AND start >= coalesce(
         (SELECT max(start) FROM shared_ranges WHERE fileid = ?1 AND start <= ?2), ?2)
       ORDER BY start`,
    );
    this.#shortest = db.prepare(
      `SELECT ${COLUMNS} FROM shared_ranges WHERE fileid = ?
       ORDER BY length LIMIT 1`,
    );
    this.#insert = db.prepare(
      "INSERT INTO shared_ranges VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#delete = db.prepare(
      "DELETE FROM shared_ranges WHERE fileid = ? AND start = ?",
    );
    this.#isUsed = db.prepare(
      `SELECT 1 FROM shared_ranges INDEXED BY ranges_by_content
       WHERE content = ? LIMIT 1`,
    );
    this.#share = db.prepare("INSERT INTO shared_contents VALUES (?, ?)");
    this.#sizeOf = db.prepare(
      "SELECT size FROM shared_contents WHERE number = ?",
    );
    this.#forget = db.prepare("DELETE FROM shared_contents WHERE number = ?");
  }

  /** Those of a file that have any byte from `start` to `end`, in order. */
  within(fileid: number, start: number, end: number): SharedRange[] {
    const rows: unknown = attempt(() => this.#within.all(fileid, start, end));
    return (rows as SharedRange[])
      .filter((range) => range.start + range.length > start);
  }

  /** The shortest of a file. */
  shortest(fileid: number): SharedRange | undefined {
    const row: unknown = attempt(() => this.#shortest.get(fileid));
    return row as SharedRange | undefined;
  }

  /** Bytes of a shared content to its last one on the host; `undefined` of what is none. */
  sizeOf(content: number): number | undefined {
    const row: unknown = attempt(() => this.#sizeOf.get(content));
    return (row as { size: number } | undefined)?.size;
  }

  /** A content of so many bytes is shared from now on. */
  share(content: number, size: number): void {
    this.#share.run(content, size);
  }

  /** Gives a file more of them, where it has none. */
  add(fileid: number, ranges: readonly SharedRange[]): RangesChange {
    for (const { start, length, content, at, used } of ranges) {
      this.#insert.run(fileid, start, length, content, at, used);
    }
    return { ranges: ranges.length, shared: usedOf(ranges) };
  }

  /** What a file has from `start` to `end` is not shared any more. */
  take(fileid: number, start: number, end: number): RangesChange {
    const taken = this.within(fileid, start, end);
    for (const range of taken) {
      this.#delete.run(fileid, range.start);
      this.#lessened.add(range.content);
    }
    const { ranges, shared } = this.add(fileid, leftOf(taken, start, end));
    return { ranges: ranges - taken.length, shared: shared - usedOf(taken) };
  }

  /** Bytes that {@linkcode take} would count more for the file, or fewer. */
  growthBy(fileid: number, start: number, end: number): number {
    const taken = this.within(fileid, start, end);
    return usedOf(leftOf(taken, start, end)) - usedOf(taken);
  }

  /** {@inheritDoc Companion.save} */
  save(): void {
    for (const content of this.#lessened) {
      const isGone = this.#isUsed.get(content) === undefined &&
        this.sizeOf(content) !== undefined;
      if (!isGone) continue;
      this.#forget.run(content);
      this.#transaction.afterwards(() => this.#remove(content));
    }
    this.#lessened.clear();
  }

  /** {@inheritDoc Companion.undone} */
  undone(): void {
    this.#lessened.clear();
  }
}

/** What is left of ranges without the bytes from `start` to `end`. */
function leftOf(
  ranges: readonly SharedRange[],
  start: number,
  end: number,
): SharedRange[] {
  return ranges.flatMap((range) => {
    const last = range.start + range.length;
    const left: SharedRange[] = [];
    if (range.start < start) left.push(partOf(range, range.start, start));
    if (last > end) left.push(partOf(range, end, last));
    return left;
  });
}

/** Bytes that they take, at most. */
export function usedOf(ranges: readonly SharedRange[]): number {
  return ranges.reduce((sum, { used }) => sum + used, 0);
}
