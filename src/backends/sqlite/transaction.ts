import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FsError } from "../../vfs/mod.ts";
import { fsErrorOf } from "./errors.ts";
import type { Sequence } from "./sequence.ts";

/**
 * The one transaction that all changes since the last commit share. Each
 * operation is a savepoint in it: one that fails is undone alone.
 *
 * A failure that can't be undone alone (SQLite gives the whole transaction up,
 * an fsync or a commit fails) ends the store's service: what memory knows is
 * then no longer what the disk has. Every change and every settle is refused
 * with "io" until the store is opened anew.
 */
export class Transaction {
  /** Operations done since the store was opened. */
  operations = 0;
  readonly #db: DatabaseSync;
  readonly #sequence: Sequence;
  readonly #save: () => void;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  #isOpen = false;
  #failure: FsError | undefined = undefined;
  #afterwards: (() => void)[] = [];

  /** Nothing is open yet; `save` writes what waits in memory for the commit. */
  constructor(
    db: DatabaseSync,
    { sequence, save }: {
      readonly sequence: Sequence;
      readonly save: () => void;
    },
  ) {
    this.#db = db;
    this.#sequence = sequence;
    this.#save = save;
    this.#savepoint = db.prepare("SAVEPOINT operation");
    this.#release = db.prepare("RELEASE operation");
  }

  /** Whether there are changes that no commit has covered. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why the store is out of service. */
  get failure(): FsError | undefined {
    return this.#failure;
  }

  /** Takes the store out of service; the first reason stays. */
  fail(cause: unknown): FsError {
    const detail = cause instanceof Error ? cause.message : String(cause);
    return this.#failure ??= new FsError("io", detail, { cause });
  }

  /** Throws when the store is out of service. */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A number that never comes again; see {@linkcode Sequence}. */
  number(): number {
    if (this.#sequence.isLow) this.#extend();
    return this.#sequence.next();
  }

  /**
   * Runs the statements of one operation: all of them, or none and throws. One
   * that changes nothing but attributes has none: see `NodeTable.save`.
   */
  run(statements?: () => void): void {
    this.#begin();
    if (this.#sequence.isLow) this.#extend();
    if (statements !== undefined) this.#attempt(statements);
    this.operations++;
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

  /** Has `act` done once what was changed up to now is durable. */
  afterwards(act: () => void): void {
    this.#afterwards.push(act);
  }

  /** Ends the transaction, and returns what is to be done once that is durable. */
  commit(): (() => void)[] {
    this.assertSound();
    if (this.#isOpen) {
      try {
        this.#save();
        this.#db.exec("COMMIT");
      } catch (error) {
        throw this.fail(error);
      }
      this.#isOpen = false;
    }
    const acts = this.#afterwards;
    if (acts.length > 0) this.#afterwards = [];
    return acts;
  }

  #begin(): void {
    this.assertSound();
    if (this.#isOpen) return;
    this.#db.exec("BEGIN IMMEDIATE");
    this.#isOpen = true;
  }

  /** Outside of any savepoint: undoing an operation must not undo the ceiling. */
  #extend(): void {
    this.#begin();
    this.#sequence.extend();
  }

  #undo(cause: unknown): void {
    try {
      this.#db.exec("ROLLBACK TO operation; RELEASE operation");
    } catch {
      // SQLite has rolled everything back by itself, and no savepoint is left.
      this.fail(cause);
    }
  }
}
