import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { BufferPool } from "../../src/rpc/pools.ts";
import { RecordError, RecordFramer } from "../../src/rpc/record_framer.ts";
import { between, randomBytes, seededRandom } from "../support/random.ts";
import { fragments } from "./support.ts";

const KIB = 1024;

/** Gives the framer `bytes` as a socket would, in reads of at most `most`. */
function feed(
  framer: RecordFramer,
  bytes: Uint8Array,
  most = () => Infinity,
): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = framer.space();
    assert(space.length > 0, "no room to read into");
    const length = Math.min(space.length, bytes.length - at, most());
    space.set(bytes.subarray(at, at + length));
    at += length;
    framer.received(length);
    while (framer.next()) {
      records.push(framer.bytes.slice(framer.start, framer.end));
    }
  }
  return records;
}

const whole = (payload: Uint8Array) => fragments(payload, []);
const text = (value: string) => new TextEncoder().encode(value);

Deno.test("several records of one read are found one after the other", () => {
  const stream = concat(["one", "two", "three"].map((s) => whole(text(s))));
  assertEquals(
    feed(new RecordFramer(), stream),
    [text("one"), text("two"), text("three")],
  );
});

Deno.test("a record is found whichever way the reads cut it", () => {
  const stream = concat([whole(text("abcdef")), whole(text("gh"))]);
  for (let size = 1; size < stream.length; size++) {
    assertEquals(
      feed(new RecordFramer(), stream, () => size),
      [text("abcdef"), text("gh")],
      `reads of ${size}`,
    );
  }
});

Deno.test("fragments are put together, also empty ones, whichever way they are cut", () => {
  const stream = concat([
    fragments(text("abcdefghij"), [0, 3, 0, 4, 3]),
    whole(text("next")),
  ]);
  for (let size = 1; size <= stream.length; size++) {
    assertEquals(
      feed(new RecordFramer(), stream, () => size),
      [text("abcdefghij"), text("next")],
      `reads of ${size}`,
    );
  }
});

Deno.test("a record lies in the buffer that was read into", () => {
  const framer = new RecordFramer();
  const space = framer.space();
  space.set(whole(text("here")));
  framer.received(8);
  assert(framer.next());
  assertEquals(framer.bytes.buffer, space.buffer);
  assertEquals([framer.start, framer.end], [4, 8]);
  assertEquals(framer.next(), false);
});

Deno.test("a record above the maximum is refused by its mark", () => {
  const framer = new RecordFramer({ maxRecord: 100 });
  assertEquals(feed(framer, whole(new Uint8Array(100))).length, 1);
  assertThrows(
    () => feed(framer, whole(new Uint8Array(101))),
    RecordError,
    "a record of 101 bytes, above 100",
  );
});

Deno.test("fragments that add up to more than the maximum are refused", () => {
  const framer = new RecordFramer({ maxRecord: 100 });
  assertThrows(
    () => feed(framer, fragments(new Uint8Array(101), [60, 40])),
    RecordError,
  );
});

Deno.test("a flood of empty fragments is refused", () => {
  assertThrows(
    () => feed(new RecordFramer(), new Uint8Array(64 * KIB)),
    RecordError,
    "fragments",
  );
});

Deno.test("an announced record takes no memory until its bytes arrive", () => {
  const framer = new RecordFramer();
  const stream = whole(new Uint8Array(KIB * KIB));
  let largest = 0;
  for (let at = 0; at < stream.length;) {
    const space = framer.space();
    largest = Math.max(largest, framer.capacity);
    assert(
      framer.capacity <= Math.max(4 * KIB, 2 * at),
      `${framer.capacity} bytes of memory for ${at} received`,
    );
    const length = Math.min(space.length, 1000, stream.length - at);
    space.set(stream.subarray(at, at + length));
    framer.received(length);
    at += length;
  }
  assert(framer.next());
  assertEquals(framer.end - framer.start, KIB * KIB);
  assert(largest >= KIB * KIB);
  framer.space();
  assertEquals(framer.capacity, 64 * KIB);
});

Deno.test("large records use the buffer of the last one again", () => {
  const pool = new BufferPool();
  const framer = new RecordFramer({ pool });
  const stream = whole(new Uint8Array(KIB * KIB).fill(1));
  feed(framer, stream);
  const first = framer.bytes;
  framer.space();
  assert(pool.kept >= first.length);
  feed(framer, stream);
  assertEquals(framer.bytes === first, true);
});

Deno.test("a pinned record stays as it is until it is unpinned", () => {
  const pool = new BufferPool();
  const framer = new RecordFramer({ pool });
  feed(framer, whole(text("kept")));
  const { bytes, start, end } = framer;
  const buffer = framer.pin();
  const filler = whole(new Uint8Array(3000).fill(0xff));
  for (let i = 0; i < 100; i++) feed(framer, filler);
  assertEquals(bytes.subarray(start, end), text("kept"));
  assertEquals(framer.pinned, 4 * KIB);
  framer.unpin(buffer);
  assertEquals(framer.pinned, 0);
});

