import { assertEquals } from "@std/assert";
import { PAUSE_MS, systemClock, wakingClock } from "../../src/base/clock.ts";
import { Lease } from "../../src/state/lease.ts";
import { FakeClock } from "../state/fixture.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { Client } from "../../src/state/client.ts";

Deno.test("a clock that is read often goes as its own does", () => {
  const own = new FakeClock();
  const clock = wakingClock(own);
  const begin = clock.now();
  for (let seconds = 0; seconds < 100; seconds++) {
    own.advance(1_000);
    clock.now();
  }
  own.advance(PAUSE_MS);
  assertEquals(clock.now() - begin, 100_000 + PAUSE_MS);
});

Deno.test("a clock that nobody read for long stood still, each time", () => {
  const own = new FakeClock();
  const clock = wakingClock(own);
  const begin = clock.now();
  for (const pause of [PAUSE_MS + 1, 60_000, 86_400_000]) {
    own.advance(pause);
    assertEquals(clock.now(), begin);
  }
  own.advance(1_500);
  assertEquals(clock.now(), begin + 1_500);
});

Deno.test("a timer of a clock that stood still rings as much later", () => {
  const own = new FakeClock();
  const clock = wakingClock(own);
  const rung: number[] = [];
  const begin = clock.now();
  clock.schedule(() => rung.push(clock.now() - begin), 10_000);
  const cancel = clock.schedule(() => rung.push(-1), 12_000);
  const live = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      own.advance(1_000);
      clock.now();
    }
  };
  live(4);
  // Nothing runs, and the machine's timers are late by that.
  own.skip(60_000);
  assertEquals(rung, []);
  live(5);
  assertEquals(rung, []);
  cancel();
  live(4);
  assertEquals(rung, [10_000]);
  assertEquals(own.pending, 0);
});

Deno.test("a lease goes on after a pause where it was, and then runs out", () => {
  const own = new FakeClock();
  const clock = wakingClock(own);
  const lease = new Lease(10_000, clock);
  const client = new Client({
    id: 1n,
    protocol: 1,
    owner: new Uint8Array(1),
    verifier: new Uint8Array(8),
    principal: "none",
    party: "",
    account: new StateBudget().account(""),
    renewedAt: clock.now(),
  });
  const live = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      own.advance(1_000);
      clock.now();
    }
    return lease.isExpired(client);
  };
  assertEquals(live(9), false);
  own.advance(3_600_000);
  assertEquals(lease.isExpired(client), false);
  assertEquals(live(1), false);
  assertEquals(live(1), true);
});

Deno.test("what is scheduled for a month, or for ever, does not happen at once", async () => {
  let calls = 0;
  for (const clock of [systemClock, wakingClock(systemClock)]) {
    for (const ms of [2 ** 31, 1e12, Infinity]) {
      const cancel = clock.schedule(() => calls++, ms);
      await new Promise((resolve) => setTimeout(resolve, 10));
      cancel();
    }
  }
  assertEquals(calls, 0);
});
