import { MemoryFileSystem } from "../backends/memory/mod.ts";
import { SqliteFileSystem } from "../backends/sqlite/mod.ts";
import type { Logger } from "../base/log.ts";
import type { ExportOptions } from "../vfs/exports.ts";

/** Says in which stores and trees in memory no client could make a single file, for all that they look served. */
export function logNoRoom(
  exports: readonly ExportOptions[],
  log: Logger,
): void {
  for (const { path, fs, readOnly } of exports) {
    // A folder's room is its host's to tell, which may take its time.
    const isOurs = fs instanceof SqliteFileSystem ||
      fs instanceof MemoryFileSystem;
    if (readOnly || !isOurs || fs.status().freeFiles > 0) continue;
    log.warn("no file can be made here: the disk or the quota has no room", {
      export: path,
    });
  }
}
