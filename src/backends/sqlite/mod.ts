/**
 * A durable file system in a folder of its own: metadata and small files in an
 * SQLite database, larger files beside it. Nothing has to be installed; files
 * have owners, modes, devices and times that the host's user could not give
 * them.
 *
 * ```ts
 * import { sqlite } from "@dittofs/nfs4/backends/sqlite";
 *
 * const fs = sqlite("/srv/nfs-store");
 * ```
 *
 * @module
 */
import type { SqliteOptions } from "./options.ts";
import { SqliteFileSystem } from "./sqlite_file_system.ts";

export {
  type ArchiveOptions,
  type ArchiveProgress,
  type ExportOptions,
  exportTree,
  type ImportOptions,
  importTree,
} from "./archive.ts";
export { checkStore, type StoreReport } from "./check.ts";
export type { MutableAttributes, SqliteNode } from "./node.ts";
export type { Durability, SqliteOptions } from "./options.ts";
export { Records } from "./records.ts";
export { SqliteFileSystem } from "./sqlite_file_system.ts";
export type { SqliteStats } from "./stats.ts";

/**
 * The store in `directory`, which is made where there is none; ":memory:" is one
 * in memory. Throws an `Error` of one line when the store is in use, damaged
 * or of a newer version, a `TypeError` for an option that there is not or of
 * another type, and a `RangeError` for one out of range.
 */
export function sqlite(
  directory: string,
  options: SqliteOptions = {},
): SqliteFileSystem {
  return new SqliteFileSystem(directory, options);
}
