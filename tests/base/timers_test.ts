import { assertEquals, assertRejects } from "@std/assert";
import { every, sleep, withTimeout } from "../../src/base/timers.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("sleep ends in time or with its signal, and leaves no timer", async () => {
  const clock = new FakeClock(0);
  const woken: string[] = [];
  const ending = new AbortController();
  sleep(clock, 10).then(() => woken.push("in time"));
  sleep(clock, 20, ending.signal).then(() => woken.push("with its signal"));
  await sleep(clock, 1_000, AbortSignal.abort());
  await clock.advanceAsync(10);
  assertEquals(woken, ["in time"]);
  ending.abort();
  assertEquals(clock.pending, 0);
  await clock.advanceAsync(0);
  assertEquals(woken, ["in time", "with its signal"]);
});

Deno.test("every calls each time until it is ended, also by what it calls, and whatever that throws", () => {
  const clock = new FakeClock(0);
  const at: number[] = [];
  const end = every(clock, 10, () => {
    at.push(clock.now());
    if (at.length === 2) throw new Error("once");
    if (at.length === 3) end();
  });
  clock.advance(15);
  try {
    clock.advance(5);
  } catch {
    // As a timer of the machine would end the process.
  }
  clock.advance(100);
  assertEquals(at, [10, 20, 30]);
  assertEquals(clock.pending, 0);
});

Deno.test("withTimeout aborts in time, or with the signal, and leaves no timer", async () => {
  const clock = new FakeClock(0);
  const forever = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      const stop = () => reject(new Error("aborted"));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop);
    });
  const { signal } = new AbortController();
  const late = withTimeout(forever, { clock, ms: 10, signal });
  const seen = assertRejects(() => late, Error, "aborted");
  clock.advance(10);
  await seen;
  const aborted = AbortSignal.abort();
  await assertRejects(
    () => withTimeout(forever, { clock, ms: 10, signal: aborted }),
    Error,
    "aborted",
  );
  const done = () => Promise.resolve("done");
  assertEquals(await withTimeout(done, { clock, ms: 10, signal }), "done");
  assertEquals(clock.pending, 0);
});
