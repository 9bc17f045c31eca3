import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Companion } from "./transaction.ts";

/** Pages that a commit gives back at most: a fraction of a millisecond. */
const SLICE = 32;
/** Free pages that stay, to be used again; or an eighth of all, where that is more. */
const KEPT = 1024;

/**
 * The pages of the database that nothing is in. Up to a level they wait for
 * what is made next; beyond, each commit gives a few of them back to the host,
 * so that no call waits for all of them. A store of an earlier version has them
 * used again and nothing given back: that takes an export and an import.
 */
export class FreePages implements Companion {
  readonly #free: StatementSync;
  readonly #pages: StatementSync;
  readonly #giveBack: StatementSync;

  constructor(db: DatabaseSync) {
    this.#free = db.prepare("PRAGMA freelist_count");
    this.#pages = db.prepare("PRAGMA page_count");
    this.#giveBack = db.prepare(`PRAGMA incremental_vacuum(${SLICE})`);
  }

  /** {@inheritDoc Companion.save} */
  save(): void {
    const free = this.#free.get()!.freelist_count as number;
    if (free < KEPT + SLICE) return;
    const pages = this.#pages.get()!.page_count as number;
    if (free - SLICE > pages / 8) this.#giveBack.all();
  }
}
