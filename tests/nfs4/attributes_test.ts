import { assertEquals } from "@std/assert";
import { ATTRIBUTES } from "../../src/nfs4/attributes.ts";
import type { AttributeSource } from "../../src/nfs4/attributes/row.ts";
import { Bitmap, emptyBitmap } from "../../src/nfs4/bitmap.ts";
import { wantedBy } from "../../src/nfs4/wanted_attributes.ts";
import type { XdrWriter } from "../../src/xdr/writer.ts";

/** Stands for whatever else a row is written from. */
const DEEP = {
  export: { fs: { limits: {} }, fsid: {} },
  isEmpty: emptyBitmap.isEmpty,
};

const rows = ATTRIBUTES.filter((row) => row !== undefined);

Deno.test("each row stands at its number, once", () => {
  ATTRIBUTES.forEach((row, number) =>
    assertEquals(row?.number ?? number, number)
  );
  assertEquals(new Set(rows.map((row) => row.name)).size, rows.length);
});

Deno.test("no row takes the place of another", () => {
  assertEquals(rows.map((row) => row.number), [
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19, 20, 21],
    ...[22, 23, 26, 27, 28, 29, 30, 31, 33, 34, 35, 36, 37, 38, 39, 40, 41],
    ...[42, 43, 44, 45, 47, 48, 50, 51, 52, 53, 54, 55],
    ...[74, 75, 76, 77, 79, 81, 82],
  ]);
});

Deno.test("the attributes of a whole file system are those of RFC 8881 5.4, RFC 7862 12.2 and RFC 8276 8.2", () => {
  const numbers = rows.filter((row) => row.perFileSystem)
    .map((row) => row.number);
  assertEquals(numbers, [
    ...[0, 2, 5, 6, 9, 13, 15, 16, 17, 18, 21, 22, 23, 26, 27, 29, 30, 31],
    ...[34, 42, 43, 44, 51, 75, 76, 77, 79, 82],
  ]);
});

Deno.test("what can be set is what RFC 8881 5.6 and 5.7 and RFC 8275 let be set", () => {
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
    "mode_umask",
  ]);
});

/** An object of objects, that notes which of its own properties are read. */
function noting(read: Set<string>): never {
  return new Proxy({}, {
    get: (_, name) => {
      read.add(String(name));
      return name === "type" ? "file" : { seconds: 0, nanoseconds: 0 };
    },
  }) as never;
}

Deno.test("each row says what it reads of a file's attributes", () => {
  const xdr = new Proxy({}, { get: () => () => {} }) as XdrWriter;
  for (const row of rows) {
    const read = new Set<string>();
    const source = new Proxy({ attributes: noting(read) }, {
      get: (own, name) => Reflect.get(own, name) ?? DEEP,
    });
    row.get?.(xdr, source as unknown as AttributeSource);
    // What the engine reads for them: support, and what is mounted where.
    const ahead = [0, 55, 75].includes(row.number);
    assertEquals([...read], ahead ? [] : [...row.reads ?? []], row.name);
  }
});

Deno.test("what is wanted is what the rows of the requested attributes read", () => {
  const wanted = wantedBy(Bitmap.ofNumbers([4, 33, 55, 95]));
  const names = Object.entries(wanted).filter(([, is]) => is);
  assertEquals(names.map(([name]) => name), ["type", "mode", "size", "fileid"]);
});
