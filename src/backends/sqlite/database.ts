import { DatabaseSync } from "node:sqlite";
import { type Disk, OWN_FILE } from "./disk.ts";
import { assertNoRemains, claimContents, sizeOf } from "./belonging.ts";
import { closeKeepingLog, isAside, putBack } from "./kept_log.ts";
import { isLossMarked, rememberLoss } from "./loss_mark.ts";
import { assertOwnLog } from "./own_log.ts";
import { type Log, noLog, WriteAheadLog } from "./write_ahead_log.ts";
import { migrate } from "./schema.ts";

/** In place of a folder: a store in memory. */
export const MEMORY = ":memory:";
/** Name of the database in the folder of a store. */
const DATABASE = "store.db";
const PAGE = 4096;
/** How a new database is laid out; said of one that is there, it would be written anew. */
const LAYOUT = `PRAGMA page_size = ${PAGE}; PRAGMA auto_vacuum = INCREMENTAL;`;

/** A database that is open. */
export interface OpenDatabase {
  readonly db: DatabaseSync;
  /** Bytes in it that it uses before it grows. */
  readonly freeBytes: () => number;
  /** Its write-ahead log. */
  readonly log: Log;
  /** Brings it and its log to disk at once, where anything is synced; throws what the disk says. */
  readonly syncLog: () => void;
  /** Ends the work; `isSound`: nothing failed in it, and the log is no longer needed. */
  readonly close: (how: { readonly isSound: boolean }) => void;
  /** Whether the last one to use it did not close it. */
  readonly wasLost: boolean;
}

/** Whether a folder has a store in it. Throws an `Error` of one line where the host does not say. */
export function isStore(directory: string): boolean {
  try {
    const path = `${directory}/${DATABASE}`;
    return hasBytes(path) || isAside(path);
  } catch (error) {
    throw cantOpen(directory, error);
  }
}

/** What is to be said where there is none: that, or what is left of one. */
export function noStore(directory: string): Error {
  try {
    assertNoRemains(directory);
    return new Error(`there is no store in ${directory}`);
  } catch (error) {
    return cantOpen(directory, error);
  }
}

/**
 * Opens the database of a store with the schema of this version, and makes sure
 * that what is beside it is its own. The path is absolute: SQLite understands
 * others as URIs (`file:x`, say), and as long as the store is open they would
 * lead elsewhere once the program changes its folder. Throws an `Error` of one line when it
 * can't be.
 */
export function openDatabase(
  directory: string,
  { disk, isSynced }: { readonly disk: Disk; readonly isSynced: boolean },
): OpenDatabase {
  const isFolder = directory !== MEMORY;
  const path = isFolder ? `${directory}/${DATABASE}` : MEMORY;
  let hasLog = false;
  let opening: DatabaseSync | undefined;
  try {
    if (isFolder) putBack(path);
    hasLog = isFolder && hasBytes(`${path}-wal`);
    const isNew = !(isFolder && hasBytes(path));
    if (isFolder && isNew) assertNoRemains(directory);
    // SQLite makes the log with the mode of the database.
    if (isFolder) makeOwn(path);
    const db = opening = connect(path, { hasLog });
    db.exec(`
      ${isNew ? LAYOUT : ""}
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${isSynced ? "NORMAL" : "OFF"};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA cache_spill = OFF;
      PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -65536;
      PRAGMA cell_size_check = ON`);
    const isContinued = isFolder && framesOfLog(db) > 0;
    migrate(db);
    if (isFolder) claimContents(db, directory, disk);
    const wasLost = hasLog || isLossMarked(db);
    const log = isFolder
      ? new WriteAheadLog(db, path, { disk, isSynced, isContinued, page: PAGE })
      : noLog;
    const free = db.prepare("PRAGMA freelist_count");
    const freeBytes = () => free.get()!.freelist_count as number * PAGE;
    // Should that fail, it can't be known what the disk has of it.
    let isLogInDoubt = false;
    const syncLog = () => {
      if (!isSynced) return;
      isLogInDoubt = true;
      // A life that promised nothing has left the database itself in the host's memory.
      log.syncDatabaseNow();
      log.syncNow();
      isLogInDoubt = false;
    };
    const close = ({ isSound }: { readonly isSound: boolean }) => {
      if (isSound && !isLogInDoubt || !isFolder) db.close();
      else closeKeepingLog(db, path);
      log[Symbol.dispose]();
    };
    return { db, freeBytes, log, syncLog, close, wasLost };
  } catch (error) {
    if (hasLog && opening !== undefined) rememberLoss(opening);
    opening?.close();
    throw cantOpen(directory, error);
  }
}

/** A connection of its own to the database, once a log that is there is known to be its log. */
function connect(
  path: string,
  { hasLog }: { readonly hasLog: boolean },
): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    // One process owns the store, so the index of the log needs no shared memory.
    // That comes before all else: shared memory is a file, and takes room.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    if (hasLog) assertOwnLog(db, path);
    return db;
  } catch (error) {
    closeKeepingLog(db, path);
    throw error;
  }
}

/** What to say of a store that can't be opened. */
export function cantOpen(directory: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`can't open the store ${directory}: ${reason}`, { cause });
}

/** Frames of a log that was there, up to the last whole commit. */
function framesOfLog(db: DatabaseSync): number {
  return db.prepare("PRAGMA wal_checkpoint(NOOP)").get()!.log as number;
}

/** Makes a file that no other user of the host can read, where there is none. */
function makeOwn(path: string): void {
  const create = { create: true, write: true, mode: OWN_FILE };
  Deno.openSync(path, create).close();
}

function hasBytes(path: string): boolean {
  return (sizeOf(path) ?? 0) > 0;
}
