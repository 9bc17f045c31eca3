import { assert, assertEquals } from "@std/assert";
import { LoopTurn } from "../../src/base/turn.ts";

/** Keeps the event loop for so many milliseconds. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Counts the timers that `use` starts. */
async function timersOf(use: () => Promise<unknown>): Promise<number> {
  const { setTimeout } = globalThis;
  let timers = 0;
  const counting = (...args: Parameters<typeof setTimeout>) => {
    timers++;
    return setTimeout(...args);
  };
  globalThis.setTimeout = counting as typeof setTimeout;
  try {
    await use();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return timers;
}

Deno.test("ten thousand that wait for a turn cost a turn no more than its slice", async () => {
  const turn = new LoopTurn(4);
  const timers = await timersOf(() =>
    Promise.all(Array.from({ length: 10_000 }, () => turn.next()))
  );
  assert(timers < 500, `${timers}`);
});

Deno.test("those that wait for a turn go on in the order in which they came, also while others come", async () => {
  const turn = new LoopTurn(1);
  const order: number[] = [];
  const wait = async (name: number, again: boolean) => {
    await turn.next();
    order.push(name);
    work(0.4);
    if (again) await wait(name + 100, false);
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => wait(i, true)));
  const sorted = (some: number[]) => some.toSorted((a, b) => a - b);
  assertEquals(order, sorted(order));
  assertEquals(order.length, 40);
});

Deno.test("a turn in which much was to be done ends after its slice", async () => {
  const turn = new LoopTurn(4);
  let most = 0;
  let since = 0;
  const waiters = Array.from({ length: 20 }, async () => {
    await turn.next();
    work(1.5);
    since += 1.5;
    most = Math.max(most, since);
  });
  const ticks = (async () => {
    for (let i = 0; i < 40; i++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      since = 0;
    }
  })();
  await Promise.all([...waiters, ticks]);
  assert(most <= 12, `${most} ms`);
});
