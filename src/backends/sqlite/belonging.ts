import { closeSync, openSync, writeSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { contentsIn } from "./content_folders.ts";
import { type Disk, OWN_FILE, OWN_FOLDER, syncFolder } from "./disk.ts";
import { readMeta } from "./meta.ts";

/** In `content/`: the tag of the store that it belongs to, in hexadecimal. */
const STAMP = "store";

/**
 * Throws an `Error` that says what is wrong where a folder has parts of a store
 * without its `store.db`. A new one would know nothing of them: it would use
 * their numbers again, and show their bytes in the holes of its own files.
 */
export function assertNoRemains(directory: string): void {
  const state = sizeOf(`${directory}/store.db`) === undefined
    ? "missing"
    : "empty";
  if (sizeOf(`${directory}/store.db-wal`)) {
    throw new Error(
      `store.db is ${state} beside its log: restore store.db, or move store.db-wal away`,
    );
  }
  if (hasContents(`${directory}/content`)) {
    throw new Error(
      `store.db is ${state} beside a filled content/: restore store.db, or move content/ away`,
    );
  }
}

/**
 * Makes `content/` where there is none, and notes in it and in the database that
 * they belong together. Throws an `Error` that says what is wrong where the
 * database names contents that can't be there: the folder is missing, nothing is
 * mounted on it, or it is another store's.
 */
export function claimContents(
  db: DatabaseSync,
  directory: string,
  disk: Disk,
): void {
  const folder = `${directory}/content`;
  const tag = readMeta(db).tag.toString(16).padStart(8, "0");
  const stamp = readStamp(folder);
  if (stamp !== tag) {
    assertClaimable(db, folder, stamp);
    Deno.mkdirSync(folder, { recursive: true, mode: OWN_FOLDER });
    writeStamp(folder, { tag, disk });
  }
  if (!isClaimed(db)) {
    db.exec("INSERT INTO meta VALUES ('claimed', 1)");
  }
}

function assertClaimable(
  db: DatabaseSync,
  folder: string,
  stamp: string | undefined,
): void {
  const named = db.prepare(
    "SELECT count(*) AS named FROM inodes INDEXED BY outsiders WHERE outside <> 0",
  ).get()!.named as number;
  const names = `store.db names ${named} files in it: restore content/`;
  if (named > 0 && sizeOf(folder) === undefined) {
    throw new Error(`content/ is missing, and ${names}`);
  }
  if (stamp !== undefined && (named > 0 || hasContents(folder))) {
    throw new Error(
      "content/ and store.db are of different stores: restore both from the same copy",
    );
  }
  // A store of an earlier version has not claimed what it has.
  if (named > 0 && isClaimed(db)) {
    throw new Error(
      `content/ is not this store's (is it mounted?), and ${names}`,
    );
  }
}

function writeStamp(
  folder: string,
  { tag, disk }: { readonly tag: string; readonly disk: Disk },
): void {
  const file = openSync(`${folder}/${STAMP}`, "w", OWN_FILE);
  try {
    writeSync(file, `${tag}\n`);
    disk.syncNow(file);
  } finally {
    closeSync(file);
  }
  syncFolder(folder, disk);
}

/** Whether the database notes that it has a `content/`. */
function isClaimed(db: DatabaseSync): boolean {
  const find = db.prepare("SELECT 1 FROM meta WHERE name = 'claimed'");
  return find.get() !== undefined;
}

function readStamp(folder: string): string | undefined {
  return unlessMissing(() =>
    Deno.readTextFileSync(`${folder}/${STAMP}`).trim()
  );
}

/** Whether there is a content in any of the folders of `content/`. */
function hasContents(folder: string): boolean {
  return sizeOf(folder) !== undefined && !contentsIn(folder).next().done;
}

/** Bytes of a file; `undefined` where there is none. Throws where the host does not say. */
export function sizeOf(path: string): number | undefined {
  return unlessMissing(() => Deno.statSync(path).size);
}

/** What `look` finds; a part that can't be looked at is not one that is missing. */
function unlessMissing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
