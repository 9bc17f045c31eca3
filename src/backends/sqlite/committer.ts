import { OWN, workFor } from "../../base/asker.ts";
import type { AccessTimes } from "./access_times.ts";
import { BusyContents } from "./busy_contents.ts";
import { CommitContents } from "./commit_contents.ts";
import { Flushes } from "./flushes.ts";
import type { Extent } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { Contents } from "./contents.ts";
import type { Durability } from "./options.ts";
import type { ContentJournal } from "./content_journal.ts";
import type { Log } from "./write_ahead_log.ts";
import type { FsError } from "../../vfs/mod.ts";
import type { Companion, Transaction } from "./transaction.ts";
import type { UniqueNumbers } from "./unique_numbers.ts";

/** Contents that are not all on disk, from which on they are brought there. */
const MOST_WATCHED = 1024;
/** A content with more for the disk than so many commits would bring there is flushed early. */
export const MANY_COMMITS: number = 16;
/** Operations that share a commit when nothing asks for one or waits for it. */
const MOST_OPERATIONS = 4096;

/** What a {@linkcode Committer} commits. */
export interface CommitterParts {
  /** The open changes. */
  readonly transaction: Transaction;
  /** What is committed by itself, behind the open changes. */
  readonly accessTimes: AccessTimes;
  /** They hear when what was committed is durable. */
  readonly nodes: Pick<NodeTable, "durable">;
  /** The files beside the database. */
  readonly contents: Contents;
  /** What was written there and is not known to be on disk. */
  readonly journal: ContentJournal;
  /** The write-ahead log. */
  readonly log: Log;
  /** Bytes in it from which on it is emptied. */
  readonly longLog: number;
  /** Bytes of contents that a commit brings to disk itself, while all replies wait for it. */
  readonly commitBytes: number;
  /** What a commit promises. */
  readonly durability: Durability;
  /** Their ceiling is to be as safe as what a commit promises. */
  readonly sequence: UniqueNumbers;
}

/** The commit that comes after another one. */
interface Following {
  readonly after: Promise<void>;
  readonly ended: Promise<void>;
}

/**
 * Group commit: a call that settles while a commit is under way shares the next
 * one. An idle client waits for its own fsync alone; under load, all the
 * requests that came during one fsync share the one after.
 *
 * SQLite runs with `synchronous = NORMAL`, where a COMMIT writes frames to the
 * write-ahead log and returns; bringing the log to disk is done here, by an
 * fdatasync that the event loop does not wait for. That is sound:
 *
 * - Frames carry a running checksum. After a crash SQLite takes the log up to the
 *   last commit whose frames are all intact: a prefix of the transactions, and
 *   all those that an fdatasync has covered, because it covers the whole file.
 * - The log is synced before anything of it is written to the database, and the
 *   database before the log is used from its start again; and with NORMAL a new
 *   log's header before its frames. So the database never has what the log could
 *   lose, and no frame is overwritten before the database has it: see `Log.empty`.
 * - No reply that has changed or seen what is not durable leaves before the promise
 *   of `settle`.
 */
