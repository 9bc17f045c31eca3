import type { SqliteNode } from "./node.ts";
import type { Contents } from "./contents.ts";
import type { Durability } from "./options.ts";
import type { Journal } from "./journal.ts";
import type { Transaction } from "./transaction.ts";

/** Bytes in the journal from which on files are synced to empty it. */
const JOURNAL_BYTES = 2 ** 23;
/** Operations that share a commit when nothing asks for one. */
const MOST_OPERATIONS = 4096;

/** The database's own files, as far as a commit deals with them. */
export interface Log {
  /** Brings the write-ahead log to stable storage, while others work. */
  sync(): Promise<void>;
  /** The same, at once. */
  syncNow(): void;
  /** Called after each commit: empties the log into the database when it is long. */
  trim(): void;
}

/** What a {@linkcode Committer} commits. */
export interface CommitterParts {
  /** The open changes. */
  readonly transaction: Transaction;
  /** The files beside the database. */
  readonly contents: Contents;
  /** What was written there and is not known to be on disk. */
  readonly journal: Journal;
  /** The write-ahead log. */
  readonly log: Log;
  /** What a commit promises. */
  readonly durability: Durability;
}

/**
 * Group commit: whoever settles while a commit is under way shares the next one.
 * An idle client waits for its own fsync alone; under load, all the requests
 * that came during one fsync share the one after.
 *
 * SQLite runs with `synchronous = NORMAL`, where a COMMIT writes frames to the
 * write-ahead log and returns; bringing the log to disk is done here, by an
 * fdatasync that the event loop does not wait for. That is sound:
 *
 * - Frames carry a running checksum. After a crash SQLite takes the log up to the
 *   last commit whose frames are all intact: a prefix of the transactions, and
 *   all those that an fdatasync has covered, because it covers the whole file.
 * - With NORMAL, a checkpoint syncs the log before it writes to the
 *   database, and the database before the log is used from its start again, and
 *   a new log's header before its frames. So the database never has what the
 *   log could lose, and no frame is overwritten before the database has it.
 * - No reply leaves before the promise of `settle`, whatever it has seen.
 */
export class Committer {
  /** Commits, their fsyncs, and the batches of replies that waited for them. */
  readonly counts = { commits: 0, syncs: 0, settles: 0 };
  readonly #parts: CommitterParts;
  /** Files that must be on disk before the next commit may be. */
  readonly #before = new Set<SqliteNode>();
  /** Files that must be on disk together with the next commit. */
  readonly #beside = new Set<SqliteNode>();
  #running: Promise<void> | undefined = undefined;
  #next: Promise<void> | undefined = undefined;
  #trimming: Promise<void> | undefined = undefined;
  /** Files whose sync is under way. */
  #syncing: readonly SqliteNode[] = [];
  /** Operations that commits have covered. */
  #covered = 0;
  /** Committed, and to be done once that is on disk. */
  #afterwards: (() => void)[] = [];

