import { assert, assertEquals } from "@std/assert";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { between, randomBytes, seededRandom } from "../support/random.ts";

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
