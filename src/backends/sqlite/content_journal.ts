import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Contents } from "./contents.ts";
import { pagedRows } from "./paged_rows.ts";

/** Bytes that are in the journal at most, but for a row: a start writes all of it before it serves. */
export const MOST_BYTES: number = 2 ** 23;
/** Bytes from which on contents are synced to empty it. */
const MANY_BYTES = MOST_BYTES / 2;
/** Bytes that a row counts beside its data, so that there are 16,384 rows at most. */
export const ROW_BYTES: number = 512;

interface Row {
  readonly id: number;
  readonly bytes: number;
}

/**
 * Small durable writes to contents beside the database: they are written there,
 * where the host may take its time, and into this table, which the next commit
 * makes durable together with all other changes. Once the host has brought the
 * content itself to disk, its rows go. After a crash they are written once
 * more.
 *
 * This is what lets writes to many files share one fsync.
 */
export class ContentJournal {
  /** What is in it, in bytes: a row is some even where its data is one. */
  bytes = 0;
  #lastId = 0;
  /** By number of the content. */
  readonly #rows = new Map<number, Row[]>();
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #drop: StatementSync;
  readonly #dropBeyond: StatementSync;
  readonly #shorten: StatementSync;
  readonly #all: StatementSync;
  readonly #isUsed: boolean;

  /** With what {@linkcode replay} has left in it. Where it is not used, that is nothing, and it stays empty. */
  constructor(
    db: DatabaseSync,
    { isUsed }: { readonly isUsed: boolean },
  ) {
    this.#isUsed = isUsed;
    this.#insert = db.prepare(
      "INSERT INTO journal VALUES (?, ?, ?, ?)",
    );
    this.#forget = db.prepare(
      "DELETE FROM journal WHERE content = ? AND id <= ?",
    );
    this.#drop = db.prepare("DELETE FROM journal WHERE content = ?");
    this.#dropBeyond = db.prepare(
      "DELETE FROM journal WHERE content = ? AND start >= ?",
    );
    this.#shorten = db.prepare(
      `UPDATE journal SET data = substr(data, 1, ?2 - start)
       WHERE content = ?1 AND start + length(data) > ?2`,
    );
    this.#all = db.prepare(
      "SELECT id, content, length(data) AS bytes FROM journal ORDER BY id",
    );
    this.undone();
  }

  /** Learns anew which rows there are. */
  undone(): void {
    this.#rows.clear();
    this.bytes = 0;
    for (const row of this.#all.all()) {
      const { id, content, bytes } = row as unknown as Row & {
        readonly content: number;
      };
      this.#note(content, { id, bytes: ROW_BYTES + bytes });
      this.#lastId = Math.max(this.#lastId, id);
    }
  }

  /** Whether it is to be emptied. */
  get isLong(): boolean {
    return this.bytes > MANY_BYTES;
  }

  /** Whether nothing is to be added. */
  get isFull(): boolean {
    return this.bytes > MOST_BYTES;
  }

  /** Contents that have rows. */
  numbers(): number[] {
    return [...this.#rows.keys()];
  }

  /** The last row of a content, if it has any. */
  last(number: number): number | undefined {
    return this.#rows.get(number)?.at(-1)?.id;
  }

  /** Adds a row, in the open transaction, where it is used at all and there are bytes. */
  add(number: number, start: number, data: Uint8Array): void {
    if (!this.#isUsed || data.length === 0) return;
    // Not SQLite's own choice, which would use numbers of deleted rows again.
    const row = { id: ++this.#lastId, bytes: ROW_BYTES + data.length };
    this.#insert.run(row.id, number, start, data);
    this.#note(number, row);
  }

  /** A content was cut: what was beyond must not come back when it grows again. */
  cut(number: number, size: number): void {
    if (!this.#rows.has(number)) return;
    this.#dropBeyond.run(number, size);
    this.#shorten.run(number, size);
  }

  /**
   * Removes the rows of a content: all, or up to `last` when it was synced since
   * that was added. The last statement of its operation, because what memory
   * knows of the rows is not undone with it.
   */
  forget(number: number, last = Infinity): void {
    const known = this.#rows.get(number);
    if (known === undefined) return;
    if (last === Infinity) this.#drop.run(number);
    else this.#forget.run(number, last);
    for (const { id, bytes } of known) if (id <= last) this.bytes -= bytes;
    const rest = known.filter(({ id }) => id > last);
    if (rest.length > 0) this.#rows.set(number, rest);
    else this.#rows.delete(number);
  }

  #note(number: number, row: Row): void {
    this.bytes += row.bytes;
    const known = this.#rows.get(number);
    if (known !== undefined) known.push(row);
    else this.#rows.set(number, [row]);
  }
}

/** So that the next ones can be counted. */
const MOST_ID = 2 ** 52;

/** In SQL: what of the journal a store can have written. */
export const IS_SOUND: string = `id BETWEEN 1 AND ${MOST_ID} AND
  content BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER} AND
  start BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER} - length(data)`;

const LEFT_OVER = `NOT (${IS_SOUND}) OR NOT EXISTS
  (SELECT 1 FROM inodes INDEXED BY outsiders
   WHERE outside = content AND outside <> 0)`;

/** A row that the last life has left. */
interface Kept {
  readonly id: number;
  readonly content: number;
  readonly start: number;
  readonly data: Uint8Array;
}

const idOf = ({ id }: Kept) => id;

/**
 * Writes what the last life has left in the journal to its contents once more: after
 * a power failure they may be without it. What is of no file any more goes, and what
 * is not {@linkcode IS_SOUND}. The rest stays for as long as it `isKept`, and nothing
 * waits for the disk; else all goes once it is there.
 */
export function replay(
  db: DatabaseSync,
  contents: Contents,
  { isKept }: { readonly isKept: boolean },
): void {
  remove(db, LEFT_OVER);
  const written = new Set<number>();
  const rows = db.prepare(
    `SELECT id, content, start, data FROM journal WHERE id > ?
     ORDER BY id LIMIT ?`,
  );
  for (const { content, start, data } of pagedRows<Kept>(rows, idOf)) {
    contents.writeAgain(content, start, data);
    written.add(content);
  }
  if (isKept) return;
  for (const number of written) contents.syncNow(number);
  remove(db, "TRUE");
}

/** Of nothing it would be a write all the same, for which the disk may have no room. */
function remove(db: DatabaseSync, rule: string): void {
  const rows = db.prepare(`SELECT 1 FROM journal WHERE ${rule}`);
  if (rows.get() !== undefined) db.exec(`DELETE FROM journal WHERE ${rule}`);
}
