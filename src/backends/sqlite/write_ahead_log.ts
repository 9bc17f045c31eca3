import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FsError } from "../../vfs/mod.ts";
import { type Disk, syncFolder } from "./disk.ts";
import { endOfLog, RoomAhead } from "./room_ahead.ts";
import { fsErrorOf } from "./errors.ts";
import { isSigned, prepareSigning } from "./own_log.ts";
import type { Companion } from "./transaction.ts";

/**
 * The database's write-ahead log: what was committed and is not in the database
 * yet. SQLite appends to it; syncing and emptying it is up to a `Committer`.
 */
export interface Log extends Companion, Disposable {
  /** Bytes in it that the database does not have yet. */
  readonly pendingBytes: number;
  /** Those of them that came since it could not be emptied. */
  readonly untriedBytes: number;
  /** Why it can't be emptied, where the disk has kept it from that twice in a row; one error may pass. */
  readonly trouble: string | undefined;
  /** Comes after each commit; false where the next one may find no room behind it, and would at its start. */
  grown(): boolean;
  /**
   * Comes last before each commit. Throws what the disk says ("no-space" where it is full) where
   * it does not take what the commit adds to the database: the log could not be emptied any more.
   */
  reserve(): void;
  /** Brings it to stable storage, while others work. */
  sync(): Promise<void>;
  /** The same, at once. */
  syncNow(): void;
  /** Brings the database to disk, but for what is in the log. */
  syncDatabaseNow(): void;
  /**
   * Empties it into the database, which is then synced while others work. Comes
   * between a commit and the next change, since SQLite can't do it while a
   * transaction is open. The next commit may use the log from its start again,
   * so it has to wait for the promise, or for {@linkcode finishEmptying}.
   */
  empty(): Promise<void>;
  /** What is left to do of {@linkcode empty}, at once. */
  finishEmptying(): void;
}

/** What a {@linkcode WriteAheadLog} works with. */
export interface LogOptions {
  /** Where the files are. */
  readonly disk: Disk;
  /** Whether anything is synced at all. */
  readonly isSynced: boolean;
  /** Whether it goes on where the last server that had it was lost. */
  readonly isContinued: boolean;
  /** Bytes of a page. */
  readonly page: number;
}

/** Bytes of the log that are kept free for the next commit, as of some removals that come together. */
const NEXT_COMMIT = 2 ** 18;

/**
 * The log of a database in a file. SQLite's own checkpoint syncs the log,
 * writes its pages to the database and syncs that, and all calls wait: on a
 * slow disk for seconds. So here it only writes, to the host's cache, and the
 * syncs before and after are ours; until the second one is done the log has
 * what the database could lose.
 */
export class WriteAheadLog implements Log {
  pendingBytes = 0;
  trouble: string | undefined = undefined;
  /** Bytes that were in it when it could not be emptied. */
  #triedBytes = 0;
  /** It could not be emptied for an error of the disk. */
  #isStuck = false;
  readonly #pages: StatementSync;
  /** Pages of the database, as the last commit has it. */
  #committedPages: number;
  /** The same with the open transaction. */
  #openPages = 0;
  readonly #logRoom: RoomAhead;
  readonly #databaseRoom: RoomAhead;
  readonly #db: DatabaseSync;
  readonly #options: LogOptions;
  readonly #log: number;
  readonly #database: number;
  readonly #look: StatementSync;
  readonly #checkpoint: StatementSync;
  readonly #sign: StatementSync;
  /** It is used from its start again, with nothing that tells whose it is. */
  #isUnsigned = false;

  /** Of the database in the file `path`. */
  constructor(db: DatabaseSync, path: string, options: LogOptions) {
    this.#db = db;
    this.#options = options;
    this.#look = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#checkpoint = db.prepare("PRAGMA wal_checkpoint(RESTART)");
    this.#sign = prepareSigning(db);
    // An fsync of its folder makes the file last, which reading it has made. Where
    // there is no room, the next change signs: a store can be read on a full disk.
    this.#isUnsigned = options.isContinued ? !isSigned(db) : !this.#canSign();
    this.#log = openSync(`${path}-wal`, "r+");
    this.#database = openSync(path, "r+");
    this.#pages = db.prepare("PRAGMA page_count");
    this.#committedPages = this.#openPages = this.#countPages();
    this.#logRoom = new RoomAhead(this.#log);
    this.#databaseRoom = new RoomAhead(this.#database);
    const end = this.#lookAtLog();
    if (!options.isContinued) this.#logRoom.reach(end + NEXT_COMMIT);
    syncFolder(dirname(path), options.disk);
  }

