import { finish } from "../../src/state/effects.ts";
import { assertEquals } from "@std/assert";
import type { Client } from "../../src/state/client.ts";
import { looksOf } from "../support/looks.ts";
import { bytes, LEASE, StateFixture } from "./fixture.ts";

let names = 0;

/** A client from a party, confirmed where it is not said otherwise. */
function come(
  { state }: StateFixture,
  party: string,
  confirmed = true,
): Client | undefined {
  const client = state.clients.register({
    protocol: 1,
    owner: bytes(`client ${names++}`),
    verifier: new Uint8Array(8),
    principal: "sys:0",
    party,
  });
  if (confirmed && client !== undefined) state.confirmClient(client);
  return client;
}

/** As many clients from a party as like to come. */
function crowd(
  fixture: StateFixture,
  party: string,
  count: number,
): Client[] {
  return Array.from({ length: count }, () => come(fixture, party)!);
}

Deno.test("clients of one party leave room for those of others", () => {
  const fixture = new StateFixture({ maxClients: 100 });
  const many = crowd(fixture, "a", 200);
  // It has had its share, and made room among its own: the oldest went.
  assertEquals(fixture.state.clients.size, 75);
  assertEquals(many.findIndex((client) => !client.isGone), 125);
  crowd(fixture, "b", 18);
  assertEquals(many.filter((client) => !client.isGone).length, 75);
});

Deno.test("a full server takes a newcomer in place of who has no state, from the party with most of them", () => {
  const fixture = new StateFixture({ maxClients: 8 });
  const [quiet] = crowd(fixture, "quiet", 1);
  const many = crowd(fixture, "many", 5);
  const few = crowd(fixture, "few", 2);
  fixture.hold(many[0]!);
  const ended = fixture.hold(many[1]!);
  ended();
  assertEquals(come(fixture, "new") === undefined, false);
  assertEquals(
    many.map((client) => client.isGone),
    [0, 1, 2, 3, 4].map((i) => i === 2),
  );
  assertEquals([quiet!.isGone, few.some((client) => client.isGone)], [
    false,
    false,
  ]);
});

Deno.test("who holds state and has a lease is not thrown out, whoever comes", () => {
  const fixture = new StateFixture({ maxClients: 4 });
  for (const party of ["a", "b", "c", "d"]) {
    fixture.hold(come(fixture, party)!);
  }
  assertEquals(come(fixture, "e"), undefined);
  fixture.clock.advance(LEASE + 1);
  // Nobody has swept: a lease that ran out is known a second later at most.
  finish(fixture.state.clients.sweep(fixture.clock.now()));
  assertEquals(come(fixture, "e") === undefined, false);
  assertEquals(fixture.events.at(-2), "gone evicted");
});

Deno.test("who came back since the sweep is not taken for lapsed", () => {
  const fixture = new StateFixture({ maxClients: 2 });
  const a = come(fixture, "a")!;
  const b = come(fixture, "b")!;
  for (const client of [a, b]) fixture.hold(client);
  fixture.clock.advance(LEASE + 1);
  finish(fixture.state.clients.sweep(fixture.clock.now()));
  assertEquals(fixture.state.clients.counts.courtesy, 2);
  fixture.state.lease.renew(a);
  come(fixture, "c");
  assertEquals([a.isGone, b.isGone], [false, true]);
});

Deno.test("a flood of unconfirmed clients from one party evicts its own", () => {
  const fixture = new StateFixture({ maxClients: 100 });
  const slow = come(fixture, "slow", false)!;
  for (let i = 0; i < 1_000; i++) come(fixture, "flood", false);
  assertEquals(slow.isGone, false);
  assertEquals(fixture.state.clients.counts, {
    confirmed: 0,
    unconfirmed: 75 + 1,
    courtesy: 0,
  });
});

Deno.test("a flood of clients that confirm leaves others of their party time to confirm", () => {
  const fixture = new StateFixture({ maxClients: 1_000 });
  crowd(fixture, "a", 1_000);
  for (let round = 0; round < 3; round++) {
    const slow = come(fixture, "a", false)!;
    crowd(fixture, "a", 90);
    assertEquals(slow.isGone, false);
    fixture.state.confirmClient(slow);
  }
});

