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