  get untriedBytes(): number {
    return this.pendingBytes - this.#triedBytes;
  }

  /** {@inheritDoc Companion.save} */
  save(): void {
    if (this.#isUnsigned) this.#sign.run();
  }

  /** {@inheritDoc Companion.committed} */
  committed(): void {
    this.#isUnsigned = false;
    this.#committedPages = this.#openPages;
  }

  /** Signs the log at once; false where the disk has no room. */
  #canSign(): boolean {
    try {
      this.#sign.run();
      return true;
    } catch (error) {
      const cause = fsErrorOf(error);
      if (cause instanceof FsError && cause.code === "no-space") return false;
      throw error;
    }
  }

  reserve(): void {
    this.#openPages = this.#countPages();
    const lack = this.#databaseRoom.reach(
      this.#openPages * this.#options.page,
    );
    // What is removed adds nothing, as a rule, and may be what makes room.
    if (this.#openPages <= this.#committedPages) return;
    if (lack !== undefined) throw lack;
  }

  grown(): boolean {
    const end = this.#lookAtLog() + NEXT_COMMIT;
    return this.#logRoom.reach(end) === undefined;
  }

  /** Where it ends. */
  #lookAtLog(): number {
    const { log } = this.#look.get() as { log: number };
    const { page } = this.#options;
    this.pendingBytes = log * page;
    return endOfLog(log, page);
  }

  #countPages(): number {
    return this.#pages.get()!.page_count as number;
  }

  sync(): Promise<void> {
    return this.#options.disk.sync(this.#log);
  }

  syncNow(): void {
    this.#options.disk.syncNow(this.#log);
  }

  syncDatabaseNow(): void {
    this.#options.disk.syncNow(this.#database);
  }

  empty(): Promise<void> {
    const { isSynced, disk } = this.#options;
    if (isSynced) this.syncNow();
    const isWritten = this.#write();
    return isWritten && isSynced
      ? disk.sync(this.#database)
      : Promise.resolve();
  }

  finishEmptying(): void {
    if (this.#options.isSynced) this.syncDatabaseNow();
  }

  /** After the database is closed: closing its file any sooner would unlock it. */
  [Symbol.dispose](): void {
    closeSync(this.#log);
    closeSync(this.#database);
  }

  /** Writes the log's pages to the database; false where the disk won't, and nothing is lost. */
  #write(): boolean {
    try {
      this.#db.exec("PRAGMA synchronous = OFF");
      const { busy } = this.#checkpoint.get() as { busy: number };
      if (busy !== 0) return false;
      this.pendingBytes = this.#triedBytes = 0;
      this.trouble = undefined;
      this.#isStuck = false;
      this.#databaseRoom.measureAgain();
      return this.#isUnsigned = true;
    } catch (error) {
      const cause = fsErrorOf(error);
      if (!(cause instanceof FsError)) throw error;
      this.#failed(cause);
      return false;
    } finally {
      if (this.#options.isSynced) this.#db.exec("PRAGMA synchronous = NORMAL");
    }
  }

  /** Trying again reads through it from its start, so not with each commit. */
  #failed({ code, message }: FsError): void {
    this.#triedBytes = this.pendingBytes;
    const isDisk = code === "io";
    this.trouble = isDisk && this.#isStuck
      ? `the log can't be emptied: ${message}`
      : undefined;
    this.#isStuck = isDisk;
  }
}

/** The log of a database in memory. */
export const noLog: Log = {
  pendingBytes: 0,
  untriedBytes: 0,
  trouble: undefined,
  grown: () => true,
  reserve() {},
  sync: () => Promise.resolve(),
  syncNow() {},
  syncDatabaseNow() {},
  empty: () => Promise.resolve(),
  finishEmptying() {},
  [Symbol.dispose]() {},
};
