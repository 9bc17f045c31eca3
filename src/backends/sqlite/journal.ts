import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Contents } from "./contents.ts";
import type { SqliteNode } from "./node.ts";

/** A file with rows. */
interface Journaled {
  readonly node: SqliteNode;
  rows: { readonly id: number; readonly bytes: number }[];
}

/**
 * Small durable writes to files beside the database: they are written there,
 * where the host may take its time, and into this table, which the next commit
 * makes durable together with everybody else's. Once the host has brought the
 * file itself to disk, its rows go. After a crash they are written once more.
 *
 * This is what lets writes to many files share one fsync.
 */
export class Journal {
  /** Bytes in rows. */
  bytes = 0;
  readonly #files = new Map<number, Journaled>();
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #drop: StatementSync;
  readonly #dropBeyond: StatementSync;
  readonly #shorten: StatementSync;

  /** The journal is empty: {@linkcode replay} comes before. */
  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      "INSERT INTO journal (fileid, start, data) VALUES (?, ?, ?)",
    );
    this.#forget = db.prepare(
      "DELETE FROM journal WHERE fileid = ? AND id <= ?",
    );
    this.#drop = db.prepare("DELETE FROM journal WHERE fileid = ?");
    this.#dropBeyond = db.prepare(
      "DELETE FROM journal WHERE fileid = ? AND start >= ?",
    );
    this.#shorten = db.prepare(
      `UPDATE journal SET data = substr(data, 1, ?2 - start)
       WHERE fileid = ?1 AND start + length(data) > ?2`,
    );
  }

  /** The files that have rows. */
  nodes(): SqliteNode[] {
    return Array.from(this.#files.values(), ({ node }) => node);
  }

  /** The last row of a file, if it has any. */
  last(node: SqliteNode): number | undefined {
    return this.#files.get(node.fileid)?.rows.at(-1)?.id;
  }

  /** Adds a row, in the open transaction. */
  add(node: SqliteNode, start: number, data: Uint8Array): void {
    const { lastInsertRowid } = this.#insert.run(node.fileid, start, data);
    const row = { id: Number(lastInsertRowid), bytes: data.length };
    this.bytes += row.bytes;
    const known = this.#files.get(node.fileid);
    if (known !== undefined) known.rows.push(row);
    else this.#files.set(node.fileid, { node, rows: [row] });
  }

  /** A file was cut: what was beyond must not come back when it grows again. */
  cut(node: SqliteNode, size: number): void {
    if (!this.#files.has(node.fileid)) return;
    this.#dropBeyond.run(node.fileid, size);
    this.#shorten.run(node.fileid, size);
  }

  /**
   * Removes the rows of a file: all, or up to `last` when the file was synced
   * since that was added. The last statement of its operation, because what
   * memory knows of the rows is not undone with it.
   */
  forget(node: SqliteNode, last = Infinity): void {
    const known = this.#files.get(node.fileid);
    if (known === undefined) return;
    if (last === Infinity) this.#drop.run(node.fileid);
    else this.#forget.run(node.fileid, last);
    for (const { id, bytes } of known.rows) if (id <= last) this.bytes -= bytes;
    known.rows = known.rows.filter(({ id }) => id > last);
    if (known.rows.length === 0) this.#files.delete(node.fileid);
  }
}

/** Writes what a crash has left in the journal once more, and empties it. */
export function replay(db: DatabaseSync, contents: Contents): void {
  const written = new Set<number>();
  const rows = db.prepare(
    `SELECT journal.fileid, start, data FROM journal
     JOIN inodes USING (fileid) WHERE outside = 1 ORDER BY journal.id`,
  );
  for (const row of rows.iterate()) {
    const { fileid, start, data } = row as unknown as {
      fileid: number;
      start: number;
      data: Uint8Array;
    };
    contents.write(fileid, start, data);
    written.add(fileid);
  }
  for (const fileid of written) contents.syncNow(fileid);
  db.exec("DELETE FROM journal");
}
