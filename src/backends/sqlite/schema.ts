import type { DatabaseSync } from "node:sqlite";

/** "nfs4" as SQLite's application id: tells our database from any other program's. */
const APPLICATION_ID = 0x6e667334;

/** Number of the root folder, the same in every store. */
export const ROOT = 1;

/** Takes a store from one schema to the next, in a transaction that is open. */
export type Migration = (db: DatabaseSync) => void;

/**
 * The first makes schema 1 out of nothing. None is ever changed once it was
 * released; a new schema is a new entry.
 */
const migrations: readonly Migration[] = [
  createFirst,
  addXattrs,
  addAcls,
  addSharedRanges,
];

/** The schema that this version writes. */
export const SCHEMA_VERSION: number = migrations.length;

/**
 * Brings the schema up to the last of `steps`, this version's, all in one
 * transaction. Throws an `Error` for a store of a newer version and for a
 * database that is no store; whatever it throws, the store is as it was.
 */
export function migrate(db: DatabaseSync, steps = migrations): void {
  const version = pragma(db, "user_version");
  const isOurs = pragma(db, "application_id") === APPLICATION_ID;
  if (!isOurs && (version !== 0 || hasTables(db))) {
    throw new Error("the database is not a store of this server");
  }
  if (version > steps.length) {
    throw new Error(
      `the store has schema ${version}, written by a newer version; this one knows schema ${steps.length}`,
    );
  }
  if (version === steps.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps.slice(version)) step(db);
    db.exec(`
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${steps.length};
      COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/**
 * Schema 1. `contents` has the bytes of files up to 16 KiB; those of others are
 * beside the database, under the number in `outside`, and `journal` has what was
 * written there and is not yet known to be on disk. Names are in order of
 * (parent, name) to be looked up, and a second time in order of their cookies.
 */
function createFirst(db: DatabaseSync): void {
  const tag = crypto.getRandomValues(new Uint32Array(1))[0];
  db.exec(`
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)
      STRICT, WITHOUT ROWID;
    CREATE TABLE inodes (
      fileid INTEGER PRIMARY KEY,
      type TEXT NOT NULL,
      mode INTEGER NOT NULL,
      nlink INTEGER NOT NULL,
      uid INTEGER NOT NULL,
      gid INTEGER NOT NULL,
      size INTEGER NOT NULL,
      used INTEGER NOT NULL,
      change INTEGER NOT NULL,
      atime INTEGER NOT NULL, atime_ns INTEGER NOT NULL,
      mtime INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
      ctime INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
      birth INTEGER NOT NULL, birth_ns INTEGER NOT NULL,
      outside INTEGER NOT NULL,
      parent INTEGER,
      major INTEGER, minor INTEGER,
      target TEXT,
      verifier BLOB
    ) STRICT;
    CREATE UNIQUE INDEX outsiders ON inodes (outside) WHERE outside <> 0;
    CREATE INDEX orphans ON inodes (fileid) WHERE nlink = 0;
    CREATE TABLE entries (
      parent INTEGER NOT NULL,
      name TEXT NOT NULL,
      cookie INTEGER NOT NULL,
      fileid INTEGER NOT NULL,
      PRIMARY KEY (parent, name)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX listing ON entries (parent, cookie, fileid);
    CREATE TABLE contents (fileid INTEGER PRIMARY KEY, data BLOB NOT NULL)
      STRICT;
    CREATE TABLE journal (
      id INTEGER PRIMARY KEY,
      content INTEGER NOT NULL,
      start INTEGER NOT NULL,
      data BLOB NOT NULL
    ) STRICT;
    CREATE INDEX journal_by_content ON journal (content);
    CREATE TABLE records (
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      value BLOB NOT NULL,
      PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('tag', ${tag}), ('ceiling', ${ROOT + 1});`);
}

/** Schema 2: extended attributes (RFC 8276), whose names are without the "user." of Linux. */
function addXattrs(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE xattrs (
      fileid INTEGER NOT NULL,
      name TEXT NOT NULL,
      value BLOB NOT NULL,
      PRIMARY KEY (fileid, name)
    ) STRICT, WITHOUT ROWID`);
}

/** Schema 3: access lists (RFC 8881 6), in rows of their own; `listed` of a node says that it has one. */
function addAcls(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE inodes ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE acls (fileid INTEGER PRIMARY KEY, aces BLOB NOT NULL) STRICT`);
}

/**
 * Schema 4: ranges of files in contents that are shared, over those of the files' own.
 * `ranges` counts those of a file, `shared` what they take at most; a shared content
 * has its `size` on the host as long as it is there.
 */
function addSharedRanges(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE inodes ADD COLUMN ranges INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE inodes ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE shared_contents (
      number INTEGER PRIMARY KEY,
      size INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE shared_ranges (
      fileid INTEGER NOT NULL,
      start INTEGER NOT NULL,
      length INTEGER NOT NULL,
      content INTEGER NOT NULL,
      at INTEGER NOT NULL,
      used INTEGER NOT NULL,
      PRIMARY KEY (fileid, start)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ranges_by_content ON shared_ranges (content)`);
}

/** The value of a pragma that is a number. */
function pragma(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
}

function hasTables(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema").get() !== undefined;
}
