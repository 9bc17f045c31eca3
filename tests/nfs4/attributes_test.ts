import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ATTRIBUTES } from "../../src/nfs4/attributes.ts";
import type { AttributeSource } from "../../src/nfs4/attributes/row.ts";
import {
  Bitmap,
  emptyBitmap,
  readBitmap,
  writeBitmap,
} from "../../src/nfs4/bitmap.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { parseOwner } from "../../src/nfs4/owners.ts";
import { wantedBy } from "../../src/nfs4/wanted_attributes.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";

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
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20],
    ...[21, 22, 23, 26, 27, 28, 29, 30, 31, 33, 34, 35, 36, 37, 38, 39, 40, 41],
    ...[42, 43, 44, 45, 47, 48, 50, 51, 52, 53, 54, 55],
    ...[74, 75, 76, 77, 79, 81, 82, 84, 85, 86],
  ]);
});

Deno.test("the attributes of a whole file system are those of RFC 8881 5.4, RFC 7862 12.2, RFC 8276 8.2 and RFC 9754", () => {
  const numbers = rows.filter((row) => row.perFileSystem)
    .map((row) => row.number);
  assertEquals(numbers, [
    ...[0, 2, 5, 6, 9, 13, 15, 16, 17, 18, 21, 22, 23, 26, 27, 29, 30, 31],
    ...[34, 42, 43, 44, 51, 75, 76, 77, 79, 82, 86],
  ]);
});

Deno.test("what can be set is what RFC 8881 5.6 and 5.7 and RFC 8275 let be set", () => {
  const set = (get: boolean) =>
    rows.filter((row) => row.set && (row.get !== undefined) === get)
      .map((row) => row.name);
  assertEquals(set(true), [
    "size",
    "acl",
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
    "time_deleg_access",
    "time_deleg_modify",
  ]);
});

/** An object of objects, that notes which of its own properties are read. */
function noting(read: Set<string>): never {
  return new Proxy({}, {
    get: (_, name) => {
      // The list is no attribute by that name, and asked for only where it is shown.
      if (typeof name === "symbol") return undefined;
      read.add(name);
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

function words(...words: number[]): XdrReader {
  const xdr = new XdrWriter();
  xdr.array(words, (xdr, word) => xdr.uint32(word));
  return new XdrReader(xdr.slice());
}

function written(bitmap: Bitmap): number[] {
  const xdr = new XdrWriter();
  writeBitmap(xdr, bitmap);
  return new XdrReader(xdr.slice()).array(9, (xdr) => xdr.uint32());
}

Deno.test("bit n of word m is attribute m * 32 + n (RFC 8881 3.2)", () => {
  const bitmap = readBitmap(words(0x8000_0001, 0x10, 0x8000_0000));
  assertEquals([...bitmap.numbers()], [0, 31, 36, 95]);
  assertEquals(bitmap.has(36), true);
  assertEquals(bitmap.has(37), false);
  assertEquals(bitmap, Bitmap.ofNumbers([95, 36, 31, 0]));
});

Deno.test("equal bitmaps are one object, with or without zero words", () => {
  assertStrictEquals(readBitmap(words(5)), readBitmap(words(5, 0, 0, 0)));
  assertStrictEquals(readBitmap(words()), Bitmap.ofNumbers([]));
});

Deno.test("words beyond the third are read, and remembered only as such", () => {
  const xdr = words(1, 0, 0, 0, 9);
  const bitmap = readBitmap(xdr);
  assertEquals(xdr.remaining, 0);
  assertEquals([bitmap.beyond, bitmap.isEmpty], [true, false]);
  assertEquals([...bitmap.numbers()], [0]);
  assertEquals(readBitmap(words(0, 0, 0, 1)).isEmpty, false);
});

Deno.test("a count larger than the message is an error, quickly", () => {
  const xdr = new XdrReader(Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0));
  assertThrows(() => readBitmap(xdr), XdrError);
});

Deno.test("trailing words of zero are not written", () => {
  assertEquals(written(Bitmap.ofNumbers([])), []);
  assertEquals(written(Bitmap.ofNumbers([1])), [2]);
  assertEquals(written(Bitmap.ofNumbers([33])), [0, 2]);
  assertEquals(written(Bitmap.ofNumbers([64])), [0, 0, 1]);
});

Deno.test("and, without, meets", () => {
  const one = Bitmap.ofNumbers([1, 40, 70]);
  const other = Bitmap.ofNumbers([1, 31, 70]);
  assertEquals([...one.and(other).numbers()], [1, 70]);
  assertEquals([...one.without(other).numbers()], [40]);
  assertEquals(one.meets(other), true);
  assertEquals(one.meets(Bitmap.ofNumbers([31, 41])), false);
});

Deno.test("a client that invents bitmaps doesn't make memory grow or bitmaps wrong", () => {
  const kept = Bitmap.ofNumbers([3]);
  for (let word = 0; word < 10_000; word++) {
    const bitmap = readBitmap(words(word, word * 7));
    assertEquals([bitmap.word0, bitmap.word1], [word, word * 7]);
  }
  assertEquals(Bitmap.ofNumbers([3]), kept);
});

const parse = (text: string) => parseOwner(new TextEncoder().encode(text));

Deno.test("owners are decimal numbers of 0 to 2^32 - 2 (RFC 7530 5.9, RFC 8881 5.9)", () => {
  assertEquals(parse("0"), { id: 0 });
  assertEquals(parse("1000"), { id: 1000 });
  assertEquals(parse("4294967294"), { id: 4_294_967_294 });
});

Deno.test("what can't be mapped is BADOWNER (RFC 8881 15.1.15.2)", () => {
  const unknown = [
    ...["root", "nobody", "root@localdomain", "1000@localdomain"],
    ...["01", "00", "-1", "+1", " 1", "1 ", "1.0", "0x1", "ä"],
    ...["4294967295", "4294967296", "1".repeat(400)],
  ];
  for (const text of unknown) {
    assertEquals(parse(text), Status.BADOWNER, text);
  }
});

Deno.test("no string at all, or none of UTF-8, is INVAL (RFC 8881 15.1.7)", () => {
  assertEquals(parse(""), Status.INVAL);
  assertEquals(parseOwner(Uint8Array.of(0x31, 0xff)), Status.INVAL);
});
