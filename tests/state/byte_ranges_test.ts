import { assertEquals } from "@std/assert";
import {
  ByteRanges,
  LAST_BYTE,
  lengthOf,
  type Span,
  spanOf,
} from "../../src/state/byte_ranges.ts";

interface Owner {
  readonly name: string;
}

interface TestHolder {
  readonly owner: Owner;
}

function span(start: number, last: number): Span {
  return { start: BigInt(start), last: BigInt(last) };
}

/** Small numbers that look random and are the same in each run. */
function numbers(seed: number): (below: number) => number {
  return (below) => {
    seed = Math.imul(seed, 1_664_525) + 1_013_904_223 | 0;
    return (seed >>> 8) % below;
  };
}

Deno.test("spanOf: lengths and ends (RFC 8881 18.10.3)", () => {
  assertEquals(spanOf(0n, 0n), undefined);
  assertEquals(spanOf(5n, 3n), span(5, 7));
  assertEquals(spanOf(5n, LAST_BYTE), { start: 5n, last: LAST_BYTE });
  assertEquals(spanOf(1n, LAST_BYTE - 1n), { start: 1n, last: LAST_BYTE - 1n });
  assertEquals(spanOf(2n, LAST_BYTE - 1n), undefined);
  assertEquals(lengthOf(span(5, 7)), 3n);
  assertEquals(lengthOf({ start: 9n, last: LAST_BYTE }), LAST_BYTE);
});

Deno.test("ByteRanges does what an array of bytes does", () => {
  const BYTES = 24;
  for (let seed = 1; seed <= 60; seed++) {
    const next = numbers(seed);
    const owners = ["a", "b", "c"].map((name) => ({ name }));
    // Two holders an owner: the same process by way of two opens.
    const holders = owners.flatMap((owner) => [{ owner }, { owner }]);
    const ranges = new ByteRanges<Owner, TestHolder>();
    const model = holders.map(() => new Array<string>(BYTES).fill("-"));
    const ofOwner = (owner: Owner, byte: number) =>
      holders.map((holder, i) =>
        holder.owner === owner ? model[i]![byte] : "-"
      );
    let size = 0;
    for (let step = 0; step < 120; step++) {
      const index = next(holders.length);
      const holder = holders[index]!;
      const start = next(BYTES);
      const last = start + next(BYTES - start);
      const write = next(2) === 0;
      const action = next(8);
      if (action < 5) {
        const expected = owners.some((owner) => {
          if (owner === holder.owner) return false;
          for (let byte = start; byte <= last; byte++) {
            const held = ofOwner(owner, byte);
            if (held.includes("w") || write && held.includes("r")) return true;
          }
          return false;
        });
        const conflict = ranges.conflict(
          holder.owner,
          span(start, last),
          { write },
        );
        assertEquals(conflict !== undefined, expected, `${seed} ${step}`);
        if (conflict) continue;
        const growth = ranges.growth(holder, span(start, last), write);
        const more = ranges.lock(holder, span(start, last), write);
        assertEquals(growth, more, `${seed} ${step}`);
        size += more;
        holders.forEach((other, i) => {
          if (other.owner === holder.owner) {
            model[i]!.fill("-", start, last + 1);
          }
        });
        model[index]!.fill(write ? "w" : "r", start, last + 1);
      } else if (action < 7) {
        size += ranges.unlock(holder.owner, span(start, last));
        holders.forEach((other, i) => {
          if (other.owner === holder.owner) {
            model[i]!.fill("-", start, last + 1);
          }
        });
      } else {
        size -= ranges.release(holder);
        model[index]!.fill("-");
      }
      // As many ranges as there are runs: neighbours were joined.
      const runs = model.map((bytes) =>
        bytes.join("").match(/r+|w+/g)?.length ?? 0
      );
      const total = runs.reduce((sum, count) => sum + count, 0);
      assertEquals(ranges.size, total, `${seed} ${step}`);
      assertEquals(size, total, `${seed} ${step}`);
      holders.forEach((holder, i) =>
        assertEquals(ranges.isHeldBy(holder), runs[i]! > 0, `${seed} ${step}`)
      );
    }
  }
});

Deno.test("ByteRanges joins and splits at the last byte there is", () => {
  const holder = { owner: { name: "a" } };
  const ranges = new ByteRanges<Owner, TestHolder>();
  ranges.lock(holder, { start: LAST_BYTE - 4n, last: LAST_BYTE }, true);
  ranges.lock(holder, { start: 0n, last: LAST_BYTE - 5n }, true);
  assertEquals(ranges.size, 1);
  assertEquals(ranges.unlock(holder.owner, { start: 9n, last: 9n }), 1);
  const rest = { start: 10n, last: LAST_BYTE };
  assertEquals(ranges.unlock(holder.owner, rest), -1);
  assertEquals(ranges.unlock(holder.owner, { start: 0n, last: LAST_BYTE }), -1);
  assertEquals(ranges.size, 0);
});

Deno.test("ByteRanges: ten thousand locks and as many readers of one range are quick", () => {
  const ranges = new ByteRanges<Owner, TestHolder>();
  const holders = Array.from(
    { length: 10_000 },
    (_, i) => ({ owner: { name: `${i}` } }),
  );
  const begin = performance.now();
  holders.forEach((holder, i) => {
    const own = span(i * 10, i * 10 + 4);
    assertEquals(
      ranges.conflict(holder.owner, own, { write: true }),
      undefined,
    );
    ranges.lock(holder, own, true);
    const shared = span(1_000_000, 2_000_000);
    assertEquals(
      ranges.conflict(holder.owner, shared, { write: false }),
      undefined,
    );
    ranges.lock(holder, shared, false);
  });
  assertEquals(ranges.size, 20_000);
  const stranger = { name: "stranger" };
  const hit = ranges.conflict(stranger, span(50_003, 50_008), { write: false });
  assertEquals(hit?.start, 50_000n);
  for (const holder of holders) ranges.release(holder);
  assertEquals(ranges.size, 0);
  // A list that is walked at each step would take minutes.
  assertEquals(performance.now() - begin < 5_000, true);
});
