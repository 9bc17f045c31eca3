import { assertEquals } from "@std/assert";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";

function written(write: (xdr: XdrWriter) => void): number[] {
  const xdr = new XdrWriter(4);
  write(xdr);
  return [...xdr.subarray()];
}

Deno.test("integers are written big-endian", () => {
  assertEquals(written((x) => x.uint32(0x8000_0001)), [0x80, 0, 0, 1]);
  assertEquals(written((x) => x.int32(-2)), [255, 255, 255, 254]);
  assertEquals(
    written((x) => x.uint64(0x0102_0304_0506_0708n)),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assertEquals(
    written((x) => x.uint64Number(2 ** 32 + 2)),
    [0, 0, 0, 1, 0, 0, 0, 2],
  );
});

Deno.test("a negative hyper is written in two's complement", () => {
  for (const value of [-1, -(2 ** 32), -(2 ** 32) - 1, -(2 ** 53) + 1, 5]) {
    const bytes = new Uint8Array(written((x) => x.int64Number(value)));
    assertEquals(new XdrReader(bytes).int64(), BigInt(value));
  }
});

Deno.test("opaque data is padded with zeros, also over older bytes", () => {
  const xdr = new XdrWriter(64);
  xdr.raw(new Uint8Array(64).fill(0xee));
  xdr.truncate(0);
  xdr.opaque(new Uint8Array([1]));
  assertEquals([...xdr.subarray()], [0, 0, 0, 1, 1, 0, 0, 0]);
});

Deno.test("a string is written as UTF-8 with its length in bytes", () => {
  assertEquals(written((x) => x.string("ab")), [0, 0, 0, 2, 97, 98, 0, 0]);
  assertEquals(
    written((x) => x.string("aä")),
    [0, 0, 0, 3, 97, 0xc3, 0xa4, 0],
  );
});

Deno.test("growing keeps what was written", () => {
  const xdr = new XdrWriter(4);
  for (let i = 0; i < 1000; i++) xdr.uint32(i);
  const back = new XdrReader(xdr.slice());
  for (let i = 0; i < 1000; i++) assertEquals(back.uint32(), i);
  assertEquals(back.remaining, 0);
});

Deno.test("room that is only partly used ends with zero padding", () => {
  const xdr = new XdrWriter(8);
  xdr.raw(new Uint8Array(100).fill(0xee));
  xdr.truncate(0);
  const room = xdr.space(10);
  assertEquals(room.length, 10);
  room.fill(7);
  xdr.spaceUsed(10, 5);
  xdr.uint32(1);
  assertEquals(
    [...xdr.subarray()],
    [0, 0, 0, 5, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 1],
  );
});

Deno.test("room that is not used at all is an empty opaque", () => {
  const xdr = new XdrWriter(8);
  xdr.space(1000);
  xdr.spaceUsed(1000, 0);
  assertEquals([...xdr.subarray()], [0, 0, 0, 0]);
});

Deno.test("fields are patched, read back and cut off", () => {
  const xdr = new XdrWriter();
  xdr.uint32(1);
  xdr.bool(true);
  xdr.patchUint32(0, 9);
  assertEquals(xdr.peekUint32(0), 9);
  xdr.truncate(4);
  xdr.array([5, 6], (out, item) => out.uint32(item));
  assertEquals(
    [...xdr.subarray()],
    [0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6],
  );
});
