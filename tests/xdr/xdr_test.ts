import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { between, randomBytes, seededRandom } from "../support/random.ts";

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

type Field = {
  write(xdr: XdrWriter): void;
  check(xdr: XdrReader): void;
};

/** Each makes a field of random content that knows how to check itself. */
const FIELDS: ((random: () => number) => Field)[] = [
  (random) => {
    const value = between(random, 0, 0xffff_ffff);
    return {
      write: (xdr) => xdr.uint32(value),
      check: (xdr) => assertEquals(xdr.uint32(), value),
    };
  },
  (random) => {
    const value = between(random, 0, Number.MAX_SAFE_INTEGER);
    return {
      write: (xdr) => xdr.uint64Number(value),
      check: (xdr) => assertEquals(xdr.uint64(), BigInt(value)),
    };
  },
  (random) => {
    const value = between(random, -Number.MAX_SAFE_INTEGER, 0);
    return {
      write: (xdr) => xdr.int64Number(value),
      check: (xdr) => assertEquals(xdr.int64(), BigInt(value)),
    };
  },
  (random) => {
    const value = randomBytes(random, between(random, 0, 40));
    return {
      write: (xdr) => xdr.opaque(value),
      check: (xdr) => assertEquals([...xdr.opaque(40)], [...value]),
    };
  },
  (random) => {
    const value = String.fromCodePoint(
      ...Array.from(
        { length: between(random, 0, 9) },
        () => between(random, 32, 0xd7ff),
      ),
    );
    return {
      write: (xdr) => xdr.string(value),
      check: (xdr) => assertEquals(xdr.string(100), value),
    };
  },
  (random) => {
    const value = [...randomBytes(random, between(random, 0, 5))];
    return {
      write: (xdr) => xdr.array(value, (out, item) => out.uint32(item)),
      check: (xdr) => assertEquals(xdr.array(5, (x) => x.uint32()), value),
    };
  },
];

Deno.test("whatever is written is read back, and all of it is needed", () => {
  const random = seededRandom(0x4e4653);
  for (let round = 0; round < 300; round++) {
    const fields = Array.from(
      { length: between(random, 1, 12) },
      () => FIELDS[between(random, 0, FIELDS.length - 1)]!(random),
    );
    const xdr = new XdrWriter(8);
    for (const field of fields) field.write(xdr);
    const bytes = xdr.slice();
    assertEquals(bytes.length % 4, 0);

    const back = new XdrReader(bytes);
    for (const field of fields) field.check(back);
    assertEquals(back.remaining, 0);

    const cut = new XdrReader(bytes, 0, between(random, 0, bytes.length - 1));
    try {
      for (const field of fields) field.check(cut);
      throw new Error("a message cut short was read");
    } catch (error) {
      assert(error instanceof XdrError, String(error));
    }
  }
});

/** Every way to read, so that random bytes meet them in random order. */
const READS: ((xdr: XdrReader) => unknown)[] = [
  (xdr) => xdr.uint32(),
  (xdr) => xdr.int32(),
  (xdr) => xdr.uint64(),
  (xdr) => xdr.int64(),
  (xdr) => xdr.uint64Number(),
  (xdr) => xdr.bool(),
  (xdr) => xdr.opaqueFixed(3),
  (xdr) => xdr.opaque(16),
  (xdr) => xdr.opaque(0xffff_ffff),
  (xdr) => xdr.string(0xffff_ffff),
  (xdr) => xdr.array(0xffff_ffff, (item) => item.uint64()),
  (xdr) => xdr.optional((item) => item.string(9)),
  (xdr) => xdr.discriminant(2),
];

Deno.test("random bytes give values or an XdrError, and never leave the range", () => {
  const random = seededRandom(2049);
  let refused = 0;
  for (let round = 0; round < 5000; round++) {
    const bytes = randomBytes(random, 96);
    // Small numbers, so that lengths and bools often make sense.
    for (let i = 0; i < bytes.length; i += 4) {
      if (random() < 0.7) bytes.set([0, 0, 0, between(random, 0, 12)], i);
    }
    const start = between(random, 0, 32);
    const end = between(random, start, 96);
    const xdr = new XdrReader(bytes, start, end);
    try {
      while (xdr.remaining > 0) {
        const value = READS[between(random, 0, READS.length - 1)]!(xdr);
        if (value instanceof Uint8Array) {
          assert(value.byteOffset >= start);
          assert(value.byteOffset + value.length <= end);
        }
        assert(xdr.position > start && xdr.position <= end);
      }
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      refused++;
    }
  }
  assert(refused > 1000 && refused < 5000, `${refused} refused`);
});
