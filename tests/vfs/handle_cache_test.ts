import { assertEquals } from "@std/assert";
import { HandleCache } from "../../src/vfs/handle_cache.ts";

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
