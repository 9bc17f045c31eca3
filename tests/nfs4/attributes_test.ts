import { assertEquals } from "@std/assert";
import { ATTRIBUTES } from "../../src/nfs4/attributes.ts";

const rows = ATTRIBUTES.filter((row) => row !== undefined);

Deno.test("each row stands at its number, once", () => {
  ATTRIBUTES.forEach((row, number) =>
    assertEquals(row?.number ?? number, number)
  );
  assertEquals(new Set(rows.map((row) => row.name)).size, rows.length);
});

Deno.test("the attributes of a whole file system are those of RFC 8881 5.4 and RFC 7862 12.2.3", () => {
  const numbers = rows.filter((row) => row.perFileSystem)
    .map((row) => row.number);
  assertEquals(numbers, [
    ...[0, 2, 5, 6, 9, 13, 15, 16, 17, 18, 21, 22, 23, 26, 27, 29, 30, 31],
    ...[34, 42, 43, 44, 51, 75, 76, 79],
  ]);
});

Deno.test("what can be set is what RFC 8881 5.6 and 5.7 let be set", () => {
  const set = (get: boolean) =>
    rows.filter((row) => row.set && (row.get !== undefined) === get)
      .map((row) => row.name);
  assertEquals(set(true), [
    "size",
    "mode",
    "owner",
    "owner_group",
    "time_create",
  ]);
  assertEquals(set(false), [
    "time_access_set",
    "time_modify_set",
    "mode_set_masked",
  ]);
});
