import type { Durability } from "./options.ts";

/** What a store has done since it was opened; see `SqliteFileSystem.stats`. */
export interface SqliteStats {
  /** What a reply promises. */
  readonly durability: Durability;
  /** Operations that changed something. */
  readonly operations: number;
  /** Transactions that went to disk; `operations / commits` share one. */
  readonly commits: number;
  /** Times that a commit waited for the disk. */
  readonly syncs: number;
  /** Batches of replies that waited for a commit. */
  readonly settles: number;
  /** Bytes written to files. */
  readonly writtenBytes: number;
  /** Bytes in the journal now, what its rows take included. */
  readonly journalBytes: number;
  /** Whether an error of the disk ended the service. */
  readonly failed: boolean;
}
