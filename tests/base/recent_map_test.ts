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
