import type { DatabaseSync } from "node:sqlite";
import { type Contents, leastUsed } from "./contents.ts";
import type { OpenDatabase } from "./database.ts";
import { forgetLoss, rememberLoss } from "./loss_mark.ts";
import { replay } from "./content_journal.ts";
import { pagedRows } from "./paged_rows.ts";

/** What is known of the end of the last server, and the log that it has left. */
type Left = Pick<OpenDatabase, "wasLost" | "syncLog"> & {
  /** Whether the journal is kept until what it has is on disk elsewhere, after this. */
  readonly isJournalKept: boolean;
};

/**
 * What a store needs after the last server ended, before it is served again:
 * durable writes go to their files, and contents of no file go. Files without a name
 * stay, which clients may open anew: see `PreservedFiles`. SQLite has brought its log
 * back by itself, which a process that was killed may not have synced: what is removed
 * here, or told to clients later, relies on it.
 * Throws what the host does not do; the next start does all of it again.
 */
export function recover(
  db: DatabaseSync,
  contents: Contents,
  left: Left,
): void {
  const { wasLost } = left;
  try {
    bringBack(db, contents, left);
    if (wasLost) forgetLoss(db);
  } catch (error) {
    if (wasLost) rememberLoss(db);
    throw error;
  }
}

function bringBack(
  db: DatabaseSync,
  contents: Contents,
  { wasLost, syncLog, isJournalKept: isKept }: Left,
): void {
  db.exec("BEGIN IMMEDIATE");
  replay(db, contents, { isKept });
  if (wasLost) countAnew(db, contents);
  db.exec("COMMIT");
  // By a log that is there, the next start sees that this life was lost.
  syncLog();
  // A store that is closed leaves nothing that belongs to no file, so only a
  // crash costs this walk.
  if (wasLost) contents.removeStrays(contentsInUse(db));
}

/** A file whose content is shorter than what its row has counted. */
export interface Shortened {
  readonly fileid: number;
  readonly size: number;
  readonly outside: number;
}

/** A file with what its row has counted. */
interface Counted extends Shortened {
  readonly used: number;
}

/** All files of which the database knows more content than there is. */
export function* shortened(
  db: DatabaseSync,
  contents: Contents,
): Generator<Shortened> {
  const files = db.prepare(
    `SELECT fileid, size, used - shared AS used, outside
     FROM inodes INDEXED BY outsiders WHERE outside <> 0 AND outside > ?
     AND max(fileid, size, used, shared, outside) <= ${Number.MAX_SAFE_INTEGER}
     ORDER BY outside LIMIT ?`,
  );
  for (const file of pagedRows(files, ({ outside }: Counted) => outside)) {
    if (contents.lacks(file.outside, leastUsed(file))) yield file;
  }
}

/** All shared contents of which the database knows more than there is, with a file that has some of it. */
export function* shortenedShared(
  db: DatabaseSync,
  contents: Contents,
): Generator<Shortened> {
  const shared = db.prepare(
    `SELECT number AS outside, shared_contents.size, coalesce((
       SELECT fileid FROM shared_ranges INDEXED BY ranges_by_content
       WHERE content = number LIMIT 1), 0) AS fileid
     FROM shared_contents WHERE number > ? AND max(number, size) <= ${Number.MAX_SAFE_INTEGER}
     ORDER BY number LIMIT ?`,
  );
  for (const each of pagedRows(shared, ({ outside }: Shortened) => outside)) {
    if (contents.measure(each.outside).size < each.size) yield each;
  }
}

/**
 * Unstable writes may be lost with the host, after their file's row was saved with
 * what they took: what is there counts then.
 */
function countAnew(db: DatabaseSync, contents: Contents): void {
  const count = db.prepare(
    "UPDATE inodes SET used = ? + shared WHERE fileid = ?",
  );
  for (const { fileid, outside } of [...shortened(db, contents)]) {
    count.run(contents.measure(outside).used, fileid);
  }
}

/** Tells whether a number is that of a file's content, or of a shared one. */
export function contentsInUse(db: DatabaseSync): (number: number) => boolean {
  const find = db.prepare(
    `SELECT 1 FROM inodes INDEXED BY outsiders
     WHERE outside = ?1 AND outside <> 0
     UNION ALL SELECT 1 FROM shared_contents WHERE number = ?1`,
  );
  return (number) => Number.isInteger(number) && find.get(number) !== undefined;
}