Deno.test("the start of the next record survives a pinned one before it", () => {
  const framer = new RecordFramer();
  const next = text("b".repeat(5000));
  const stream = concat([whole(text("a".repeat(3000))), whole(next)]);
  const space = framer.space();
  space.set(stream.subarray(0, space.length));
  framer.received(space.length);
  assert(framer.next());
  const { bytes, start, end } = framer;
  framer.pin();
  assertEquals(feed(framer, stream.subarray(space.length)), [next]);
  assertEquals(bytes.subarray(start, end), text("a".repeat(3000)));
});

Deno.test("a released buffer goes back once nothing pins it", () => {
  const pool = new BufferPool();
  const framer = new RecordFramer({ pool });
  feed(framer, whole(new Uint8Array(200 * KIB)));
  const buffer = framer.pin();
  framer.release();
  const before = pool.kept;
  framer.unpin(buffer);
  assertEquals(pool.kept, before + buffer.bytes.length);
});

Deno.test("an abandoned buffer is neither used again nor counted, whoever else pins it", () => {
  const pool = new BufferPool();
  const framer = new RecordFramer({ pool });
  feed(framer, whole(new Uint8Array(200 * KIB)));
  const buffer = framer.pin();
  framer.pin();
  framer.abandon(buffer);
  assertEquals(framer.pinned, buffer.bytes.length);
  framer.unpin(buffer);
  assertEquals(framer.pinned, 0);
  const kept = pool.kept;
  feed(framer, whole(text("next")));
  assert(framer.bytes !== buffer.bytes);
  framer.release();
  assertEquals(pool.kept, kept);
});

Deno.test("the pool keeps no more than it may", () => {
  const pool = new BufferPool({ maxKept: 128 * KIB });
  for (const size of [64, 64, 64, 256, 4]) pool.give(pool.take(size * KIB));
  assertEquals(pool.kept, 64 * KIB);
  const taken = [64, 64, 64].map((size) => pool.take(size * KIB));
  for (const buffer of taken) pool.give(buffer);
  assertEquals(pool.kept, 128 * KIB);
});

Deno.test("a large buffer that is kept is taken before it is full where there is room, and else doubled", () => {
  for (const isRoomy of [true, false]) {
    const pool = new BufferPool({ isRoomy: () => isRoomy });
    pool.give(pool.take(2048 * KIB));
    const framer = new RecordFramer({ pool });
    feed(framer, whole(new Uint8Array(200 * KIB)).subarray(0, 80 * KIB));
    framer.space();
    assertEquals(framer.capacity, (isRoomy ? 2048 : 128) * KIB);
  }
});

Deno.test("random records in random fragments and reads come out unchanged", () => {
  const random = seededRandom(5531);
  for (let round = 0; round < 60; round++) {
    const pool = new BufferPool();
    const framer = new RecordFramer({ pool });
    const payloads = Array.from({ length: between(random, 1, 12) }, () => {
      const size = [20, 300, 9000, 70_000, 300_000][between(random, 0, 4)]!;
      return randomBytes(random, between(random, 0, size));
    });
    const stream = concat(payloads.map((payload) => {
      const sizes = Array.from(
        { length: between(random, 0, 5) },
        () => between(random, 0, payload.length / 3),
      );
      return fragments(payload, sizes);
    }));
    const most = between(random, 1, 3) === 1 ? 700 : 100_000;
    const pins: { view: Uint8Array; copy: Uint8Array; unpin(): void }[] = [];
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length;) {
      const space = framer.space();
      const length = Math.min(
        space.length,
        stream.length - at,
        between(random, 1, most),
      );
      space.set(stream.subarray(at, at + length));
      at += length;
      framer.received(length);
      while (framer.next()) {
        const view = framer.bytes.subarray(framer.start, framer.end);
        found.push(view.slice());
        if (random() < 0.3) {
          const buffer = framer.pin();
          const unpin = () => framer.unpin(buffer);
          pins.push({ view, copy: view.slice(), unpin });
        }
      }
      if (random() < 0.3 && pins.length > 0) {
        const pin = pins.splice(between(random, 0, pins.length - 1), 1)[0]!;
        assertEquals(pin.view, pin.copy);
        pin.unpin();
      }
    }
    assertEquals(found.length, payloads.length);
    found.forEach((record, i) => assertEquals(record, payloads[i]));
    for (const pin of pins) {
      assertEquals(pin.view, pin.copy);
      pin.unpin();
    }
    assertEquals(framer.pinned, 0);
  }
});
