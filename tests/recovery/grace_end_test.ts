/** The end of the grace period, of which each turn of the event loop does a part. */

import { assert, assertEquals } from "@std/assert";
import { silentLogger } from "../../src/base/log.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import type { Client } from "../../src/state/client.ts";
import { LEASE, StateFixture } from "../state/fixture.ts";
import { MemoryRecords } from "./memory_records.ts";

const N = 5_000;

/** A server with the records of so many clients, whose time to come back is over. */
function atTheEnd() {
  const names = Array.from({ length: N }, (_, n) => `client ${n}`);
  const records = new MemoryRecords(names.map((name) => ({
    protocol: 1,
    owner: new TextEncoder().encode(name),
    principal: "sys:0",
    leaseMs: LEASE,
  })));
  const recovery = new ClientRecovery({
    store: records,
    left: records.load(),
    leaseMs: LEASE,
    log: silentLogger,
  });
  const fixture = new StateFixture({ grace: recovery.grace, maxClients: N });
  const { state, effects, clock } = fixture;
  recovery.watch(state);
  /** A client that has come back in time and has reclaimed something. */
  const reclaiming = (name: string): Client => {
    const client = fixture.client(name);
    assertEquals(state.grace.checkReclaim(client), Status.OK);
    fixture.hold(client);
    return client;
  };
  /** The rest of it. */
  const finish = () => {
    let turns = 0;
    for (; state.grace.isActive; turns++) effects.goOn();
    return turns;
  };
  const begin = () => {
    clock.advance(2 * LEASE);
    state.sweep(clock.now());
    assertEquals([state.grace.isActive, recovery.size < N], [true, true]);
  };
  return { fixture, state, recovery, reclaiming, begin, finish };
}

Deno.test(`of ${N} clients that did not come back some hundred are forgotten in each turn`, () => {
  const { fixture, state, recovery, begin } = atTheEnd();
  let before = N;
  const step = (act: () => void) => {
    act();
    assert(before - recovery.size < 200, `${before - recovery.size}`);
    before = recovery.size;
  };
  step(begin);
  while (state.grace.isActive) step(() => fixture.effects.goOn());
  assertEquals(recovery.size, 0);
});

Deno.test("until all are forgotten nobody gets anything new, and nobody reclaims any more (RFC 8881 8.4.2.1)", () => {
  const { fixture, state, begin, finish } = atTheEnd();
  const last = fixture.client(`client ${N - 1}`);
  const other = fixture.client("other");
  other.isReclaimComplete = true;
  begin();
  assertEquals(state.grace.checkReclaim(last), Status.NO_GRACE);
  assertEquals(state.grace.checkNew(other), Status.GRACE);
  assert(finish() > 10);
  assertEquals(state.grace.checkNew(other), Status.OK);
});

Deno.test("who says in between that it is done stays on record with what it reclaimed (RFC 8881 8.4.3)", () => {
  for (const name of ["client 0", `client ${N - 1}`]) {
    const { state, recovery, reclaiming, begin, finish } = atTheEnd();
    const client = reclaiming(name);
    begin();
    state.reclaimComplete(client);
    finish();
    assertEquals([recovery.size, recovery.mayReclaim(client)], [1, true]);
  }
});

Deno.test("who loses in between what it reclaimed is forgotten (RFC 8881 8.4.3)", () => {
  for (const name of ["client 0", `client ${N - 1}`]) {
    const { state, recovery, reclaiming, begin, finish } = atTheEnd();
    const client = reclaiming(name);
    state.reclaimComplete(client);
    begin();
    state.dropClient(client, "replaced");
    finish();
    assertEquals(recovery.size, 0);
  }
});
