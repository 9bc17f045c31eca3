import { OWN, workFor } from "../../base/asker.ts";
import type { AccessTimes } from "./access_times.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import type { NodeTable } from "./node_table.ts";
import type { Durability } from "./options.ts";
import type { Log } from "./write_ahead_log.ts";
import type { FsError } from "../../vfs/mod.ts";
import type { Companion, Transaction } from "./transaction.ts";
import type { UniqueNumbers } from "./unique_numbers.ts";

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
  /** How the files beside the database come to disk. */
  readonly syncs: ContentSyncs;
  /** The write-ahead log. */
  readonly log: Log;
  /** Bytes in it from which on it is emptied. */
  readonly longLog: number;
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
  #running: Promise<void> | undefined = undefined;
  /** The losses before the commit under way, which takes what is changed until it is made; `undefined` once it is. */
  #gathering: number | undefined = undefined;
  #next: Following | undefined;
  /** The log is being emptied, and no commit may use it. */
  #emptying: Promise<void> | undefined = undefined;
  /** Operations that commits have covered. */
  #covered = 0;
  /** Committed, and to be done once that is on disk. */
  #afterwards: (() => void)[] = [];

  /** Nothing is under way. */
  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** Makes everything up to now durable; see `FileSystem.settle`. */
  settle(): void | Promise<void> {
    const { transaction, durability, accessTimes } = this.#parts;
    transaction.assertSound();
    if (durability !== "full") {
      // What is removed or cut gives its room back only after a commit.
      const few = transaction.operations - this.#covered < MOST_OPERATIONS &&
        !transaction.isAwaited && !accessTimes.areMany;
      if (!this.#isPending || durability === "none" && few) return;
      if (this.#emptying === undefined) return this.now();
      return this.#afterEmptying(this.#emptying);
    }
    if (!this.#isPending) return this.#durable;
    this.counts.settles++;
    return this.#cover();
  }

  /**
   * Makes everything up to now durable for a change that can't be made before.
   * Those that were answered with it see a loss by `losses`.
   */
  settleAhead(): Promise<void> | undefined {
    const { transaction, durability } = this.#parts;
    transaction.assertSound();
    if (durability === "full") {
      return this.#isPending ? this.#cover() : this.#durable;
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

  /** Commits everything up to now before it returns, where no reply waits for the disk. */
  now(): void {
    const { log, transaction } = this.#parts;
    transaction.assertSound();
    try {
      if (this.#emptying !== undefined) {
        transaction.syncedNow(() => log.finishEmptying());
      }
      this.#emptying = undefined;
      this.#commit();
      this.#finish();
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** {@inheritDoc Companion.undone} */
  undone(): void {
    // Calls that wait for a commit hear of it; the others see it by `losses`.
    this.#next = undefined;
    // The start of the log has room for the next ones, which may remove
    // something. Now: a call that changes something before the loss is told
    // begins a transaction, and there is none yet.
    const { log } = this.#parts;
    if (log.pendingBytes > 0 && this.#emptying === undefined) this.#empty();
  }

  /**
   * Ends the work; waits for what is under way. `save` writes what could wait until
   * now. What the journal has of contents stays in it: the next start knows it.
   */
  async close(save: () => void): Promise<void> {
    const { transaction, accessTimes, syncs, durability } = this.#parts;
    syncs.end();
    await this.#ended();
    transaction.assertSound();
    try {
      save();
      syncs.includeBare();
      if (durability !== "full") this.now();
      else if (this.#isPending) await this.#cover();
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
    const { transaction, syncs, accessTimes } = this.#parts;
    return transaction.isOpen || syncs.areIncluded || accessTimes.areMany;
  }

  /** When what is committed is durable; `undefined` where it is. A round whose changes were lost brings none. */
  get #durable(): Promise<void> | undefined {
    const isLost = this.#gathering !== undefined &&
      this.#gathering !== this.#parts.transaction.losses;
    return isLost ? undefined : this.#running;
  }

  /** Resolves when nothing is under way, nor begun by what was. */
  async #ended(): Promise<void> {
    const { syncs } = this.#parts;
    const work = () => [this.#running, this.#next?.ended, this.#emptying];
    do {
      await Promise.allSettled(work());
      // A round may have begun to bring contents to disk.
      await syncs.ended();
    } while (work().some((each) => each !== undefined));
  }

  /** The commit that covers everything up to now. */
  #cover(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    // No later one than needed, which may be refused.
    const { losses } = this.#parts.transaction;
    if (this.#gathering === losses) return this.#running;
    // For some microtasks there may be one that has followed the round before.
    if (this.#next?.after !== this.#running) {
      const after = this.#running;
      this.#next = { after, ended: this.#follow(after) };
    }
    return this.#next.ended;
  }

  #start(): Promise<void> {
    const { losses } = this.#parts.transaction;
    this.#gathering = losses;
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
    const { syncs, log, transaction } = this.#parts;
    // A request that adds a content meanwhile waits for this round itself: so many
    // as are in hand can delay it, each by one sync at most, and no client for good.
    while (syncs.hasFirst || this.#emptying !== undefined) {
      if (syncs.hasFirst) await syncs.syncFirst();
      await this.#emptying;
    }
    if (transaction.losses !== losses) throw transaction.loss;
    this.#gathering = undefined;
    this.#commit();
    const others = syncs.syncOthers();
    this.counts.syncs++;
    await transaction.synced(Promise.all([log.sync(), others]));
    this.#finish();
    syncs.trim();
  }

  #commit(): void {
    const { transaction, syncs, accessTimes, log, durability, sequence } =
      this.#parts;
    const { isOpen, operations } = transaction;
    this.#afterwards.push(...transaction.commit());
    if (isOpen) this.counts.commits++;
    this.#covered = operations;
    syncs.committed();
    if (accessTimes.areMany && accessTimes.save()) this.counts.commits++;
    const isRoomy = log.grown();
    // After a power failure, too, no other file may have a number that a client knows.
    if (durability === "os" && sequence.isUnsynced) {
      transaction.syncedNow(() => log.syncNow());
      sequence.synced();
    }
    const isLong = log.untriedBytes >= this.#parts.longLog || !isRoomy;
    if (isLong && this.#emptying === undefined) this.#empty();
  }

  /** Only the next commit waits for it. */
  #empty(): void {
    const { log, transaction } = this.#parts;
    const emptying = transaction.synced(
      transaction.syncedNow(() => log.empty()),
    )
      // The store has failed, and the next caller is told so.
      .catch(() => {})
      .finally(() => {
        if (this.#emptying === emptying) this.#emptying = undefined;
      });
    this.#emptying = emptying;
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

  #finish(): void {
    this.#parts.nodes.durable();
    const acts = this.#afterwards;
    this.#afterwards = [];
    for (const act of acts) act();
  }
}
