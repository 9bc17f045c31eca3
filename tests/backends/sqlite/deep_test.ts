import { assert, assertEquals } from "@std/assert";
import {
  exportTree,
  importTree,
} from "../../../src/backends/sqlite/archive.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";

const attributes = { mode: 0o755, uid: 0, gid: 0 };

function makeFolder(
  fs: SqliteFileSystem,
  parent: SqliteNode,
  name: string,
): SqliteNode {
  return fs.create(parent, name, { type: "directory" }, { attributes }).node;
}

/** A folder in a folder in a folder; the last one. */
function makeChain(fs: SqliteFileSystem, levels: number): SqliteNode {
  let folder = fs.root();
  for (let i = 0; i < levels; i++) folder = makeFolder(fs, folder, "d");
  return folder;
}

Deno.test("a store is archived however deep its folders are", async () => {
  const levels = 3_000;
  const fs = sqlite(":memory:");
  makeChain(fs, levels);
  let files = 0;
  const archive = exportTree(fs, {
    progress: (done) => files = done.files,
  });
  for await (const _ of archive);
  assertEquals(files, levels + 1);
  await fs.dispose();
});

Deno.test("an import goes on from the folder of the last member, however deep that is", async () => {
  const levels = 200;
  const fs = sqlite(":memory:");
  const first = makeFolder(fs, fs.root(), "c");
  makeFolder(fs, makeFolder(fs, first, "d"), "e");
  makeFolder(fs, makeChain(fs, levels), "f");
  const other = sqlite(":memory:");
  const lookup = other.lookup.bind(other);
  let lookups = 0;
  Object.defineProperty(other, "lookup", {
    value: (...at: Parameters<typeof lookup>) => {
      lookups++;
      return lookup(...at);
    },
  });
  await importTree(other, exportTree(fs));
  assert(lookups < 4 * levels, `${lookups} names were looked up`);
  for (const names of [["c", "d", "e"], [...Array(levels).fill("d"), "f"]]) {
    let folder = other.root();
    for (const name of names) folder = lookup(folder, name)!;
    assertEquals(other.readdir(folder, 0, 1).entries.length, 0);
  }
  await fs.dispose();
  await other.dispose();
});
