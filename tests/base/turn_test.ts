import { assert, assertEquals } from "@std/assert";
import type { Asker } from "../../src/base/asker.ts";
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

/** Those that ask for turns all the time, to do so many milliseconds of work in each. */
class Crowd implements AsyncDisposable {
  /** Turns that they had. */
  turns = 0;
  #isOver = false;
  readonly #all: Promise<void>[];

  constructor(
    turn: LoopTurn,
    { takers, ms }: { takers: readonly Asker[]; ms: number },
  ) {
    this.#all = takers.map(async (who) => {
      while (true) {
        await turn.next(who);
        if (this.#isOver) return;
        this.turns++;
        work(ms);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#all);
  }
}

let made = 0;

/** One of a party of its own. */
function alone(): Asker {
  return { party: `${made++}` };
}

/** So many, each of a party of its own. */
function strangers(count: number): Asker[] {
  return Array.from({ length: count }, alone);
}

/** So many of one party. */
function friends(count: number): Asker[] {
  const { party } = alone();
  return Array.from({ length: count }, () => ({ party }));
}

/** How many turns a crowd has until `who` had ten, of a slice each. */
async function turnsBeside(crowd: Asker[], who: Asker) {
  const turn = new LoopTurn(4);
  await using others = new Crowd(turn, { takers: crowd, ms: 4 });
  await turn.next(who);
  const before = others.turns;
  for (let i = 0; i < 10; i++) {
    work(4);
    await turn.next(who);
  }
  return others.turns - before;
}

Deno.test("three hundred connections of a party have as many turns as the one of another, together", async () => {
  const meanwhile = await turnsBeside(friends(300), alone());
  assert(meanwhile <= 20, `${meanwhile} of the other party`);
});

Deno.test("the connections of one party share its turns evenly", async () => {
  const [one, ...others] = friends(6);
  const meanwhile = await turnsBeside(others, one!);
  assert(meanwhile >= 30 && meanwhile <= 80, `${meanwhile} of the others`);
});

Deno.test("a connection that has little to do waits for few of many others of its party", async () => {
  const turn = new LoopTurn(4);
  const [quiet, ...busy] = friends(51);
  await using crowd = new Crowd(turn, { takers: busy, ms: 1 });
  await turn.next(quiet);
  const before = crowd.turns;
  for (let i = 0; i < 15; i++) await turn.next(quiet);
  const meanwhile = crowd.turns - before;
  assert(meanwhile <= 300, `${meanwhile} of others`);
});

Deno.test("work of no party's has turns as one party, however much of it waits", async () => {
  const turn = new LoopTurn(4);
  const one = alone();
  let turns = 0;
  let isOver = false;
  const works = Array.from({ length: 50 }, async () => {
    while (true) {
      await turn.next();
      if (isOver) return;
      turns++;
      work(4);
    }
  });
  await turn.next(one);
  turns = 0;
  for (let i = 0; i < 10; i++) {
    work(4);
    await turn.next(one);
  }
  const meanwhile = turns;
  isOver = true;
  await Promise.all(works);
  assert(meanwhile <= 20, `${meanwhile} of that work`);
});

Deno.test("who has little to do waits for few of many that have much", async () => {
  const turn = new LoopTurn(4);
  await using crowd = new Crowd(turn, { takers: strangers(50), ms: 1 });
  const quiet = alone();
  await turn.next(quiet);
  const before = crowd.turns;
  for (let i = 0; i < 15; i++) await turn.next(quiet);
  const meanwhile = crowd.turns - before;
  // 750, if all had as many; a slice each time, and more where the machine is busy.
  assert(meanwhile <= 300, `${meanwhile} of others`);
});

Deno.test("a hundred pieces of work of one have no more turns together than the one of another", async () => {
  const turn = new LoopTurn(4);
  const one = alone();
  const hundred = Array.from({ length: 100 }, () => one);
  await using crowd = new Crowd(turn, { takers: hundred, ms: 1 });
  const another = alone();
  await turn.next(another);
  const before = crowd.turns;
  for (let i = 0; i < 20; i++) {
    work(1);
    await turn.next(another);
  }
  const meanwhile = crowd.turns - before;
  assert(meanwhile <= 300, `${meanwhile} of the other`);
});

Deno.test("who has taken long once is not kept waiting for as long", async () => {
  const turn = new LoopTurn(4);
  await using crowd = new Crowd(turn, { takers: strangers(5), ms: 1 });
  const long = alone();
  await turn.next(long);
  work(60);
  const before = crowd.turns;
  await turn.next(long);
  const meanwhile = crowd.turns - before;
  assert(meanwhile <= 150, `${meanwhile} of others`);
});

Deno.test("who comes for the first time waits for few of many that have much", async () => {
  const turn = new LoopTurn(4);
  await using crowd = new Crowd(turn, { takers: strangers(50), ms: 1 });
  await turn.next(alone());
  const before = crowd.turns;
  for (let i = 0; i < 10; i++) await turn.next(alone());
  const meanwhile = crowd.turns - before;
  assert(meanwhile <= 250, `${meanwhile} of others`);
});

Deno.test("who comes anew each time keeps nobody waiting for ever", async () => {
  const turn = new LoopTurn(4);
  let turns = 0;
  let isOver = false;
  const anew = Array.from({ length: 5 }, async () => {
    for (; turns < 2_000 && !isOver; turns++) {
      await turn.next(alone());
      work(0.4);
    }
  });
  const steady = alone();
  for (let i = 0; i < 10; i++) {
    await turn.next(steady);
    work(0.4);
  }
  isOver = true;
  await Promise.all(anew);
  assert(turns <= 500, `${turns} of those`);
});
