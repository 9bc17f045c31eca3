import { equals } from "@std/bytes";
import { LAST_SERVER } from "../../../vfs/last_server.ts";
import type { Records } from "../records.ts";

/** Where a store says that an import has begun and is not done: which server had it empty before, if any had. */
const UNFINISHED = ["import", "unfinished"] as const;
const IMPORT = new TextEncoder().encode("import");
const NO_SERVER = new Uint8Array(0);

/** A store that an import is to go into. */
export interface ImportTarget {
  readonly records: Records;
  readonly isEmpty: boolean;
}

/** Whether an import into a store has begun and is not done. */
export function isImportUnfinished(records: Records): boolean {
  return records.get(...UNFINISHED) !== undefined;
}

/**
 * Marks a store before anything is unpacked into it. Throws an `Error` of one line
 * where that would go over files that are not of an import, which is only to be
 * with `merge`: those of one that was not finished are, until a server has been there.
 */
export function beginImport(
  { records, isEmpty }: ImportTarget,
  { merge = false }: { readonly merge?: boolean | undefined },
): void {
  const last = records.get(...LAST_SERVER);
  const mark = records.get(...UNFINISHED);
  const wasServed = last !== undefined && !isImport(last);
  if (!merge && !isEmpty) assertOfImport(mark, wasServed);
  const before = wasServed ? last : mark ?? NO_SERVER;
  // With `merge`, what its clients hold of files that are there may be changed under them.
  records.put(...UNFINISHED, merge ? NO_SERVER : before);
  if (merge || last !== undefined) records.put(...LAST_SERVER, IMPORT);
}

/** All is unpacked. Clients hold nothing of a store that was empty: its server finds it as it was. */
export function endImport(records: Records): void {
  const before = records.get(...UNFINISHED) ?? NO_SERVER;
  records.delete(...UNFINISHED);
  if (before.length > 0) records.put(...LAST_SERVER, before);
}

function assertOfImport(
  mark: Uint8Array | undefined,
  wasServed: boolean,
): void {
  if (mark === undefined) {
    throw new Error(
      "the store has files in it: import into a new one, or over them with --merge",
    );
  }
  if (!wasServed) return;
  throw new Error(
    "the store was served since an import into it was cut off: import over what is there with --merge",
  );
}

function isImport(name: Uint8Array): boolean {
  return equals(name, IMPORT);
}
