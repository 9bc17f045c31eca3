/** Tables that find one of many: by stateid, and by name. */

import { assert, assertEquals } from "@std/assert";
import type { Client } from "../../src/state/client.ts";
import type { FileState } from "../../src/state/file_states.ts";
import {
  type HeldState,
  LockingState,
  StateidTable,
} from "../../src/state/stateids.ts";
import { spreadOf, WideMap } from "../../src/state/wide_map.ts";
import { knownRandom } from "./fixture.ts";

class Plain extends LockingState {
  readonly kind = "delegation";
}

/** A state of no client and no file: the table looks at neither. */
function plain(table: StateidTable): HeldState {
  const held = new Plain(table, {} as Client, {} as FileState);
  const state = held as LockingState as HeldState;
  table.add(state);
  return state;
}

Deno.test("StateidTable finds what it gave out, byte for byte, and nothing else", () => {
  const table = new StateidTable({ boot: 0xdead_beef, random: knownRandom() });
  const states = Array.from({ length: 20_000 }, () => plain(table));
  assertEquals(table.size, 20_000);
  for (const state of states) assert(table.find(state.other) === state);
  const { other } = states[0]!;
  for (let byte = 0; byte < 12; byte++) {
    const wrong = other.slice();
    wrong[byte]! ^= 0x20;
    assertEquals(table.find(wrong), undefined, `byte ${byte}`);
  }
  for (const state of states) table.remove(state);
  assertEquals(table.size, 0);
  assertEquals(table.find(other), undefined);
});

Deno.test("StateidTable draws again when a key is taken", () => {
  let draws = 0;
  // The same 30 bits for the first two draws.
  const random = (length: number) => {
    const bytes = new Uint8Array(length).fill(7);
    for (let i = 16; i < length; i++) bytes[i] = 8 + (++draws & 63);
    return bytes;
  };
  const table = new StateidTable({ boot: 1, random });
  const [one, two] = [plain(table), plain(table)];
  assert(table.find(one.other) === one);
  assert(table.find(two.other) === two);
});

Deno.test("stateids name the server's start, and are never special (RFC 7530 9.1.4, RFC 8881 8.2.3)", () => {
  for (const [boot, fill] of [[0, 0], [0xffff_ffff, 0xff], [5, 3]] as const) {
    let filled = fill;
    const random = (length: number) => new Uint8Array(length).fill(filled++);
    const table = new StateidTable({ boot, random });
    const { other } = plain(table);
    assertEquals(table.isOfOtherBoot(other), false);
    assert(other[11] !== 0 && other[11] !== 0xff);
    const foreign = other.slice();
    foreign[3]! ^= 1;
    assertEquals(table.isOfOtherBoot(foreign), true);
  }
});

Deno.test("the seqid of a stateid wraps from 2^32 - 1 to 1 (RFC 8881 8.2.2, RFC 7530 9.1.3)", () => {
  const table = new StateidTable({ boot: 1, random: knownRandom() });
  const state = plain(table);
  state.seqid = 0xffff_ffff;
  assertEquals(state.checkSeqid(0xffff_fffe), 10024);
  state.bump();
  assertEquals(state.seqid, 1);
  assertEquals(state.checkSeqid(1), 0);
  assertEquals(state.checkSeqid(0xffff_ffff), 10024);
  assertEquals(state.checkSeqid(2), 10025);
});

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
