import { assert, assertEquals } from "@std/assert";
import type { Client } from "../../src/state/client.ts";
import type { FileState } from "../../src/state/file_states.ts";
import {
  type HeldState,
  LockingState,
  StateidTable,
} from "../../src/state/stateids.ts";
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
