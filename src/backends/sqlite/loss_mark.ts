import type { DatabaseSync } from "node:sqlite";

/**
 * That a store was lost is seen by its log, which a clean end removes. So does the
 * end of a start that fails (what was to be brought back took room, `content/` was
 * not mounted), and a clean end after the host has not removed a content: they leave
 * this mark, and the next start does what was not done.
 */
const MARK = "lost";

/** Whether one of those has left it. */
export function isLossMarked(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM meta WHERE name = ?").get(MARK) !==
    undefined;
}

/** For the next start. Never throws: where nothing can be written, SQLite can't remove the log either. */
export function rememberLoss(db: DatabaseSync): void {
  try {
    if (db.isTransaction) db.exec("ROLLBACK");
    if (isLossMarked(db)) return;
    db.prepare("INSERT INTO meta VALUES (?, 1)").run(MARK);
  } catch {
    // It is no store's, or its disk is full.
  }
}

/** All is brought back. */
export function forgetLoss(db: DatabaseSync): void {
  if (!isLossMarked(db)) return;
  db.prepare("DELETE FROM meta WHERE name = ?").run(MARK);
}
