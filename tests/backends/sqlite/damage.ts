import { assert } from "@std/assert";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  contentsIn,
  pathOf,
} from "../../../src/backends/sqlite/content_folders.ts";
import type { SqliteNode } from "../../../src/backends/sqlite/mod.ts";
import { SCHEMA_VERSION } from "../../../src/backends/sqlite/schema.ts";
import { make, pattern, using } from "./fixture.ts";

const PAGE = 4096;

/** A store with a file beside its database. */
export async function filled(directory: string, seed = 1): Promise<void> {
  await using(directory, (fs) => {
    fs.write(make(fs, "large"), 0, pattern(50_000, seed), "file");
  });
}

/** What a check finds in a store. */
export async function problemsOf(
  directory: string,
): Promise<readonly string[]> {
  return (await checkStore(directory)).problems;
}

/** Changes the database of a store behind its back. */
export function edit(directory: string, sql: string): void {
  using db = new DatabaseSync(`${directory}/store.db`);
  db.exec(sql);
}

/** What takes each schema back to the one before, from the last one on. */
const UNDONE = [
  `DROP TABLE shared_ranges; DROP TABLE shared_contents;
   ALTER TABLE inodes DROP COLUMN ranges; ALTER TABLE inodes DROP COLUMN shared`,
  "DROP TABLE acls; ALTER TABLE inodes DROP COLUMN listed",
  "DROP TABLE xattrs",
];

/** Makes a store one of an earlier schema, without what that has not. */
export function toSchema(directory: string, version: number): void {
  const undone = UNDONE.slice(0, SCHEMA_VERSION - version);
  edit(directory, [...undone, `PRAGMA user_version = ${version}`].join(";"));
}

/** Where the bytes of a file are that is beside the database. */
export function contentOf(
  directory: string,
  { outside }: Pick<SqliteNode, "outside">,
): string {
  return pathOf(`${directory}/content`, outside);
}

/** What can become of contents behind a store's back. */
export type ContentDamage = "cut" | "removed";

/** Has all contents of a store cut within what they have, or removed. */
export function harmContents(directory: string, damage: ContentDamage): void {
  for (const { path } of [...contentsIn(`${directory}/content`)]) {
    if (damage === "removed") Deno.removeSync(path);
    else if (Deno.statSync(path).size > 0) Deno.truncateSync(path, PAGE);
  }
}

/** Makes garbage of the page on which the root of a table or index is. */
export function spoilRoot(directory: string, name: string): void {
  const path = `${directory}/store.db`;
  using db = new DatabaseSync(path);
  const { rootpage } = db.prepare(
    "SELECT rootpage FROM sqlite_schema WHERE name = ?",
  ).get(name)!;
  spoil(path, (rootpage as number - 1) * PAGE);
}

/** The same of the page with some bytes on it. */
export function spoilPageOf(directory: string, bytes: Uint8Array): void {
  const path = `${directory}/store.db`;
  const at = Buffer.from(Deno.readFileSync(path)).indexOf(bytes);
  assert(at > 0);
  spoil(path, at - at % PAGE);
}

function spoil(path: string, start: number): void {
  const all = Deno.readFileSync(path);
  Deno.writeFileSync(path, all.fill(0xff, start, start + PAGE));
}
