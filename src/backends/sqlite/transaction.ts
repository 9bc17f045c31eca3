import type { DatabaseSync, StatementSync } from "node:sqlite";
import { askedBy, workFor } from "../../base/asker.ts";
import { FsError } from "../../vfs/mod.ts";
import type { Disk } from "./disk.ts";
import { fsErrorOf } from "./errors.ts";
import type { UniqueNumbers } from "./unique_numbers.ts";

/** Memory that goes with the database, and hears what becomes of a transaction. */
export interface Companion {
  /** Writes what waits in memory for the commit, into the open transaction. */
  save?(): void;
  /** What was changed so far is in the database. */
  committed?(): void;
  /** What was changed since the last commit is not, and never will be. */
  undone?(): void;
}

/**
 * The one transaction that all changes since the last commit share. Each
 * operation is a savepoint in it: one that fails is undone alone.
 *
 * Where that can't be (the commit finds the disk full), the whole transaction
 * is lost: it is undone in memory as well, which then knows what the database
 * has, and the next change begins another. An fsync that failed is worse: what
 * the disk has can't be known. It ends the store's service; every change and
 * every settle is refused with "io" until the store is opened anew.
 */
export class Transaction {
  /** Operations done since the store was opened. */
  operations = 0;
  /** How often the ceiling of its numbers was raised, which is to be committed for those who draw from it. */
  extensions = 0;
  /** Transactions that were lost. */
  losses = 0;
  readonly #db: DatabaseSync;
  readonly #sequence: UniqueNumbers;
  readonly #disk: Pick<Disk, "commit">;
  readonly #companions: Companion[] = [];
  // An error of `exec` would not tell its code.
  readonly #beginning: StatementSync;
  readonly #commit: StatementSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  #commitCeiling: (() => void) | undefined = undefined;
  #isOpen = false;
  /** Whether replies rely on what is committed. */
  #isPromised = true;
  #failure: FsError | undefined = undefined;
  #loss: FsError | undefined = undefined;
  #afterwards: (() => void)[] = [];
  #otherwise: (() => void)[] = [];

  /** Nothing is open yet. */
  constructor(
    db: DatabaseSync,
    { sequence, disk }: {
      readonly sequence: UniqueNumbers;
      readonly disk: Pick<Disk, "commit">;
    },
  ) {
    this.#db = db;
    this.#sequence = sequence;
    this.#disk = disk;
    this.#beginning = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#savepoint = db.prepare("SAVEPOINT operation");
    this.#release = db.prepare("RELEASE operation");
  }

  /** Has something hear of commits and losses, after those that came before. */
  accompany(companion: Companion): void {
    this.#companions.push(companion);
  }

  /**
   * Has `commit` make a new ceiling safe before a number below it is given out, for
   * replies that don't wait for the commit of their own changes.
   */
  extendAhead(commit: () => void): void {
    this.#commitCeiling = commit;
  }

  /** Whether there are changes that no commit has covered. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether something is to be done once the changes since the last commit are durable. */
  get isAwaited(): boolean {
    return this.#afterwards.length > 0;
  }

  /** Why the store is out of service. */
  get failure(): FsError | undefined {
    return this.#failure;
  }

  /** Why the last transaction that was lost was so. */
  get loss(): FsError | undefined {
    return this.#loss;
  }

  /** Takes the store out of service; the first reason stays. */
  fail(cause: unknown): FsError {
    return this.#failure ??= new FsError("io", detailOf(cause), { cause });
  }

  /** Waits for a sync. One that fails is the end: what the disk has can't be known. */
  async synced(syncing: Promise<unknown>): Promise<void> {
    try {
      await syncing;
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** The same, for one that is made at once. */
  syncedNow<T>(sync: () => T): T {
    try {
      return sync();
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** Throws when the store is out of service. */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A number that never comes again; see {@linkcode UniqueNumbers}. */
  number(): number {
    if (this.#sequence.isLow) this.#extend();
    return this.#sequence.next();
  }

  /**
   * Runs the statements of one operation: all of them, or none and throws. One
   * that changes nothing but attributes has none: see `NodeTable.change`.
   */
  run(statements?: () => void): void {
    if (this.#sequence.isLow) this.#extend();
    this.#begin();
    if (statements !== undefined) this.#attempt(statements);
    this.operations++;
  }

  /**
   * Has `act` done once what was changed up to now is durable: for the one that
   * asks now, as the commit is for all.
   */
  afterwards(act: () => void): void {
    const asker = askedBy();
    this.#afterwards.push(() => workFor(asker, act));
  }

  /** Has `act` done should what was changed up to now be lost. */
  otherwise(act: () => void): void {
    this.#otherwise.push(act);
  }

  /**
   * Ends the transaction, and returns what is to be done once that is durable.
   * Throws when it is lost.
   */
  commit(): (() => void)[] {
    this.assertSound();
    if (this.#isOpen) {
      try {
        for (const companion of this.#companions) companion.save?.();
        this.#disk.commit(this.#commit);
      } catch (error) {
        throw this.lose(error);
      }
      this.#isOpen = false;
      for (const companion of this.#companions) companion.committed?.();
    }
    this.#otherwise = [];
    const acts = this.#afterwards;
    if (acts.length > 0) this.#afterwards = [];
    return acts;
  }

  /**
   * Commits what memory has for the database and was promised to no client, while
   * nothing else is open. Where the disk does not take it, it is undone, and counts
   * as no loss: that is false. Throws where the store is out of service.
   */
  tryToCommit(): boolean {
    this.#isPromised = false;
    try {
      this.#begin();
      this.commit();
      return true;
    } catch {
      this.assertSound();
      return false;
    } finally {
      this.#isPromised = true;
    }
  }

  /** Undoes what was changed since the last commit; returns the error to tell of it. */
  lose(cause: unknown): FsError {
    if (this.#failure !== undefined) return this.#failure;
    const acts = this.#otherwise.reverse();
    this.#otherwise = [];
    this.#afterwards = [];
    this.#isOpen = false;
    const known = fsErrorOf(cause);
    const loss = known instanceof FsError
      ? known
      : new FsError("io", detailOf(cause), { cause });
    if (this.#isPromised) {
      this.losses++;
      this.#loss = loss;
    }
    try {
      // Mostly SQLite has done so by itself.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      for (const act of acts) act();
      for (const companion of this.#companions) companion.undone?.();
    } catch (error) {
      return this.fail(error);
    }
    return loss;
  }

  #begin(): void {
    this.assertSound();
    if (this.#isOpen) return;
    try {
      this.#beginning.run();
    } catch (error) {
      throw fsErrorOf(error);
    }
    this.#isOpen = true;
  }

  #attempt(statements: () => void): void {
    this.#savepoint.run();
    try {
      statements();
      this.#release.run();
    } catch (error) {
      this.#undo(error);
      throw fsErrorOf(error);
    }
  }

  /** Outside of any savepoint: undoing an operation must not undo the ceiling. */
  #extend(): void {
    const isAlone = !this.#isOpen;
    this.#begin();
    this.#sequence.extend();
    this.extensions++;
    if (isAlone) this.#commitCeiling?.();
  }

  #undo(cause: unknown): void {
    try {
      this.#db.exec("ROLLBACK TO operation; RELEASE operation");
    } catch {
      // SQLite has rolled everything back by itself, and no savepoint is left.
      this.lose(cause);
    }
  }
}

function detailOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
