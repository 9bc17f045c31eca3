import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** Who wrote a database, or a log that is laid over it. */
interface Signature {
  /** Of the store; `undefined` where the database has nothing in it yet. */
  readonly tag: number | undefined;
  /** Of the log that is in it, or was the last to be emptied into it; 0 before the first. */
  readonly log: number;
  /** Of the one before that; `undefined` of a log that an earlier version wrote. */
  readonly base: number | undefined;
}

/**
 * Writes a new signature of the log. In the first transaction of each log: so any
 * log tells which store it is of, and over which state of `store.db` it goes.
 */
export function prepareSigning(db: DatabaseSync): StatementSync {
  return db.prepare(
    `INSERT OR REPLACE INTO meta
     SELECT 'base', coalesce(max(value), 0) FROM meta WHERE name = 'log'
     UNION ALL SELECT 'log', random() & ${2 ** 48 - 1}`,
  );
}

/** Whether a log that was found with something in it has its signature. */
export function isSigned(db: DatabaseSync): boolean {
  return signatureIn(db).base !== undefined;
}

/**
 * Throws an `Error` where the log beside the database `path`, which is absolute, is
 * another store's, or of another time of this one: SQLite would lay its pages over
 * the database's. A copy of a store that was closed has no log; put back over a
 * store that has one, it leaves that there. `db` is the connection that is to serve,
 * which has not looked at its file yet: another one would want shared memory for the
 * index of the log, and that takes room.
 */
export function assertOwnLog(db: DatabaseSync, path: string): void {
  const without = signatureWithoutLog(path);
  // A power failure may have torn what the log has whole.
  if (without === undefined) return;
  const through = signatureThroughLog(db);
  if (without.tag !== undefined && without.tag !== through.tag) {
    throw new Error(
      `store.db-wal is the log of another store: restore store.db's own, or move store.db-wal away${COST}`,
    );
  }
  const { base, log } = through;
  if (base === undefined || without.log === base || without.log === log) return;
  throw new Error(
    `store.db-wal is not the log of this store.db, but of an earlier or a later one: ${MEND}`,
  );
}

const COST = ", and with it what only that has";
const MEND =
  `restore both from the same copy, or move store.db-wal away${COST}`;

/** What `store.db` itself has; `undefined` where it is damaged. */
function signatureWithoutLog(path: string): Signature | undefined {
  try {
    // "immutable" leaves the log aside, and writes nothing.
    const alone = `${pathToFileURL(path)}?immutable=1`;
    using db = new DatabaseSync(alone, { readOnly: true });
    return signatureIn(db);
  } catch (error) {
    if (isDamage(error as Error)) return undefined;
    throw error;
  }
}

/**
 * What SQLite reads where it lays the log over `store.db`. Only damage says that the
 * two may not belong together; a disk that is full, say, is told as what it is.
 */
function signatureThroughLog(db: DatabaseSync): Signature {
  try {
    return signatureIn(db);
  } catch (error) {
    if (!isDamage(error as Error)) throw error;
    const { message } = error as Error;
    throw new Error(
      `store.db can't be read with store.db-wal (${message}): ${MEND}`,
    );
  }
}

function signatureIn(db: DatabaseSync): Signature {
  const hasMeta = db.prepare(
    "SELECT 1 FROM sqlite_schema WHERE name = 'meta'",
  ).get() !== undefined;
  const rows = hasMeta ? db.prepare("SELECT name, value FROM meta").all() : [];
  const meta = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  return { tag: meta.tag, log: meta.log ?? 0, base: meta.base };
}

/** SQLITE_CORRUPT or SQLITE_NOTADB. */
function isDamage(error: Error): boolean {
  const { errcode = 0 } = error as { errcode?: number };
  return [11, 26].includes(errcode & 0xff);
}
