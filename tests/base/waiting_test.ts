import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../src/base/awaitable.ts";
import {
  after,
  calling,
  GivenUp,
  type OngoingCall,
  ongoingCall,
} from "../../src/base/ongoing_call.ts";
import { every, sleep, withTimeout } from "../../src/base/timers.ts";
import { FakeClock } from "../support/fake_clock.ts";

function* sum(...values: Awaitable<number>[]): Steps<number> {
  let sum = 0;
  for (const value of values) sum += yield* wait(value);
  return sum;
}

function* recovered(value: Awaitable<number>): Steps<string> {
  try {
    return `${yield* wait(value)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const later = async (value: number): Promise<number> => {
  await undefined;
  return value;
};

Deno.test("steps that have nothing to wait for are taken at once", () => {
  assertEquals(take(sum()), 0);
  assertEquals(take(sum(1, 2, 3)), 6);
});

Deno.test("steps go on with what a promise comes to", async () => {
  const taken = take(sum(1, later(2), 3, later(4)));
  assertEquals(taken instanceof Promise, true);
  assertEquals(await taken, 10);
});

Deno.test("steps of several, all under way, keep their own values", async () => {
  const each = [1, 2, 3].map((n) => take(sum(n, later(n), n)));
  assertEquals(await Promise.all(each), [3, 6, 9]);
});

Deno.test("what rejects is thrown where it was waited for", async () => {
  const failed = Promise.reject(new Error("no"));
  assertEquals(await take(recovered(failed)), "no");
  assertEquals(await take(recovered(later(1))), "1");
});

Deno.test("what steps throw is thrown at once, or rejects later", async () => {
  function* failing(value: Awaitable<number>): Steps<number> {
    yield* wait(value);
    throw new Error("no");
  }
  assertThrows(() => take(failing(1)), Error, "no");
  await assertRejects(
    () => Promise.resolve(take(failing(later(1)))),
    Error,
    "no",
  );
});

Deno.test("what a call begins at once hears that it is given up, and what goes on later does not", async () => {
  const seen: (OngoingCall | undefined)[] = [];
  let given: OngoingCall | undefined;
  await calling(async () => {
    seen.push(ongoingCall(), ongoingCall());
    calling(() => void seen.push(ongoingCall()), (work) => work);
    seen.push(ongoingCall());
    await undefined;
    seen.push(ongoingCall());
  }, (work, ongoing) => {
    given = ongoing;
    return work;
  });
  const [first, second, inner, third, later] = seen;
  assertEquals(first !== undefined && first === given, true);
  assertEquals([second === first, third === first], [true, true]);
  assertEquals([inner === first, later], [false, undefined]);
  let heard = 0;
  given!.whenGivenUp(() => heard++);
  given!.whenGivenUp(() => heard++)();
  given!.giveUp();
  assertEquals(heard, 1);
  assertEquals(ongoingCall(), undefined);
});

Deno.test("what a call does after a wait is part of it, and is not done where it was given up by then", async () => {
  for (const isGivenUp of [false, true]) {
    const gate = Promise.withResolvers<void>();
    const seen: (OngoingCall | undefined)[] = [];
    let given: OngoingCall | undefined;
    const see = () => void seen.push(ongoingCall());
    const work = calling(
      () => after(undefined, () => after(gate.promise, see)),
      (work, ongoing) => {
        given = ongoing;
        return work;
      },
    );
    if (isGivenUp) given!.giveUp();
    gate.resolve();
    if (isGivenUp) await assertRejects(async () => await work, GivenUp);
    else await work;
    assertEquals(seen, isGivenUp ? [] : [given]);
    // Of no call there is nothing to be given up.
    await after(gate.promise, see);
    assertEquals(seen.at(-1), undefined);
  }
});

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