Deno.test("a flood of clients that never confirm takes an eighth of the idle ones of their party, and leaves others time", () => {
  const fixture = new StateFixture({ maxClients: 1_000 });
  const idle = crowd(fixture, "a", 750);
  for (let i = 0; i < 5_000; i++) come(fixture, "a", false);
  assertEquals(idle.filter((client) => client.isGone).length, 94);
  const slow = come(fixture, "a", false)!;
  for (let i = 0; i < 90; i++) come(fixture, "a", false);
  assertEquals(slow.isGone, false);
});

Deno.test("who is about to confirm stays where several parties of idle clients fill the server", () => {
  const fixture = new StateFixture({ maxClients: 1_000 });
  const parties = ["a", "b", "c", "d", "e"];
  for (const party of parties) crowd(fixture, party, 1_000);
  const slow = come(fixture, "slow", false)!;
  for (let i = 0; i < 20; i++) come(fixture, `new ${i}`);
  assertEquals(slow.isGone, false);
  assertEquals(fixture.state.clients.size, 1_000);
});

Deno.test("who was heard of goes after those that were not", () => {
  const fixture = new StateFixture({ maxClients: 100 });
  const [mount] = crowd(fixture, "a", 1);
  crowd(fixture, "a", 74);
  for (let i = 0; i < 10; i++) {
    fixture.clock.advance(1);
    fixture.state.lease.renew(mount!);
    crowd(fixture, "a", 60);
  }
  assertEquals(mount!.isGone, false);
  fixture.clock.advance(1);
  crowd(fixture, "a", 75);
  assertEquals(mount!.isGone, true);
});

Deno.test("clients of a party that has all its memory make room among themselves", () => {
  const fixture = new StateFixture({
    maxClients: 1000,
    maxStateBytes: 500_000,
  });
  const many = crowd(fixture, "a", 500);
  assertEquals(many.some((client) => client === undefined), false);
  assertEquals(fixture.state.budget.used < 400_000, true);
  assertEquals(come(fixture, "b") === undefined, false);
});

Deno.test("however many users of the host hold clients, root's come in", () => {
  const fixture = new StateFixture({ maxClients: 32, keepsForRoot: true });
  const held = Array.from({ length: 40 }, (_, i) => {
    const client = come(fixture, `user ${100_000 + i}`);
    if (client !== undefined) fixture.hold(client);
    return client;
  });
  assertEquals(held.filter((client) => client !== undefined).length, 30);
  assertEquals(
    crowd(fixture, "user 0", 2).map((client) => client?.isGone),
    [false, false],
  );
});

Deno.test("at the limit a user of the host takes no client's place that is kept for root", () => {
  const fixture = new StateFixture({ maxClients: 32, keepsForRoot: true });
  const { clock, state } = fixture;
  const mounts = crowd(fixture, "user 0", 2);
  const lapsed = come(fixture, "user 1")!;
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  const users = Array.from({ length: 29 }, (_, i) => {
    const client = come(fixture, `user ${100_000 + i}`)!;
    fixture.hold(client);
    return client;
  });
  for (let i = 0; i < 3; i++) {
    const client = come(fixture, `user ${200_000 + i}`);
    if (client !== undefined) fixture.hold(client);
  }
  assertEquals(lapsed.isGone, true);
  assertEquals(users.some((client) => client.isGone), false);
  assertEquals(mounts.map((client) => client.isGone), [false, false]);
  assertEquals(state.clients.size, 32);
});

Deno.test("a newcomer that is refused, or makes room, looks at no crowd of lapsed clients of another party", async () => {
  const costs: number[] = [];
  for (const count of [50, 500]) {
    const fixture = new StateFixture({ maxClients: count * 4 / 3 });
    const others = crowd(fixture, "a", count);
    for (const client of others) fixture.hold(client);
    fixture.clock.advance(LEASE + 1);
    await finish(fixture.state.clients.sweep(fixture.clock.now()));
    for (;;) {
      const own = come(fixture, "b");
      if (own === undefined) break;
      fixture.hold(own);
    }
    costs.push(await looksOf(() => void come(fixture, "b")));
    assertEquals(
      others.filter(({ isGone }) => isGone).length < count / 2,
      true,
    );
  }
  const [few, many] = costs as [number, number];
  assertEquals(many, few);
});
