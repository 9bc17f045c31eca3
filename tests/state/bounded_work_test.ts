/** What one request may cost, however much a client holds: counted, not timed. */

import { assert, assertEquals } from "@std/assert";
import { ByteRanges } from "../../src/state/byte_ranges.ts";
import { EffectQueue, type Piecework } from "../../src/state/effects.ts";

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
    while (!later[0].next().done) pieces++;
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