export class Committer implements Companion {
  /** Commits, their fsyncs, and the batches of replies that waited for them. */
  readonly counts = { commits: 0, syncs: 0, settles: 0 };
  readonly #parts: CommitterParts;
  /** Contents that are not all on disk, or are to be cut, or are being cut. */
  readonly #watched = new Map<number, Extent>();
  /** What the next commit brings to disk of them. */
  readonly #included = new CommitContents();
  /** Contents that are brought there by themselves. */
  readonly #flushes = new Flushes((extent) =>
    this.#flush(extent.number, extent)
  );
  /** Tells which contents are synced themselves and not journaled. */
  readonly #busy = new BusyContents();
  #running: Promise<void> | undefined = undefined;
  #next: Following | undefined;
  #trimming: Promise<void> | undefined = undefined;
  /** The log is being emptied, and no commit may use it. */
  #emptying: Promise<void> | undefined = undefined;
  /** Contents whose sync is under way. */
  #syncing: readonly Extent[] = [];
  /** Operations that commits have covered. */
  #covered = 0;
  /** Operations that a caller has asked to be made durable. */
  #asked = 0;
  /** A loss that those that had made the changes were not told of. */
  #untold: FsError | undefined = undefined;
  /** Committed, and to be done once that is on disk. */
  #afterwards: (() => void)[] = [];

  /** Nothing is under way. */
  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** What is known of a content that is not all on disk. */
  known(number: number): Extent | undefined {
    return this.#watched.get(number);
  }

  /** Keeps what is known of a content for as long as it matters. */
  watch(extent: Extent): void {
    const { number, unsynced, cut, cutting } = extent;
    const isUnsynced = this.#parts.durability === "full" &&
      (unsynced.isAny || this.#parts.journal.last(number) !== undefined);
    const isCut = cut !== undefined || cutting !== undefined;
    if (isUnsynced || isCut) this.#watched.set(number, extent);
    else this.#watched.delete(number);
  }

  /** Counts a small durable write, and says whether it is better synced than journaled. */
  isBusy({ number }: Extent): boolean {
    return this.#busy.note(number);
  }

  /** The next commit also makes durable what was done to this content. */
  include(extent: Extent): void {
    if (this.#parts.durability !== "full") return;
    const { unsynced, number } = extent;
    // Its rows leave the journal with the commit, and a file that was cut and
    // grows would show what was cut off: both only when the content is on disk.
    const isFirst = unsynced.isShortened ||
      this.#parts.journal.last(number) !== undefined;
    if (isFirst || unsynced.isAny) this.#included.add(extent, { isFirst });
  }

  /** Whether so much was written to a content that no commit should bring it to disk. */
  isLarge({ unsynced }: Extent): boolean {
    const { durability, commitBytes } = this.#parts;
    return durability === "full" && unsynced.bytes > commitBytes;
  }

  /** Whether the next commit should bring the content to disk, with those that it has. */
  fits({ unsynced }: Extent): boolean {
    const { durability, commitBytes } = this.#parts;
    return durability !== "full" || unsynced.bytes === 0 ||
      this.#included.bytes + unsynced.bytes <= commitBytes;
  }

  /** Brings what was done to a content up to now to disk, before a commit and not in it. */
  flush(extent: Extent): Promise<void> {
    return this.#flushes.cover(extent);
  }

  /** The flush of the content that is under way, if there is one. */
  flushOf(extent: Extent): Promise<void> | undefined {
    return this.#flushes.of(extent);
  }

  /**
   * Begins to flush a content to which much was written, so that its COMMIT finds
   * little: while the host writes out gigabytes at once, the fsync of the log may
   * take as long.
   */
  flushEarly(extent: Extent): void {
    const { durability, commitBytes } = this.#parts;
    const isMuch = extent.unsynced.bytes > MANY_COMMITS * commitBytes;
    if (durability === "full" && isMuch) this.#flushes.begin(extent);
  }

  /** The content is going. */
  exclude(extent: Extent): void {
    this.#included.delete(extent);
    this.#watched.delete(extent.number);
  }

  /** Makes everything up to now durable; see `FileSystem.settle`. */
  settle(): void | Promise<void> {
    const { transaction, durability, accessTimes } = this.#parts;
    transaction.assertSound();
    this.#asked = transaction.operations;
    this.#assertTold();
    if (durability !== "full") {
      // What is removed or cut gives its room back only after a commit.
      const few = transaction.operations - this.#covered < MOST_OPERATIONS &&
        !transaction.isAwaited && !accessTimes.areMany;
      if (!this.#isPending || durability === "none" && few) return;
      if (this.#emptying === undefined) return this.now();
      return this.#afterEmptying(this.#emptying);
    }
    if (!this.#isPending) return this.#running;
    this.counts.settles++;
    return this.#cover();
  }

  /**
   * Makes everything up to now durable for a change that can't be made before.
   * Those that were answered with it ask for themselves, and are told of a loss.
   */
  settleAhead(): Promise<void> | undefined {
    const { transaction, durability } = this.#parts;
    transaction.assertSound();
    if (durability === "full") {
      return this.#isPending ? this.#cover() : this.#running;
    }
    if (this.#emptying !== undefined) return this.#emptying;
    this.now();
    return undefined;
  }

  /** Settles what was changed up to now, unless another's commit has lost it by then. */
  async #afterEmptying(emptying: Promise<void>): Promise<void> {
    const { transaction } = this.#parts;
    const { losses } = transaction;
    await emptying;
    if (transaction.losses !== losses) throw transaction.loss;
    await this.settle();
  }

  /** Makes everything up to now durable before it returns. */
  now(): void {
    const { contents, log, durability } = this.#parts;
    const isFull = durability === "full";
    this.#parts.transaction.assertSound();
    try {
      if (this.#emptying !== undefined) this.#sync(() => log.finishEmptying());
      this.#emptying = undefined;
      if (isFull) {
        const first = this.#included.takeFirst();
        for (const extent of [...this.#syncing, ...first]) {
          const last = this.#clean(extent);
          this.#sync(() => contents.syncNow(extent.number));
          this.#forget(extent.number, last);
        }
      }
      this.#commit();
      if (isFull) {
        this.#sync(() => log.syncNow());
        this.counts.syncs++;
        for (const extent of this.#included.takeOthers()) {
          this.#clean(extent);
          this.#sync(() => contents.syncNow(extent.number));
        }
      }
      this.#finish();
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** {@inheritDoc Companion.undone} */
  undone(): void {
    const { operations, loss } = this.#parts.transaction;
    // Calls that wait for a commit hear of it; the others do when they ask.
    if (operations > this.#asked) this.#untold = loss;
    this.#next = undefined;
    // The start of the log has room for the next ones, which may remove
    // something. Now: a call that changes something before the loss is told
    // begins a transaction, and there is none yet.
    const { log } = this.#parts;
    if (log.pendingBytes > 0 && this.#emptying === undefined) this.#empty();
  }

  /**
   * Ends the work, with an empty journal where there is room for that; waits for
   * what is under way. `save` writes what could wait until now.
   */
  async close(save: () => void): Promise<void> {
    const { transaction, journal, accessTimes } = this.#parts;
    await Promise.allSettled([
      ...[this.#running, this.#trimming, this.#emptying],
      this.#flushes.ended(),
    ]);
    transaction.assertSound();
    try {
      save();
      for (const number of journal.numbers()) {
        const extent = this.known(number);
        if (extent !== undefined) this.#included.add(extent, { isFirst: true });
      }
      this.now();
      await this.#emptying;
      accessTimes.save();
    } catch (error) {
      // What was lost now, no client was promised.
      if (transaction.failure !== undefined) throw error;
    }
    await this.#emptying;
    transaction.assertSound();
  }

  get #isPending(): boolean {
    const { transaction, accessTimes } = this.#parts;
    return transaction.isOpen || this.#included.isAny || accessTimes.areMany;
  }

  /** The commit that covers everything up to now. */
  #cover(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    // For some microtasks there may be one that has followed the round before.
    if (this.#next?.after !== this.#running) {
      const after = this.#running;
      this.#next = { after, ended: this.#follow(after) };
    }
    return this.#next.ended;
  }

  #start(): Promise<void> {
    const { losses } = this.#parts.transaction;
    // All that was changed goes with it, not only what the one has that asks first.
    const round = workFor(OWN, () => this.#round(losses))
      .catch((error) => {
        throw this.#broken(error);
      }).finally(() => {
        if (this.#running === round) this.#running = undefined;
      });
    return this.#running = round;
  }

  /** The round after `running`, which has what was changed meanwhile. */
  #follow(running: Promise<void>): Promise<void> {
    const { transaction } = this.#parts;
    const { losses } = transaction;
    return running.catch(() => {}).then(() => {
      if (this.#next?.after === running) this.#next = undefined;
      transaction.assertSound();
      if (transaction.losses !== losses) throw transaction.loss;
      // Another may have begun in between: it has everything of this one.
      if (this.#running === undefined && this.#isPending) return this.#start();
      return this.#running;
    });
  }

  async #round(losses: number): Promise<void> {
    const { contents, journal, log, transaction } = this.#parts;
    while (this.#included.hasFirst || this.#emptying !== undefined) {
      if (this.#included.hasFirst) await this.#syncBefore();
      await this.#emptying;
    }
    if (transaction.losses !== losses) throw transaction.loss;
    this.#commit();
    this.#syncing = this.#included.takeOthers();
    const syncs = this.#syncing.map((extent) => {
      this.#clean(extent);
      return contents.sync(extent.number);
    });
    this.counts.syncs++;
    await this.#synced(Promise.all([log.sync(), ...syncs]));
    this.#syncing = [];
    this.#finish();
    const isMuch = journal.isLong || this.#watched.size > MOST_WATCHED;
    if (isMuch) this.#trimming ??= this.#trim();
  }

  async #syncBefore(): Promise<void> {
    const extents = this.#syncing = this.#included.takeFirst();
    const { contents } = this.#parts;
    const lasts = extents.map((extent) => this.#clean(extent));
    await this.#synced(
      Promise.all(extents.map(({ number }) => contents.sync(number))),
    );
    for (const [index, { number }] of extents.entries()) {
      this.#forget(number, lasts[index]);
    }
    this.#syncing = [];
  }

  /** Brings contents to disk, one by one, where too many or the journal's wait for it. */
  async #trim(): Promise<void> {
    const { journal } = this.#parts;
    const numbers = this.#watched.size > MOST_WATCHED
      ? [...this.#watched.keys()]
      : journal.numbers();
    try {
      for (const number of numbers) await this.#flush(number);
    } catch {
      // The store has failed, and the next caller is told so.
    } finally {
      this.#trimming = undefined;
    }
  }

  /** Brings a content to disk, and then its rows out of the journal, while the service goes on. */
  async #flush(
    number: number,
    extent = this.#watched.get(number),
  ): Promise<void> {
    const { contents, journal } = this.#parts;
    const progress = extent?.unsynced.progress;
    const last = journal.last(number);
    await this.#synced(contents.sync(number));
    if (extent !== undefined && progress !== undefined) {
      extent.unsynced.synced(progress);
      // Not that of a file that is gone by now.
      if (this.#watched.has(number)) this.watch(extent);
    }
    try {
      this.#forget(number, last);
    } catch {
      // There is no room, and the rows can stay; or the store has failed.
    }
  }

  /** The content is about to be synced; returns its last row in the journal. */
  #clean(extent: Extent): number | undefined {
    extent.unsynced.synced(extent.unsynced.progress);
    this.watch(extent);
    return this.#parts.journal.last(extent.number);
  }

  /** The rows up to `last` are in the content, and that is on disk. */
  #forget(number: number, last: number | undefined): void {
    const { transaction, journal } = this.#parts;
    // Gone in the meantime, and its rows with it.
    if (last === undefined || journal.last(number) === undefined) return;
    const isAsked = this.#asked === transaction.operations;
    transaction.run(() => journal.forget(number, last));
    // No caller is going to ask for this one.
    if (isAsked) this.#asked = transaction.operations;
    const extent = this.#watched.get(number);
    if (extent !== undefined) this.watch(extent);
  }

  #commit(): void {
    const { transaction, accessTimes, log, durability, sequence } = this.#parts;
    const { isOpen, operations } = transaction;
    this.#afterwards.push(...transaction.commit());
    if (isOpen) this.counts.commits++;
    // Those that have not asked yet have nothing to be told of any more.
    this.#covered = this.#asked = operations;
    this.#busy.committed();
    if (accessTimes.areMany && accessTimes.save()) this.counts.commits++;
    const isRoomy = log.grown();
    // After a power failure, too, no other file may have a number that a client knows.
    if (durability === "os" && sequence.isUnsynced) {
      this.#sync(() => log.syncNow());
      sequence.synced();
    }
    const isLong = log.pendingBytes >= this.#parts.longLog || !isRoomy;
    if (isLong && this.#emptying === undefined) this.#empty();
  }

  /** Only the next commit waits for it. */
  #empty(): void {
    const { log } = this.#parts;
    const emptying = this.#synced(this.#sync(() => log.empty()))
      // The store has failed, and the next caller is told so.
      .catch(() => {})
      .finally(() => {
        if (this.#emptying === emptying) this.#emptying = undefined;
      });
    this.#emptying = emptying;
  }

  /** A sync that fails is the end: what the disk has can't be known. */
  #sync<T>(sync: () => T): T {
    try {
      return sync();
    } catch (error) {
      throw this.#parts.transaction.fail(error);
    }
  }

  /** The same, for one that is waited for. */
  async #synced(syncing: Promise<unknown>): Promise<void> {
    try {
      await syncing;
    } catch (error) {
      throw this.#parts.transaction.fail(error);
    }
  }

  /** What is told where a commit did not come about, whose changes are undone. */
  #broken(error: unknown): FsError {
    const { transaction } = this.#parts;
    const { failure, loss } = transaction;
    if (failure !== undefined) return failure;
    return loss !== undefined && error === loss
      ? loss
      : transaction.lose(error);
  }

  /** Throws the loss of changes whose maker was not told yet, with whatever came after. */
  #assertTold(): void {
    const { transaction } = this.#parts;
    const untold = this.#untold;
    if (untold === undefined) return;
    this.#untold = undefined;
    throw transaction.isOpen ? transaction.lose(untold) : untold;
  }

  #finish(): void {
    this.#parts.nodes.durable();
    const acts = this.#afterwards;
    this.#afterwards = [];
    for (const act of acts) act();
  }
}