  /** Nothing is under way. */
  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** The next commit also makes durable what was written to this file. */
  include(node: SqliteNode): void {
    if (this.#parts.durability !== "full") return;
    const { dirty, shortened } = node.extent!;
    // Its rows leave the journal with the commit, and a file that was cut and
    // grows would show what was cut off: both only when the file is on disk.
    const first = shortened || this.#parts.journal.last(node) !== undefined;
    if (first) this.#before.add(node);
    else if (dirty) this.#beside.add(node);
  }

  /** The file is gone. */
  exclude(node: SqliteNode): void {
    this.#before.delete(node);
    this.#beside.delete(node);
  }

  /** Makes everything up to now durable; see `FileSystem.settle`. */
  settle(): void | Promise<void> {
    const { transaction, durability } = this.#parts;
    transaction.assertSound();
    if (durability !== "full") {
      const few = transaction.operations - this.#covered < MOST_OPERATIONS;
      if (transaction.isOpen && !(durability === "none" && few)) this.now();
      return;
    }
    if (!this.#isPending) return this.#running;
    this.counts.settles++;
    if (this.#running === undefined) return this.#start();
    return this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      // Another may have begun in between: it has everything of this one.
      if (this.#running === undefined && this.#isPending) return this.#start();
      return this.#running;
    });
  }

  /** Makes everything up to now durable before it returns. */
  now(): void {
    const { transaction, contents, log, durability } = this.#parts;
    const isFull = durability === "full";
    transaction.assertSound();
    try {
      if (isFull) {
        for (const node of [...this.#syncing, ...this.#before]) {
          const last = clean(node, this.#parts.journal);
          contents.syncNow(node.fileid);
          this.#forget(node, last);
        }
        this.#before.clear();
      }
      this.#commit();
      if (isFull) {
        log.syncNow();
        this.counts.syncs++;
        for (const node of this.#beside) {
          clean(node, this.#parts.journal);
          contents.syncNow(node.fileid);
        }
        this.#beside.clear();
      }
      this.#finish();
    } catch (error) {
      throw transaction.fail(error);
    }
  }

  /** Ends the work, with an empty journal; waits for what is under way. */
  async close(): Promise<void> {
    await this.#running;
    await this.#trimming;
    for (const node of this.#parts.journal.nodes()) this.#before.add(node);
    this.now();
  }

  get #isPending(): boolean {
    return this.#parts.transaction.isOpen || this.#before.size > 0 ||
      this.#beside.size > 0;
  }

  #start(): Promise<void> {
    const round = this.#round().catch((error) => {
      throw this.#parts.transaction.fail(error);
    }).finally(() => this.#running = undefined);
    return this.#running = round;
  }

  async #round(): Promise<void> {
    while (this.#before.size > 0) await this.#syncBefore();
    const { contents, journal, log } = this.#parts;
    this.#commit();
    this.#syncing = [...this.#beside];
    this.#beside.clear();
    const syncs = this.#syncing.map((node) => {
      clean(node, journal);
      return contents.sync(node.fileid);
    });
    this.counts.syncs++;
    await Promise.all([log.sync(), ...syncs]);
    this.#syncing = [];
    this.#finish();
    if (journal.bytes > JOURNAL_BYTES) this.#trimming ??= this.#trim();
  }

  async #syncBefore(): Promise<void> {
    const nodes = this.#syncing = [...this.#before];
    this.#before.clear();
    const { contents, journal } = this.#parts;
    const lasts = nodes.map((node) => clean(node, journal));
    await Promise.all(nodes.map((node) => contents.sync(node.fileid)));
    for (const [index, node] of nodes.entries()) {
      this.#forget(node, lasts[index]);
    }
    this.#syncing = [];
  }

  /** Empties the journal, file by file, while the service goes on. */
  async #trim(): Promise<void> {
    const { contents, journal, transaction } = this.#parts;
    try {
      for (const node of journal.nodes()) {
        const last = journal.last(node);
        await contents.sync(node.fileid);
        this.#forget(node, last);
      }
    } catch (error) {
      transaction.fail(error);
    } finally {
      this.#trimming = undefined;
    }
  }

  /** The rows up to `last` are in the file, and that is on disk. */
  #forget(node: SqliteNode, last: number | undefined): void {
    if (last === undefined || node.gone) return;
    const { transaction, journal } = this.#parts;
    transaction.run(() => journal.forget(node, last));
  }

  #commit(): void {
    const { transaction } = this.#parts;
    if (transaction.isOpen) this.counts.commits++;
    this.#covered = transaction.operations;
    this.#afterwards.push(...transaction.commit());
    // Now, because it can't be while a transaction is open.
    this.#parts.log.trim();
  }

  #finish(): void {
    const acts = this.#afterwards;
    this.#afterwards = [];
    for (const act of acts) act();
  }
}

/** The file is about to be synced; returns its last row in the journal. */
function clean(node: SqliteNode, journal: Journal): number | undefined {
  if (node.extent !== undefined) {
    node.extent.dirty = node.extent.shortened = false;
  }
  return journal.last(node);
}
