import type { SQLInputValue, StatementSync } from "node:sqlite";

/** Rows that are in memory at once. */
const PAGE = 64;

/**
 * All rows of a statement, by pages: it takes the key after which a page begins, and
 * how many rows that has at most. (`StatementSync.iterate` ends without a word where
 * SQLite can't read on, as if there were no more.)
 */
export function* pagedRows<T>(
  statement: StatementSync,
  keyOf: (row: T) => SQLInputValue,
): Generator<T> {
  let last: SQLInputValue = 0;
  for (;;) {
    const rows = statement.all(last, PAGE) as T[];
    yield* rows;
    if (rows.length < PAGE) return;
    last = keyOf(rows.at(-1)!);
  }
}
