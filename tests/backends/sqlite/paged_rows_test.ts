import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { pagedRows } from "../../../src/backends/sqlite/paged_rows.ts";

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
