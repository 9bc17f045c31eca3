import { assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { Client } from "../../src/state/client.ts";
import type { Piecework } from "../../src/state/effects.ts";
import { GRACE_EXTENSION_MS, GracePeriod } from "../../src/state/grace.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { FakeClock, LEASE, StateFixture } from "./fixture.ts";

function client(protocol: 0 | 1, owner = 1): Client {
  return new Client({
    id: 1n,
    protocol,
    owner: new Uint8Array([owner]),
    verifier: new Uint8Array(8),
    principal: "none",
    party: "",
    account: new StateBudget().account(""),
    renewedAt: 0,
  });
}

function reclaimed(protocol: 0 | 1): Client {
  const done = client(protocol);
  done.isReclaimComplete = true;
  return done;
}

Deno.test("without a grace period reclaims are NO_GRACE and the rest is OK (RFC 8881 8.4.2.1)", () => {
  const grace = new GracePeriod({ clock: new FakeClock() });
  assertEquals(grace.isActive, false);
  assertEquals(grace.checkReclaim(client(0)), Status.NO_GRACE);
  assertEquals(grace.checkReclaim(client(1)), Status.NO_GRACE);
  assertEquals(grace.checkNew(client(0)), Status.OK);
  assertEquals(grace.checkNew(reclaimed(1)), Status.OK);
});

Deno.test("before RECLAIM_COMPLETE nothing new is given in NFSv4.1 (RFC 8881 18.51.3)", () => {
  const grace = new GracePeriod({ clock: new FakeClock() });
  assertEquals(grace.checkNew(client(1)), Status.GRACE);
});

Deno.test("during the grace period reclaims are OK and the rest is GRACE (RFC 8881 8.4.2.1, RFC 7530 9.6.2)", () => {
  const grace = new GracePeriod({ clock: new FakeClock(), durationMs: 1_000 });
  assertEquals(grace.checkReclaim(client(0)), Status.OK);
  assertEquals(grace.checkReclaim(client(1)), Status.OK);
  assertEquals(grace.checkNew(client(0)), Status.GRACE);
  assertEquals(grace.checkNew(reclaimed(1)), Status.GRACE);
});

Deno.test("after RECLAIM_COMPLETE a reclaim is NO_GRACE (RFC 8881 18.51.3)", () => {
  const grace = new GracePeriod({ clock: new FakeClock(), durationMs: 1_000 });
  assertEquals(grace.checkReclaim(reclaimed(1)), Status.NO_GRACE);
});

Deno.test("the grace period ends with its time or early, and is told of once", () => {
  const clock = new FakeClock();
  let ended = 0;
  function* onEnd(): Piecework {
    ended++;
    yield 1;
  }
  const grace = new GracePeriod({ clock, durationMs: 1_000, onEnd });
  clock.advance(999);
  assertEquals(grace.isActive, true);
  clock.advance(1);
  assertEquals([grace.isActive, ended], [false, 1]);
  grace.end();
  const early = new GracePeriod({ clock, durationMs: 1_000, onEnd });
  early.end();
  assertEquals([early.isActive, ended], [false, 2]);
});

Deno.test("each reclaim puts the end off a little, to twice the time at most (RFC 8881 8.4.2.1, RFC 7530 9.6.2)", () => {
  const clock = new FakeClock();
  const grace = new GracePeriod({ clock, durationMs: 60_000 });
  assertEquals(grace.checkReclaim(client(0)), Status.OK);
  // Early ones change nothing: the end is far.
  clock.advance(59_000);
  assertEquals(grace.checkReclaim(client(0)), Status.OK);
  clock.advance(GRACE_EXTENSION_MS - 1);
  assertEquals(grace.isActive, true);
  let lasted = 59_000 + GRACE_EXTENSION_MS - 1;
  while (grace.checkReclaim(client(0)) === Status.OK) {
    clock.advance(1_000);
    lasted += 1_000;
  }
  assertEquals([grace.isActive, lasted > 119_000, lasted <= 121_000], [
    false,
    true,
    true,
  ]);
});

Deno.test("what is refused, and what is no reclaim, does not put the end off", () => {
  const clock = new FakeClock();
  const grace = new GracePeriod({ clock, durationMs: 10_000 });
  clock.advance(9_000);
  assertEquals(grace.checkReclaim(reclaimed(1)), Status.NO_GRACE);
  assertEquals(grace.checkNew(client(0)), Status.GRACE);
  clock.advance(1_000);
  assertEquals(grace.isActive, false);
});

Deno.test("a short period is put off by no more than its own length", () => {
  const clock = new FakeClock();
  const grace = new GracePeriod({ clock, durationMs: 1_000 });
  clock.advance(999);
  assertEquals(grace.checkReclaim(client(0)), Status.OK);
  clock.advance(999);
  assertEquals(grace.isActive, true);
  clock.advance(2);
  assertEquals(grace.isActive, false);
});

Deno.test("records decide who may reclaim and hear who has (RFC 8881 8.4.2.1)", () => {
  const completed: Client[] = [];
  const acknowledged: Client[] = [];
  const grace = new GracePeriod({
    clock: new FakeClock(),
    durationMs: 1_000,
    records: {
      mayReclaim: (asks) => asks.owner[0] === 1,
      isOthers: () => false,
      admit: () => true,
      completed: (done) => void completed.push(done),
      acknowledged: (done) => void acknowledged.push(done),
    },
  });
  const [known, unknown] = [client(1, 1), client(1, 2)];
  assertEquals(grace.checkReclaim(known), Status.OK);
  assertEquals(grace.checkReclaim(unknown), Status.NO_GRACE);
  grace.complete(known);
  assertEquals(completed, [known]);
  grace.acknowledge(unknown);
  assertEquals(acknowledged, [unknown]);
});

Deno.test("nothing new is given to a client that can't be put on record", () => {
  let room = false;
  const grace = new GracePeriod({
    clock: new FakeClock(),
    records: {
      mayReclaim: () => false,
      isOthers: () => false,
      admit: () => room,
      completed: () => {},
      acknowledged: () => {},
    },
  });
  assertEquals(grace.checkNew(client(0)), Status.DELAY);
  room = true;
  assertEquals(grace.checkNew(client(0)), Status.OK);
});

Deno.test("the period is as long as it is to be from when clients can come", () => {
  const clock = new FakeClock();
  const grace = new GracePeriod({ clock, durationMs: 1_000 });
  clock.advance(5_000);
  grace.opened();
  clock.advance(999);
  assertEquals([grace.isActive, grace.takesReclaims], [true, true]);
  clock.advance(1);
  assertEquals(grace.isActive, false);
});

Deno.test("no lease runs out before clients can come", () => {
  const fixture = new StateFixture();
  const client = fixture.client();
  fixture.clock.advance(LEASE + 1);
  assertEquals(fixture.state.lease.isExpired(client), true);
  fixture.state.opened();
  assertEquals(fixture.state.lease.isExpired(client), false);
});
