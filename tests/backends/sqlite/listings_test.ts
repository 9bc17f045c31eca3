import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { pagedRows } from "../../../src/backends/sqlite/paged_rows.ts";
import { make, pattern } from "./fixture.ts";

/** Names and sizes of what the root lists, in parts of `limit`. */
function sizes(fs: SqliteFileSystem, limit: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let cookie = 0;;) {
    const { entries, end } = fs.readdir(fs.root(), cookie, limit);
    for (const entry of entries) {
      found[entry.name] = entry.attributes!.size;
      cookie = entry.cookie;
    }
    if (end) return found;
  }
}

/** A store of 20 files that keeps one or two nodes in memory. */
function small(): SqliteFileSystem {
  const fs = sqlite(":memory:", { keptNodes: 1 });
  for (let i = 0; i < 20; i++) make(fs, `f${i}`);
  fs.settle();
  return fs;
}

Deno.test("a listing has the attributes of now, of nodes in memory or not, however often it is asked for", async () => {
  const fs = small();
  const expected: Record<string, number> = {};
  for (let i = 0; i < 20; i++) expected[`f${i}`] = 0;
  assertEquals(sizes(fs, 7), expected);
  for (const name of ["f3", "f11", "f19", "f3"]) {
    const file = fs.lookup(fs.root(), name)!;
    // Unstable and large: size and times are in memory alone.
    fs.write(file, expected[name]!, pattern(20_000, 1), "unstable");
    expected[name]! += 20_000;
    for (let round = 0; round < 3; round++) {
      assertEquals(sizes(fs, 7), expected, `${name}, round ${round}`);
    }
    fs.settle();
    assertEquals(sizes(fs, 7), expected, `${name}, settled`);
  }
  await fs.dispose();
});

Deno.test("what a first listing shows can be used, as what is looked up", async () => {
  const fs = small();
  const { entries } = fs.readdir(fs.root(), 0, 20);
  for (const { name, node } of entries) {
    fs.write(node!, 0, pattern(3, 1), "file");
    assertEquals(fs.lookup(fs.root(), name)!.size, 3);
  }
  await fs.dispose();
});

Deno.test("a walk through a folder pushes no node out of memory that is in use", async () => {
  const fs = small();
  // Those that were made are not needed any more since they were settled.
  for (let i = 0; i < 20; i++) fs.lookup(fs.root(), `f${i}`);
  const used = fs.lookup(fs.root(), "f5")!;
  sizes(fs, 4);
  assert(!used.isForgotten);
  assertStrictEquals(fs.lookup(fs.root(), "f5"), used);
  await fs.dispose();
});

Deno.test("rows come by pages, and one that can't be read is no end of them", () => {
  using db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE numbers (id INTEGER PRIMARY KEY, value INTEGER)");
  const insert = db.prepare("INSERT INTO numbers VALUES (?, ?)");
  for (let id = 1; id <= 200; id++) insert.run(id, id * 2);
  const rows = () =>
    [...pagedRows<{ readonly id: number; readonly value: number }>(
      db.prepare("SELECT * FROM numbers WHERE id > ? ORDER BY id LIMIT ?"),
      ({ id }) => id,
    )].map(({ value }) => value);
  assertEquals(rows(), Array.from({ length: 200 }, (_, i) => 2 * i + 2));
  insert.run(201, 9_223_372_036_854_775_807n);
  assertThrows(rows, RangeError, "too large");
});
