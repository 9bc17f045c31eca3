import { assert, assertEquals } from "@std/assert";
import { silentLogger } from "../../src/base/log.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import type { Client } from "../../src/state/client.ts";
import { AT_FILE } from "../engine/state_fixture.ts";
import { LEASE, StateFixture } from "../state/fixture.ts";
import { op } from "../support/client/mod.ts";
import { MemoryRecords } from "./memory_records.ts";
import { reclaim, RestartFixture } from "./restart.ts";

// The end of the grace period, of which each turn of the event loop does a part.

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

// What a server that stops in order leaves for its next start to wait for.

const NOT_COMPLETE = { reclaimComplete: false };
const done = op.reclaimComplete();

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`recovery 4.${minor}: after an orderly stop ${name}`, body);

  test("a client that had closed all that it opened is not waited for", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const seqid = minor === 0 ? 3 : 0;
    await client.call(...AT_FILE, op.close(stateid, seqid));
    server.stop();
    assertEquals([server.recovery.size, server.grace.isActive], [0, false]);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "NO_GRACE");
  });

  test("one that holds a file still is, and it reclaims", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    server.stop();
    assertEquals([server.recovery.size, server.grace.isActive], [1, true]);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "OK");
  });

  test("in the grace period one that has not reclaimed is waited for again", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    server.restart();
    // It is back, and holds nothing yet.
    await server.fixture.client(minor, NOT_COMPLETE);
    server.stop();
    assertEquals(server.grace.isActive, true);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "OK");
  });

  test("a client whose OPEN came all the same is on record", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    const stateid = await client.open("file", { seqid: 1 });
    const seqid = minor === 0 ? 3 : 0;
    await client.call(...AT_FILE, op.close(stateid, seqid));
    server.recovery.end();
    await client.open("file", { seqid: 1, owner: "another" });
    server.restart();
    assertEquals(server.grace.isActive, true);
  });
}

for (const minor of [1, 2] as const) {
  Deno.test(`recovery 4.${minor}: after an orderly stop in the grace period one that is done, and holds nothing, is not waited for`, async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    const other = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    await other.open("more", { seqid: 1 });
    server.restart();
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    await again.call(done);
    server.stop();
    assertEquals([server.recovery.size, server.grace.isActive], [1, true]);
    server.advance(LEASE);
    assertEquals(server.grace.isActive, false);
  });
}
