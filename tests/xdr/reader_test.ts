import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";

function reader(...bytes: number[]): XdrReader {
  return new XdrReader(new Uint8Array(bytes));
}

const ones = (count: number) => new Array<number>(count).fill(0xff);

Deno.test("integers are big-endian, signed and unsigned", () => {
  assertEquals(reader(0x80, 0, 0, 1).uint32(), 0x8000_0001);
  assertEquals(reader(...ones(4)).int32(), -1);
  assertEquals(reader(...ones(8)).uint64(), 0xffff_ffff_ffff_ffffn);
  assertEquals(reader(...ones(7), 0xfe).int64(), -2n);
});

Deno.test("a hyper as a number is exact up to 2^53 - 1", () => {
  const largest = reader(0, 0x1f, ...ones(6));
  assertEquals(largest.uint64Number(), Number.MAX_SAFE_INTEGER);
  assertEquals(reader(0, 0, 0, 1, 0, 0, 0, 2).uint64Number(), 2 ** 32 + 2);
});

Deno.test("a bool is 0 or 1", () => {
  assertEquals(reader(0, 0, 0, 0).bool(), false);
  assertEquals(reader(0, 0, 0, 1).bool(), true);
  assertThrows(() => reader(0, 0, 0, 2).bool(), XdrError, "bool is 2");
});

Deno.test("opaque data is a view, its padding skipped", () => {
  const xdr = reader(0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 9);
  const data = xdr.opaque(5);
  assertEquals([...data], [1, 2, 3, 4, 5]);
  assertStrictEquals(data.buffer, xdr.bytes.buffer);
  assertEquals(xdr.uint32(), 9);
  assertEquals(xdr.remaining, 0);
});

Deno.test("a length above the maximum is refused before the data is looked at", () => {
  assertThrows(
    () => reader(...ones(4)).opaque(1024),
    XdrError,
    "length 4294967295 above 1024",
  );
  assertThrows(() => reader(0, 0, 0, 3).array(2, (x) => x.uint32()), XdrError);
});

Deno.test("padding that is not zero is refused", () => {
  const xdr = reader(0, 0, 0, 1, 65, 0, 0, 1);
  assertThrows(() => xdr.opaque(8), XdrError, "padding");
});

Deno.test("padding that is missing is refused", () => {
  assertThrows(() => reader(0, 0, 0, 1, 65).opaque(8), XdrError, "wanted");
});

Deno.test("a string is UTF-8, a byte order mark kept", () => {
  assertEquals(reader(0, 0, 0, 2, 0xc3, 0xa4, 0, 0).string(8), "ä");
  assertEquals(
    reader(0, 0, 0, 3, 0xef, 0xbb, 0xbf, 0).string(8),
    "\ufeff",
  );
  const half = reader(0, 0, 0, 1, 0xc3, 0, 0, 0);
  assertThrows(() => half.string(8), XdrError, "not UTF-8");
});

Deno.test("optional data and discriminants", () => {
  assertEquals(reader(0, 0, 0, 0).optional((x) => x.uint32()), undefined);
  assertEquals(
    reader(0, 0, 0, 1, 0, 0, 0, 7).optional((x) => x.uint32()),
    7,
  );
  assertEquals(reader(0, 0, 0, 3).discriminant(3), 3);
  assertThrows(() => reader(0, 0, 0, 4).discriminant(3), XdrError);
});

Deno.test("nothing is read outside the given range", () => {
  const bytes = new Uint8Array(16).fill(1);
  const xdr = new XdrReader(bytes, 4, 10);
  assertEquals(xdr.remaining, 6);
  xdr.uint32();
  assertThrows(() => xdr.uint32(), XdrError, "4 bytes wanted, 2 left");
  assertEquals(xdr.position, 8);
});

Deno.test("a range inside a larger buffer is read at its own offsets", () => {
  const whole = new Uint8Array([9, 9, 9, 9, 0, 0, 0, 5, 9, 9, 9, 9]);
  assertEquals(new XdrReader(whole.subarray(4, 8)).uint32(), 5);
});
