import type { DatabaseSync } from "node:sqlite";
import { printable } from "../../base/printable.ts";
import { ContentFiles } from "./content_files.ts";
import { isStore, noStore, openDatabase } from "./database.ts";
import { hostDisk } from "./disk.ts";
import { rememberLoss } from "./loss_mark.ts";
import {
  contentsInUse,
  recover,
  shortened,
  shortenedShared,
} from "./recovery.ts";
import { pathsOf } from "./check_paths.ts";
import { checkQueries } from "./check_queries.ts";
import { journalQuery, valueQueries } from "./check_values.ts";
import { lockStore } from "./store_lock.ts";

/** What {@linkcode checkStore} found. */
export interface StoreReport {
  /** One line for each problem; none for a sound store. */
  readonly problems: readonly string[];
  /** Files, folders and other nodes. */
  readonly files: number;
  /** Bytes that their contents occupy. */
  readonly bytes: number;
}

/**
 * Looks for anything in a store that should not be there, after what every start
 * does to it: a crash is recovered from, not reported. Reads every page of the
 * database, and name and length of every content file, not their bytes.
 *
 * Rejects with an `Error` of one line when the store is missing, in use, damaged
 * beyond reading, or of a newer version.
 */
export async function checkStore(directory: string): Promise<StoreReport> {
  if (!isStore(directory)) throw noStore(directory);
  const path = Deno.realPathSync(directory);
  using _lock = lockStore(path);
  const { db, syncLog, close, wasLost } = openDatabase(path, {
    disk: hostDisk,
    isSynced: true,
  });
  const contents = new ContentFiles(`${path}/content`, hostDisk);
  try {
    const leftOut = column(db, journalQuery);
    recover(db, contents, { wasLost, syncLog, isJournalKept: true });
    const { problems, ...rest } = await examine(db, contents);
    return { problems: [...leftOut, ...problems], ...rest };
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const problems = [`database: ${error.message}`];
    return { problems, files: 0, bytes: 0 };
  } finally {
    await contents.close();
    if (contents.hasLeftovers) rememberLoss(db);
    close({ isSound: true });
  }
}

async function examine(
  db: DatabaseSync,
  contents: ContentFiles,
): Promise<StoreReport> {
  const problems = column(db, "PRAGMA integrity_check")
    .filter((line) => line !== "ok")
    .map((line) => `database: ${line}`);
  const found = [...checkQueries, ...valueQueries]
    .flatMap((rule) => findings(db, rule));
  for (const { fileid, size, outside } of shortened(db, contents)) {
    const there = contents.measure(outside).size;
    const text =
      `file ${fileid} of ${size} bytes has content ${outside} of ${there}, which was longer`;
    found.push({ text, fileid });
  }
  for (const { fileid, size, outside } of shortenedShared(db, contents)) {
    const there = contents.measure(outside).size;
    const text = `shared content ${outside} of ${size} bytes has ${there}`;
    found.push({ text, fileid });
  }
  problems.push(...withPaths(db, found));
  for (const path of await contents.strays(contentsInUse(db))) {
    problems.push(`content ${path} belongs to no file`);
  }
  for (const path of contents.foreign()) {
    problems.push(`${path} is not the store's, and was left alone`);
  }
  const { files, bytes } = db.prepare(
    "SELECT count(*) AS files, total(used) AS bytes FROM inodes",
  ).get() as { files: number; bytes: number };
  return { problems, files, bytes };
}

/** Something that is wrong, with a file or folder by which to find it. */
interface Finding {
  readonly text: string;
  readonly fileid: number | undefined;
}

function findings(db: DatabaseSync, rule: string): Finding[] {
  const query = db.prepare(rule);
  // A number may be larger than any that a store has written.
  query.setReadBigInts(true);
  return query.all().map((row) => {
    const [text, fileid] = Object.values(row);
    return {
      text: String(text),
      fileid: fileid === undefined ? undefined : Number(fileid),
    };
  });
}

/** Each with the path of its file or folder, where that is known. */
function withPaths(db: DatabaseSync, found: readonly Finding[]): string[] {
  const fileids = found.map(({ fileid }) => fileid)
    .filter((fileid) => fileid !== undefined);
  const paths = pathsOf(db, new Set(fileids));
  return found.map(({ text, fileid }) => {
    const path = fileid === undefined ? undefined : paths.get(fileid);
    return path === undefined ? text : `${text}: ${printable(path)}`;
  });
}

/** The first column of all rows. */
function column(db: DatabaseSync, sql: string): string[] {
  return db.prepare(sql).all().map((row) => String(Object.values(row)[0]));
}

/** SQLite can't go on (SQLITE_CORRUPT): there is no more to be found out. */
function isCorrupt(error: unknown): error is Error {
  const { errcode = 0 } = error as { errcode?: number };
  return (errcode & 0xff) === 11;
}
