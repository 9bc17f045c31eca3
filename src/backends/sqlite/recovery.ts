import type { DatabaseSync } from "node:sqlite";
import type { Contents } from "./contents.ts";
import { replay } from "./journal.ts";

/**
 * What a store needs after the last server ended, before it is served again:
 * durable writes go to their files, and files go that had no name and were
 * only open. SQLite has brought its log back by itself.
 */
export function recover(
  db: DatabaseSync,
  contents: Contents,
  { wasLost }: { readonly wasLost: boolean },
): void {
  db.exec("BEGIN IMMEDIATE");
  replay(db, contents);
  const orphans = db.prepare(
    "SELECT outside FROM inodes INDEXED BY orphans WHERE nlink = 0",
  ).all() as { outside: number }[];
  db.exec(`
    DELETE FROM contents WHERE fileid IN
      (SELECT fileid FROM inodes INDEXED BY orphans WHERE nlink = 0);
    DELETE FROM inodes WHERE nlink = 0;
    COMMIT`);
  if (!wasLost) {
    for (const { outside } of orphans) contents.remove(outside);
    return;
  }
  // Who closes a store leaves nothing else, so only a crash costs this walk,
  // which finds the contents of the orphans too.
  for (const path of contents.strays(contentsInUse(db))) {
    Deno.removeSync(path);
  }
}

/** Tells whether a number is that of a file's content. */
export function contentsInUse(db: DatabaseSync): (number: number) => boolean {
  const find = db.prepare(
    `SELECT 1 FROM inodes INDEXED BY outsiders
     WHERE outside = ? AND outside <> 0`,
  );
  return (number) => Number.isInteger(number) && find.get(number) !== undefined;
}
