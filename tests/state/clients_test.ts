import { testConnection } from "../support/connection.ts";
import { finish } from "../../src/state/effects.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import type { Client } from "../../src/state/client.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { collectGarbage } from "../support/heap.ts";
import { type FixtureOptions, LEASE, StateFixture } from "./fixture.ts";

const DAY = 24 * 60 * 60 * 1000;

class Clients extends StateFixture {
  register(owner: number, protocol: 0 | 1 = 1): Client | undefined {
    return this.state.clients.register({
      protocol,
      owner: new Uint8Array([owner]),
      verifier: new Uint8Array(8),
      principal: "sys:0",
    });
  }

  confirmed(owner: number, protocol: 0 | 1 = 1): Client {
    const client = this.register(owner, protocol)!;
    this.state.confirmClient(client);
    return client;
  }
}

function clients(options: FixtureOptions = {}): Clients {
  return new Clients(options);
}

Deno.test("client ids are random, of 64 bits and never 0", () => {
  const fixture = clients();
  const ids = Array.from({ length: 50 }, (_, i) => fixture.register(i)!.id);
  assertEquals(new Set(ids).size, 50);
  assertEquals(ids.includes(0n), false);
  assertEquals(ids.some((id) => id >= 1n << 63n), true);
});

Deno.test("a client is found only under the protocol that it registered with", () => {
  const fixture = clients();
  const { id } = fixture.confirmed(1, 1);
  assertEquals(fixture.state.clients.find(id, 0), undefined);
  assertEquals(fixture.state.clients.confirmed(id), Status.STALE_CLIENTID);
});

Deno.test("at the limit the oldest unconfirmed client goes, then one whose lease ran out", () => {
  const fixture = clients({ maxClients: 3 });
  const quiet = fixture.confirmed(1);
  fixture.hold(quiet);
  fixture.clock.advance(LEASE + 1);
  const lively = fixture.confirmed(2);
  fixture.hold(lively);
  const unconfirmed = fixture.register(3)!;
  finish(fixture.state.clients.sweep(fixture.clock.now()));
  const next = fixture.register(4)!;
  assertEquals([unconfirmed.isGone, quiet.isGone], [true, false]);
  fixture.state.confirmClient(next);
  fixture.hold(next);
  const last = fixture.register(5)!;
  assertEquals([quiet.isGone, lively.isGone], [true, false]);
  fixture.state.confirmClient(last);
  fixture.hold(last);
  assertEquals(fixture.register(6), undefined);
  assertEquals(fixture.events.includes("gone evicted"), true);
});

Deno.test("at the limit a lapsed client without state goes before one with state", () => {
  const fixture = clients({ maxClients: 2 });
  const holder = fixture.confirmed(1);
  fixture.hold(holder);
  fixture.clock.advance(1);
  const idle = fixture.confirmed(2);
  fixture.clock.advance(LEASE + 1);
  finish(fixture.state.clients.sweep(fixture.clock.now()));
  fixture.register(3);
  assertEquals([holder.isGone, idle.isGone], [false, true]);
});

Deno.test("the sweep drops what nobody confirmed within a lease", () => {
  const fixture = clients();
  fixture.register(1);
  fixture.clock.advance(LEASE);
  fixture.register(2);
  fixture.state.sweep(fixture.clock.now());
  assertEquals(fixture.state.clients.size, 2);
  fixture.clock.advance(1);
  fixture.state.sweep(fixture.clock.now());
  assertEquals(fixture.state.clients.size, 1);
});

Deno.test("the sweep drops a callback update that nobody confirmed within a lease", () => {
  const fixture = clients();
  const client = fixture.confirmed(1, 0);
  const local = { hostname: "127.0.0.1", port: 2049 };
  const where = { netid: "tcp", address: "", peer: "127.0.0.1", local };
  const callback = { program: 1, ident: 1, ...where };
  const since = fixture.clock.now();
  client.update = { confirm: new Uint8Array(8), callback, since };
  fixture.state.sweep(since + LEASE);
  assertEquals(client.update === undefined, false);
  fixture.state.sweep(since + LEASE + 1);
  assertEquals(client.update, undefined);
});

Deno.test("a courteous server keeps a lapsed client for a day, then drops it", () => {
  const fixture = clients();
  const client = fixture.confirmed(1);
  fixture.clock.advance(LEASE + DAY);
  fixture.state.sweep(fixture.clock.now());
  assertEquals(client.isGone, false);
  fixture.clock.advance(1);
  fixture.state.sweep(fixture.clock.now());
  assertEquals(client.isGone, true);
  assertEquals(fixture.events.at(-1), "gone expired");
});

Deno.test("expireIfLapsed drops a lapsed client and no other", () => {
  const fixture = clients();
  const client = fixture.confirmed(1);
  fixture.clock.advance(LEASE);
  assertEquals(fixture.state.expireIfLapsed(client), false);
  fixture.clock.advance(1);
  assertEquals(fixture.state.expireIfLapsed(client), true);
  assertEquals(fixture.state.expireIfLapsed(client), true);
  assertEquals(fixture.state.clients.size, 0);
});

Deno.test("ids of expired NFSv4.0 clients are remembered, as many as there may be clients", () => {
  const fixture = clients({ maxClients: 2 });
  const ids = [1, 2, 3].map((owner) => {
    const client = fixture.confirmed(owner, 0);
    fixture.clock.advance(LEASE + 1);
    fixture.state.expireIfLapsed(client);
    return client.id;
  });
  assertEquals(ids.map((id) => fixture.state.clients.confirmed(id)), [
    Status.STALE_CLIENTID,
    Status.EXPIRED,
    Status.EXPIRED,
  ]);
});

Deno.test("a name and verifier off the wire are copied", () => {
  const fixture = clients();
  const owner = new Uint8Array([1]);
  const client = fixture.state.clients.register({
    protocol: 1,
    owner,
    verifier: owner,
    principal: "none",
  })!;
  owner[0] = 9;
  assertEquals([client.owner[0], client.verifier[0]], [1, 1]);
  fixture.state.clients.forget(client);
  assertEquals(fixture.state.clients.ofOwner(1, client.owner), {
    confirmed: undefined,
    unconfirmed: undefined,
  });
});

Deno.test("a client of NFSv4.0 does not keep its connection when that is closed", async () => {
  const client = clients().confirmed(1, 0);
  const comeAndGo = () => client.cameOn(testConnection());
  comeAndGo();
  assertEquals(client.connection === undefined, false);
  // What was looked at in a turn stays for that turn.
  await nextTurn();
  collectGarbage();
  assertEquals(client.connection, undefined);
});

Deno.test("a sweep in which something fails is not the last one", () => {
  const fixture = clients({ courtesyMs: 0 });
  fixture.confirmed(1);
  let isBroken = true;
  fixture.state.observeClients({
    clientGone() {
      if (isBroken) throw new Error("an observer fails");
    },
  });
  const sweep = () => {
    fixture.clock.advance(LEASE + 1);
    fixture.state.sweep(fixture.clock.now());
    fixture.effects.goOn();
  };
  assertThrows(sweep, Error, "an observer fails");
  isBroken = false;
  const later = fixture.confirmed(2);
  sweep();
  assertEquals(later.isGone, true);
});
