import { assert, assertEquals } from "@std/assert";
import { spreadOf, WideMap } from "../../src/state/wide_map.ts";

const N = 100_000;

Deno.test("a wide map has what a Map has, few entries or many, while entries come and go", () => {
  const wide = new WideMap<string, number>(spreadOf);
  const plain = new Map<string, number>();
  let random = 1;
  for (let i = 0; i < N; i++) {
    random = Math.imul(random, 48_271) >>> 0;
    const key = `key ${random % 10_000}`;
    if (random % 5 === 0) assertEquals(wide.delete(key), plain.delete(key));
    else {
      wide.set(key, i);
      plain.set(key, i);
    }
    assertEquals([wide.size, wide.get(key), wide.has(key)], [
      plain.size,
      plain.get(key),
      plain.has(key),
    ]);
  }
  const sorted = (values: Iterable<number>) =>
    [...values].sort((a, b) => a - b);
  assertEquals(sorted(wide.values()), sorted(plain.values()));
});

Deno.test("all values are met once, though each is removed when it is met", () => {
  const wide = new WideMap<number, number>((key) => key);
  for (let i = 0; i < N; i++) wide.set(i, i);
  const met = new Set<number>();
  for (const value of wide.values()) {
    met.add(value);
    wide.delete(value);
  }
  assertEquals([met.size, wide.size], [N, 0]);
});

Deno.test("names that differ at their ends are spread, and so are filehandles and numbers", () => {
  const kinds: ((n: number) => number)[] = [
    (n) => spreadOf(`open id: ${n}`),
    (n) => spreadOf(`owner\0\0\0${String.fromCharCode(n >> 8, n & 0xff)}`),
    (n) => spreadOf(n.toString(16).padStart(32, "0")),
    (n) => n,
  ];
  for (const kind of kinds) {
    const parts = new Array(32).fill(0);
    for (let n = 0; n < 64_000; n++) parts[kind(n) & 31]++;
    assert(Math.max(...parts) < 5_000, parts.join());
  }
});

Deno.test("no entry that is added moves more than some hundred others", () => {
  let asked = 0;
  const wide = new WideMap<number, number>((key) => (asked++, key));
  for (let i = 0; i < N; i++) {
    asked = 0;
    wide.set(i, i);
    assert(asked < 600, `${asked} at entry ${i}`);
  }
});
