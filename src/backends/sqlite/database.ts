import { closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { FsError } from "../../vfs/mod.ts";
import type { Log } from "./committer.ts";
import type { Disk } from "./disk.ts";
import { fsErrorOf } from "./errors.ts";
import { migrate } from "./schema.ts";

/** In place of a folder: a store in memory. */
export const MEMORY = ":memory:";
/** Name of the database in the folder of a store. */
const DATABASE = "store.db";
const PAGE = 4096;
/** Bytes in the log, from which on it is emptied into the database. */
const LONG_LOG = 2 ** 24;

/** A database that is open. */
export interface OpenDatabase {
  readonly db: DatabaseSync;
  /** Bytes in it that it uses before it grows. */
  readonly freeBytes: () => number;
  /** Its write-ahead log. */
  readonly log: Log & Disposable;
  /** Whether the last one to use it did not close it. */
  readonly wasLost: boolean;
}

/** Whether a folder has a store in it. */
export function isStore(directory: string): boolean {
  return sizeOf(`${directory}/${DATABASE}`) > 0;
}

/**
 * Opens the database of a store with the schema of this version. Throws an
 * `Error` of one line when it can't be.
 */
export function openDatabase(
  directory: string,
  { disk, isSynced }: { readonly disk: Disk; readonly isSynced: boolean },
): OpenDatabase {
  const isFolder = directory !== MEMORY;
  const path = isFolder ? `${directory}/${DATABASE}` : MEMORY;
  const wasLost = isFolder && sizeOf(`${path}-wal`) > 0;
  const db = new DatabaseSync(path);
  try {
    // One process owns the store, so the index of the log needs no shared memory.
    db.exec(`
      PRAGMA page_size = ${PAGE};
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${isSynced ? "NORMAL" : "OFF"};
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -65536;
      PRAGMA cell_size_check = ON`);
    migrate(db);
    const log = isFolder ? new WriteAheadLog(db, directory, disk) : noLog;
    const free = db.prepare("PRAGMA freelist_count");
    const freeBytes = () => free.get()!.freelist_count as number * PAGE;
    return { db, freeBytes, log, wasLost };
  } catch (error) {
    db.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`can't open the store ${directory}: ${reason}`, {
      cause: error,
    });
  }
}

class WriteAheadLog implements Log, Disposable {
  readonly #disk: Disk;
  readonly #descriptor: number;
  readonly #look: StatementSync;
  readonly #empty: StatementSync;
  pendingBytes = 0;

  constructor(db: DatabaseSync, directory: string, disk: Disk) {
    this.#disk = disk;
    this.#look = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    // Not SQLite's own checkpoint at a commit: that one keeps its errors to itself.
    this.#empty = db.prepare("PRAGMA wal_checkpoint(RESTART)");
    // A write makes the file, and an fsync of its folder makes that last.
    db.exec("BEGIN IMMEDIATE; UPDATE meta SET value = value; COMMIT");
    this.#descriptor = openSync(`${directory}/${DATABASE}-wal`, "r");
    const folder = openSync(directory, "r");
    disk.syncNow(folder);
    closeSync(folder);
  }

  sync(): Promise<void> {
    return this.#disk.sync(this.#descriptor);
  }

  syncNow(): void {
    this.#disk.syncNow(this.#descriptor);
  }

  trim(): void {
    this.pendingBytes = this.#look.get()!.log as number * PAGE;
    if (this.pendingBytes < LONG_LOG) return;
    try {
      this.#empty.get();
      this.pendingBytes = 0;
    } catch (error) {
      // On a full disk the log stays as it is, and nothing of it is lost.
      const cause = fsErrorOf(error);
      if (!(cause instanceof FsError && cause.code === "no-space")) throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

const noLog: Log & Disposable = {
  pendingBytes: 0,
  sync: () => Promise.resolve(),
  syncNow() {},
  trim() {},
  [Symbol.dispose]() {},
};

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
