import { assert, assertEquals } from "@std/assert";
import { RecentMap } from "../../src/base/recent_map.ts";

Deno.test("a map of what was used lately keeps what is in use", () => {
  const map = new RecentMap<number, string>(10);
  for (let i = 0; i < 1000; i++) {
    map.set(i, String(i));
    assertEquals(map.get(0), "0");
    assertEquals(map.get(i), String(i));
  }
  assertEquals(map.get(500), undefined);
  map.delete(0);
  assertEquals(map.get(0), undefined);
  const heavy = new RecentMap<number, number>(100, { weigh: (it) => it });
  for (let i = 0; i < 50; i++) heavy.set(i, 30);
  const kept = Array.from({ length: 50 }, (_, i) => heavy.get(i))
    .filter((value) => value !== undefined).length;
  assert(kept >= 1 && kept <= 8, String(kept));
});

Deno.test("what leaves a map is asked whether it is to stay, once it is old", () => {
  const asked: number[] = [];
  const map = new RecentMap<number, number>(2, {
    keep: (value) => {
      asked.push(value);
      return value === 1;
    },
  });
  for (const value of [1, 2, 3, 4]) map.set(value, value);
  // In use, so it is young again and nobody asks after it.
  assertEquals(map.get(2), 2);
  assertEquals(asked, [1]);
  for (const value of [5, 6, 7]) map.set(value, value);
  assertEquals(asked, [1, 3, 4]);
  assertEquals([map.get(3), map.get(4), map.get(1)], [undefined, undefined, 1]);
});

Deno.test("a map tells what it forgets by age, and not what it is told to forget", () => {
  const evicted: [number, string][] = [];
  const map = new RecentMap<string, number>(2, {
    keep: (_, key) => key === "kept",
    evict: (value, key) => evicted.push([value, key]),
  });
  map.set("kept", 0);
  for (const [i, key] of ["a", "b", "c", "d"].entries()) map.set(key, i);
  map.delete("b");
  assertEquals([...map.keys()], ["c", "kept", "d"]);
  assertEquals(evicted, [[0, "a"]]);
});

Deno.test("a value that is set again stays young, and counts once", () => {
  const map = new RecentMap<string, number>(2);
  for (let i = 0; i < 10; i++) map.set("a", 1);
  map.set("b", 2);
  assertEquals([...map.keys()], ["a", "b"]);
  map.set("c", 3);
  map.set("a", 1);
  map.set("d", 4);
  assertEquals([...map.keys()], ["c", "a", "d"]);
});

Deno.test("of thousands that a map is to forget a few are told of whenever another comes", () => {
  let evicted = 0;
  const map = new RecentMap<number, number>(1_000, {
    evict: () => void evicted++,
  });
  let most = 0;
  for (let i = 0; i < 10_000; i++) {
    const before = evicted;
    map.set(i, i);
    most = Math.max(most, evicted - before);
    const held = [...map.keys()].length;
    assert(held <= 2_000, `${held} after ${i}`);
    assertEquals(held + evicted, i + 1);
  }
  assertEquals(most, 2);
});

Deno.test("what is about to leave a map stays where it is asked for", () => {
  const evicted: number[] = [];
  const map = new RecentMap<number, number>(10, {
    evict: (value) => evicted.push(value),
  });
  for (let i = 0; i < 21; i++) map.set(i, i);
  assertEquals(evicted, [0, 1]);
  assertEquals(map.get(5), 5);
  map.delete(6);
  for (let i = 21; i < 29; i++) map.set(i, i);
  assertEquals(map.get(5), 5);
  assertEquals(evicted, [0, 1, 2, 3, 4, 7, 8, 9]);
});
