import type { DatabaseSync } from "node:sqlite";
import { sizeOf } from "./belonging.ts";

/** What `store.db` is called while it is closed so. */
const ASIDE = ".closing";

/**
 * Closes the database `path` and leaves its log as a crash does. SQLite's own close
 * copies the log into the database and removes it. After an fsync that failed, the
 * host may have anything where the log was, and only the next start looks at the
 * checksums, and a log that is not the database's may not be in it at all. SQLite
 * leaves the log alone where the database is not in its place.
 */
export function closeKeepingLog(db: DatabaseSync, path: string): void {
  try {
    Deno.renameSync(path, `${path}${ASIDE}`);
  } catch {
    // Where that can't be written, the database can't either.
  }
  try {
    db.close();
  } finally {
    putBack(path);
  }
}

/** Whether the database is where a process has put it that was killed just then. */
export function isAside(path: string): boolean {
  return sizeOf(path) === undefined && sizeOf(`${path}${ASIDE}`) !== undefined;
}

/** Puts it back, if so. */
export function putBack(path: string): void {
  if (isAside(path)) Deno.renameSync(`${path}${ASIDE}`, path);
}
