import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "./fake_clock.ts";
import { SeededRandom } from "./seeded_random.ts";

Deno.test("timers run at their own moments, in order, those set meanwhile too", () => {
  const clock = new FakeClock(0);
  const log: [string, number][] = [];
  const note = (name: string) => () => void log.push([name, clock.now()]);
  clock.schedule(note("b"), 20);
  clock.schedule(() => {
    note("a")();
    clock.schedule(note("c"), 15);
  }, 10);
  const cancel = clock.schedule(note("never"), 5);
  clock.schedule(note("later"), 31);
  cancel();
  clock.advance(30);
  assertEquals(log, [["a", 10], ["b", 20], ["c", 25]]);
  assertEquals([clock.now(), clock.pending], [30, 1]);
});

Deno.test("what sleeps wakes in time or is aborted, and leaves no timer", async () => {
  const clock = new FakeClock(0);
  const controller = new AbortController();
  const woken: number[] = [];
  const sleeper = async () => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10);
      woken.push(clock.now());
    }
  };
  const done = sleeper();
  const aborted = clock.sleep(1000, controller.signal);
  await clock.advanceAsync(30);
  await done;
  assertEquals(woken, [10, 20, 30]);
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals(clock.pending, 0);
});

Deno.test("the same seed gives the same numbers, another seed others", () => {
  const first = new SeededRandom(7);
  const numbers = Array.from({ length: 100 }, () => first.uint32());
  const second = new SeededRandom(7);
  assertEquals(Array.from({ length: 100 }, () => second.uint32()), numbers);
  assertEquals(new Set(numbers).size, 100);
  assertEquals(new SeededRandom(8).uint32() === numbers[0], false);
  const small = Array.from({ length: 1000 }, () => first.below(10));
  assertEquals(new Set(small).size, 10);
  assertEquals(first.shuffle([1, 2, 3, 4]).sort(), [1, 2, 3, 4]);
});
