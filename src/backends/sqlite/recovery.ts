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
    "SELECT fileid FROM inodes INDEXED BY orphans WHERE nlink = 0",
  ).all() as { fileid: number }[];
  db.exec(`
    DELETE FROM contents WHERE fileid IN
      (SELECT fileid FROM inodes INDEXED BY orphans WHERE nlink = 0);
    DELETE FROM inodes WHERE nlink = 0;
    COMMIT`);
  for (const { fileid } of orphans) contents.remove(fileid);
  // Whoever closes the store leaves nothing, so only a crash costs this walk.
  if (!wasLost) return;
  const outside = db.prepare(
    "SELECT 1 FROM inodes WHERE fileid = ? AND outside = 1",
  );
  const isInUse = (fileid: number) =>
    Number.isInteger(fileid) && outside.get(fileid) !== undefined;
  for (const path of contents.strays(isInUse)) Deno.removeSync(path);
}
