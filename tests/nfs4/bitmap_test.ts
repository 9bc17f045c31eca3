import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Bitmap, readBitmap, writeBitmap } from "../../src/nfs4/bitmap.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";

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
