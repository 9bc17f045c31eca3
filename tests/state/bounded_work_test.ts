/** What one request may cost, however much a client holds: counted, not timed. */

import { assert, assertEquals } from "@std/assert";
import { ByteRanges } from "../../src/state/byte_ranges.ts";
import { EffectQueue, type Piecework } from "../../src/state/effects.ts";
import { addOpen } from "../../src/state/opens.ts";
import { addOpenOwner, OpenOwner } from "../../src/state/owners.ts";
import { fileRef, LEASE, StateFixture } from "./fixture.ts";

const N = 20_000;

interface Holder {
  readonly owner: object;
}

/** Every other byte locked by the holder itself, and one behind them by somebody else. */
function crowded(write: boolean) {
  const own: Holder = { owner: {} };
  const other: Holder = { owner: {} };
  const later: Piecework[] = [];
  const ranges = new ByteRanges<object, Holder>((work) => later.push(work));
  const at = (byte: number) => ({ start: BigInt(byte), last: BigInt(byte) });
  for (let i = 0; i < N; i++) ranges.lock(own, at(2 * i), write);
  ranges.lock(other, at(2 * N), write);
  return { ranges, own, other, later };
}

for (const write of [false, true]) {
  const kind = write ? "write" : "read";
  Deno.test(`behind ${N} ${kind} locks of one's own somebody else's is found in some hundred looks`, () => {
    const { ranges, own, other } = crowded(write);
    let looks = 0;
    // Whoever is asked for its start, or compared with a range, counts.
    const span = {
      start: 0n,
      get last() {
        looks++;
        return BigInt(4 * N);
      },
    };
    assertEquals(ranges.conflict(own.owner, span, true)?.holder, other);
    assert(looks < 200, `${looks} nodes`);
  });

  Deno.test(`unlocking ${N} ${kind} locks leaves them to be cleared away in pieces, and in nobody's way`, () => {
    const { ranges, own, other, later } = crowded(write);
    const all = { start: 0n, last: BigInt(4 * N) };
    assertEquals(ranges.unlock(own.owner, all), -N);
    assertEquals([ranges.size, ranges.isHeldBy(own)], [1, false]);
    assertEquals(later.length, 1);
    const behind = { start: BigInt(2 * N - 2), last: BigInt(2 * N - 2) };
    assertEquals(ranges.conflict(other.owner, behind, true), undefined);
    // Too many at once: whoever asks is put off.
    const found = ranges.conflict(other.owner, all, true);
    assertEquals(found?.isOver, true);
    let pieces = 0;
    while (!later[0]!.next().done) pieces++;
    assertEquals(pieces, N);
    assertEquals(ranges.conflict(other.owner, all, true), undefined);
  });
}

Deno.test("work in pieces is done some hundred at a time, in order", () => {
  const effects = new EffectQueue();
  const done: string[] = [];
  function* work(name: string): Piecework {
    for (let i = 0; i < N; i++) {
      done.push(name);
      yield 1;
    }
  }
  effects.begin(work("a"));
  effects.begin(work("b"));
  let turns = 1;
  while (effects.goOn()) {
    assert(done.length < (turns + 1) * 200, "no turn does it all");
    turns++;
  }
  assertEquals(done.length, 2 * N);
  assertEquals(done.indexOf("b"), N);
  assert(turns > 100);
});

Deno.test("work in pieces stops when the turn is over, and gets on by one at least", () => {
  const turn = { isOver: true };
  const effects = new EffectQueue(turn);
  let done = 0;
  function* work(): Piecework {
    for (let i = 0; i < 10; i++) {
      done++;
      yield 1;
    }
  }
  effects.begin(work());
  assertEquals(done, 1);
  assertEquals([effects.goOn(), done], [true, 2]);
  turn.isOver = false;
  assertEquals([effects.goOn(), done], [false, 10]);
});

Deno.test(`the end of a client with ${N} opens is nobody's wait: it is gone at once, and cleared away in pieces`, () => {
  const fixture = new StateFixture();
  const { state, effects } = fixture;
  const client = fixture.client();
  const file = state.files.obtain(fileRef("f"), client);
  for (let i = 0; i < N; i++) {
    const owner = new OpenOwner(client, `owner ${i}`);
    addOpenOwner(owner);
    addOpen(state, { owner, file, uid: 0 }).share(3, 0);
  }
  const { counts } = state.budget;
  const step = (act: () => unknown) => {
    const before = counts.open;
    act();
    assert(before - counts.open < 200, `${before - counts.open} in one turn`);
  };
  step(() => state.dropClient(client, "replaced"));
  const conflict = file.shares.conflict(0, 3);
  assertEquals(conflict?.isGone, true);
  let turns = 0;
  for (; effects.hasWork; turns++) step(() => effects.goOn());
  assert(turns > 50);
  assertEquals([counts.open, counts.owner, counts.file], [0, 0, 0]);
});

Deno.test("short of memory, as many lapsed clients go as make room, one after the other", () => {
  const fixture = new StateFixture({ maxStateBytes: 400_000, maxClients: 200 });
  const { state, clock, effects } = fixture;
  let clients = 0;
  for (; !state.budget.isTight; clients++) {
    fixture.hold(fixture.client(`client ${clients}`));
  }
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  while (effects.goOn());
  assertEquals(state.budget.isTight, false);
  const gone = fixture.events.filter((event) => event === "gone evicted");
  assert(gone.length > 0 && gone.length < 4, `${gone.length} of ${clients}`);
});

Deno.test("a sweep looks at some thousand clients and sessions in each turn", () => {
  const { state, effects, clock } = new StateFixture({ maxClients: 2 * N });
  const register = (i: number) => {
    const owner = new TextEncoder().encode(`client ${i}`);
    const terms = { protocol: 1, owner, principal: "sys:0" } as const;
    const verifier = new Uint8Array(8);
    return state.clients.register({ ...terms, verifier })!;
  };
  for (let i = 0; i < N; i++) state.confirmClient(register(i));
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  assert(state.clients.counts.courtesy < N / 2);
  let turns = 1;
  while (effects.goOn()) turns++;
  assert(turns > 4, `${turns} turns`);
  assertEquals(state.clients.counts.courtesy, N);
});

Deno.test("a sweep that is asked for while another goes on follows it", () => {
  const fixture = new StateFixture({ maxClients: 2 * N });
  const { state, effects, clock } = fixture;
  for (let i = 0; i < N; i++) fixture.client(`client ${i}`);
  state.sweep(clock.now());
  assertEquals(effects.hasWork, true);
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  while (effects.goOn());
  assertEquals(state.clients.counts.courtesy, N);
});
