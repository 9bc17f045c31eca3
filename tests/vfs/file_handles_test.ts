import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { HandleCodec } from "../../src/vfs/file_handle.ts";
import { HandleCache } from "../../src/vfs/handle_cache.ts";

const key = Uint8Array.from({ length: 16 }, (_, i) => i);
const content = { exportId: 0xdeadbeef, identity: Uint8Array.of(1, 2, 3) };

Deno.test("a handle says what it was made of", () => {
  const codec = new HandleCodec(key);
  for (let length = 1; length <= 11; length++) {
    const identity = new Uint8Array(length).fill(length);
    const handle = codec.encode({ exportId: length, identity });
    assertEquals(handle.length, 32);
    assertEquals(codec.decode(handle), { exportId: length, identity });
  }
});

Deno.test("a handle of a long identity says what it was made of, each byte of which counts", () => {
  const codec = new HandleCodec(key);
  for (let length = 12; length <= 27; length++) {
    const identity = new Uint8Array(length).fill(length);
    const handle = codec.encode({ exportId: length, identity });
    assertEquals(handle.length, 48);
    assertEquals(codec.decode(handle), { exportId: length, identity });
    for (let i = 0; i < handle.length; i++) {
      const forged = handle.slice();
      forged[i]! ^= 1;
      assertEquals(codec.decode(forged), undefined, `byte ${i}`);
    }
    // A block more, or less, with the MAC that it would have by the other's.
    assertEquals(codec.decode(handle.subarray(0, 32)), undefined);
  }
});

Deno.test("a handle is the same on every start with the same key", () => {
  const [one, other] = [new HandleCodec(key), new HandleCodec(key)];
  one.encode({ exportId: 1, identity: Uint8Array.of(9) });
  assertEquals(one.encode(content), other.encode(content));
});

Deno.test("an identity is not taken for one with zeros behind it", () => {
  const codec = new HandleCodec(key);
  const longer = { ...content, identity: Uint8Array.of(1, 2, 3, 0) };
  assertNotEquals(codec.encode(content), codec.encode(longer));
  assertEquals(codec.decode(codec.encode(longer))?.identity.length, 4);
});

Deno.test("a handle with any bit changed, cut, or made with another key is none", () => {
  const codec = new HandleCodec(key);
  const handle = codec.encode(content);
  for (let bit = 0; bit < handle.length * 8; bit++) {
    const forged = handle.slice();
    forged[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(codec.decode(forged), undefined, `bit ${bit}`);
  }
  assertEquals(codec.decode(handle.subarray(0, 31)), undefined);
  assertEquals(codec.decode(new Uint8Array(128)), undefined);
  const stranger = new HandleCodec(new Uint8Array(16));
  assertEquals(stranger.decode(handle), undefined);
});

Deno.test("a handle may stand anywhere in a message", () => {
  const codec = new HandleCodec(key);
  const message = new Uint8Array(50);
  message.set(codec.encode(content), 9);
  const decoded = codec.decode(message.subarray(9, 41));
  message.fill(0);
  assertEquals(decoded, content);
});

Deno.test("keys and identities of a wrong size are errors of ours", () => {
  assertThrows(() => new HandleCodec(new Uint8Array(15)), RangeError);
  const codec = new HandleCodec(key);
  for (const length of [0, 28]) {
    const identity = new Uint8Array(length);
    assertThrows(() => codec.encode({ exportId: 1, identity }), RangeError);
  }
});

function entry(number: number): { handle: Uint8Array } {
  const handle = new Uint8Array(32);
  new DataView(handle.buffer).setUint32(28, number);
  return { handle };
}

Deno.test("what is asked for stays, what isn't goes", () => {
  const cache = new HandleCache(4);
  const entries = Array.from({ length: 12 }, (_, i) => entry(i));
  for (const one of entries) {
    cache.add(one);
    assertEquals(cache.get(entries[0]!.handle), entries[0]);
  }
  const left = entries.filter((one) => cache.get(one.handle) === one);
  assertEquals(left.includes(entries[0]!), true);
  assertEquals(left.length <= 8, true);
  assertEquals(cache.get(entries[1]!.handle), undefined);
});

Deno.test("entries of the same hash are told apart", () => {
  const cache = new HandleCache(4);
  const one = entry(1);
  const other = entry(1);
  other.handle[0] = 1;
  cache.add(one);
  assertEquals(cache.get(other.handle), undefined);
  cache.add(other);
  assertEquals(cache.get(other.handle), other);
  assertEquals(cache.get(one.handle), undefined);
});

Deno.test("what is deleted is gone from both generations", () => {
  const cache = new HandleCache(1);
  const one = entry(1);
  cache.add(one);
  cache.add(entry(2));
  assertEquals(cache.get(one.handle), one);
  cache.delete(one);
  assertEquals(cache.get(one.handle), undefined);
});

Deno.test("handles of other lengths are not there", () => {
  const cache = new HandleCache(1);
  assertEquals(cache.get(new Uint8Array(31)), undefined);
});
