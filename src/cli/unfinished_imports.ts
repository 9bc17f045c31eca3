import { SqliteFileSystem } from "../backends/sqlite/mod.ts";
import { isImportUnfinished } from "../backends/sqlite/tar/import_mark.ts";
import type { Logger } from "../base/log.ts";
import type { ExportOptions } from "../vfs/exports.ts";

/** Says which stores lack a part of the archive that was to be imported into them. */
export function logUnfinishedImports(
  exports: readonly ExportOptions[],
  log: Logger,
): void {
  for (const { path, fs } of exports) {
    const isUnfinished = fs instanceof SqliteFileSystem &&
      isImportUnfinished(fs.records);
    if (!isUnfinished) continue;
    log.warn(
      "an import into this store was not finished: some of its files are missing",
      { export: path },
    );
  }
}
