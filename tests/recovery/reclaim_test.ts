import { assertEquals } from "@std/assert";
import { silentLogger } from "../../src/base/log.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import {
  type Delegation,
  type DelegationPolicy,
  noDelegations,
  revokeDelegation,
} from "../../src/state/delegations.ts";
import { AT_FILE, StateClient } from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import { anonymousStateid, op, type Stateid } from "../support/client/mod.ts";
import { MemoryRecords } from "./memory_records.ts";
import { lock, reclaim, reclaimLock, RestartFixture } from "./restart.ts";

const NOT_COMPLETE = { reclaimComplete: false };

/** Delegations for everybody; reclaimed ones are to be returned at once. */
const generous: DelegationPolicy = {
  ...noDelegations,
  offer: () => "write",
  reclaim: (_open, type) => ({ type, isRecalled: true }),
};

/** What an open that denies all is in the way of. */
const CONFLICTS = {
  READ: op.read({ count: 1 }),
  WRITE: op.write({ data: new Uint8Array(1) }),
  SETATTR: op.setattr({ size: 0n }),
};

const AT_START = { stateid: anonymousStateid, offset: 0n };

/** The same, of NFSv4.2. */
const READS_OF_42 = {
  READ_PLUS: op.readPlus({ ...AT_START, count: 1 }),
  SEEK: op.seek({ ...AT_START, what: 0 }),
};

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`recovery 4.${minor}: ${name}`, body);
  const done = op.reclaimComplete();

  test("who held nothing leaves nothing to wait for", async () => {
    const server = new RestartFixture();
    assertEquals(server.grace.isActive, false);
    const client = await server.fixture.client(minor);
    await client.call(op.putrootfh(), op.getattr(["type"]));
    server.restart();
    assertEquals([server.recovery.size, server.grace.isActive], [0, false]);
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "NO_GRACE");
  });

  test("a client is on record before the answer that grants the first state", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    await client.open("more", { seqid: 1, owner: "another" });
    assertEquals(server.records.flushes, 1);
    server.crash();
    assertEquals([server.recovery.size, server.grace.isActive], [1, true]);
    assertEquals(server.grace.reclaims, { allowed: 0, refused: 0 });
  });

  test("holders reclaim opens and locks, everybody else waits (RFC 8881 8.4.2.1, RFC 7530 9.6.2)", async () => {
    const server = new RestartFixture();
    const before = await server.fixture.client(minor);
    const stateid = await before.open("file", { seqid: 1 });
    const openSeqid = minor === 0 ? 3 : 0;
    assertEquals(await lock(before, stateid, { openSeqid }), "OK");
    server.restart();
    const holder = await server.fixture.client(minor, NOT_COMPLETE);
    const other = await server.fixture.client(minor);
    assertEquals(await reclaim(other, { owner: "no" }), "NO_GRACE");
    assertEquals(await other.openStatus("file", { seqid: 1 }), "GRACE");
    assertEquals(await reclaimLock(holder), ["OK", "OK"]);
    assertEquals(await holder.openStatus("more", { seqid: 3 }), "GRACE");
    assertEquals(server.grace.reclaims, { allowed: 2, refused: 1 });
    if (minor === 0) server.advance(LEASE);
    else await holder.call(done);
    if (minor === 0) await holder.call(op.renew(holder.clientid));
    const opened = await other.open("file", { seqid: 1, owner: "new" });
    assertEquals(await lock(other, opened, { openSeqid: 3 }), "DENIED");
    assertEquals(await reclaim(holder, { owner: "late" }), "NO_GRACE");
  });

  test("a client that lost its state to another can't reclaim (RFC 8881 8.4.3, RFC 7530 9.6.3.4.1)", async () => {
    const server = new RestartFixture();
    const first = await server.fixture.client(minor);
    await first.open("file", { seqid: 1, deny: 3 });
    const second = await server.fixture.client(minor);
    assertEquals(await second.openStatus("file", { seqid: 1 }), "SHARE_DENIED");
    server.advance(LEASE + 1);
    await second.register(true);
    await second.open("file", { seqid: 1, owner: "new" });
    assertEquals(server.recovery.size, 1);
    server.restart();
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "NO_GRACE");
    const survivor = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(survivor), "OK");
  });

  const conflicts = minor === 2 ? { ...CONFLICTS, ...READS_OF_42 } : CONFLICTS;
  for (const [what, request] of Object.entries(conflicts)) {
    test(`nor does a crash give it back once another's ${what} was answered`, async () => {
      const server = new RestartFixture();
      const first = await server.fixture.client(minor);
      await first.open("file", { seqid: 1, deny: 3 });
      const second = await server.fixture.client(minor);
      server.advance(LEASE + 1);
      await second.register(true);
      assertEquals(await second.status(...AT_FILE, request), "OK");
      server.crash();
      const again = await server.fixture.client(minor, NOT_COMPLETE);
      assertEquals(await reclaim(again), "NO_GRACE");
    });
  }

  test("a client that is away and in nobody's way keeps its right", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    server.advance(LEASE * 2);
    server.restart();
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "OK");
  });

  test("in the grace period the name of a client that held something is no stranger's", async () => {
    const server = new RestartFixture();
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    server.restart();
    const stranger = new StateClient(server.fixture, minor, 1);
    stranger.uid = 1000;
    assertEquals(await stranger.introduce(), "CLID_INUSE");
    assertEquals([server.grace.isActive, server.recovery.size], [true, 1]);
    const holder = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(holder), "OK");
    // Who did not come back in time has lost all, its name too.
    server.restart();
    server.advance(2 * LEASE);
    assertEquals(server.grace.isActive, false);
    const late = new StateClient(server.fixture, minor, 1);
    late.uid = 1000;
    assertEquals(await late.introduce(), "OK");
  });

  test("a client that missed a grace period can't reclaim in the next (RFC 8881 8.4.3, RFC 7530 9.6.3.4.2)", async () => {
    const server = new RestartFixture();
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    server.restart();
    server.advance(LEASE);
    assertEquals([server.grace.isActive, server.recovery.size], [false, 0]);
    server.restart();
    assertEquals(server.grace.isActive, false);
    const late = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(late), "NO_GRACE");
  });

  test("nor one that came back without reclaiming (RFC 7530 9.6.3.4.2)", async () => {
    const server = new RestartFixture();
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    server.restart();
    await server.fixture.client(minor, NOT_COMPLETE);
    server.advance(LEASE);
    assertEquals(server.recovery.size, 0);
  });

  test("a restart in the grace period takes nothing from those on record", async () => {
    const server = new RestartFixture();
    const [one, two] = [
      await server.fixture.client(minor),
      await server.fixture.client(minor),
    ];
    await one.open("file", { seqid: 1 });
    await two.open("file", { seqid: 1 });
    server.restart();
    const back = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(back), "OK");
    if (minor > 0) await back.call(done);
    server.restart();
    for (const _ of [one, two]) {
      const again = await server.fixture.client(minor, NOT_COMPLETE);
      assertEquals(await reclaim(again), "OK");
    }
  });

  test("what was reclaimed can be reclaimed after the next restart", async () => {
    const server = new RestartFixture();
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    for (let i = 0; i < 3; i++) {
      server.restart();
      const again = await server.fixture.client(minor, NOT_COMPLETE);
      assertEquals(await reclaim(again), "OK");
      if (minor > 0) await again.call(done);
      else server.advance(LEASE);
      assertEquals([server.grace.isActive, server.recovery.size], [false, 1]);
    }
  });

  test("a grace period that was not seen to end goes on after a crash", async () => {
    const server = new RestartFixture();
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    server.restart();
    server.advance(LEASE);
    assertEquals(server.recovery.size, 0);
    // No answer since then has left, for none was flushed.
    server.crash();
    const again = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(again), "OK");
  });

  test("a new incarnation after the grace period has nothing to reclaim", async () => {
    const server = new RestartFixture();
    const client = await server.fixture.client(minor);
    await client.open("file", { seqid: 1 });
    client.verifier = new Uint8Array(8).fill(1);
    await client.register(true);
    assertEquals(server.recovery.size, 0);
  });

  test("a new incarnation in the grace period may begin again", async () => {
    const server = new RestartFixture();
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    server.restart();
    const client = await server.fixture.client(minor, NOT_COMPLETE);
    assertEquals(await reclaim(client), "OK");
    client.verifier = new Uint8Array(8).fill(1);
    await client.register(false);
    assertEquals(await reclaim(client), "OK");
    assertEquals(server.grace.isActive, true);
  });

  test("nothing is granted to a client that can't be put on record", async () => {
    const server = new RestartFixture();
    const known = await server.fixture.client(minor);
    await known.open("file", { seqid: 1 });
    const client = await server.fixture.client(minor);
    server.records.full = new Error("disk full");
    assertEquals(await client.openStatus("file", { seqid: 1 }), "DELAY");
    assertEquals(server.recovery.failures, 1);
    assertEquals(await known.openStatus("file", { seqid: 3 }), "OK");
    server.records.full = undefined;
    assertEquals(await client.openStatus("file", { seqid: 2 }), "OK");
    assertEquals(server.recovery.size, 2);
  });
}

Deno.test("recovery: the period ends when the last of those on record is done (RFC 8881 8.4.2.1)", async () => {
  const server = new RestartFixture();
  await (await server.fixture.client(1)).open("file");
  await (await server.fixture.client(2)).open("more");
  server.restart();
  const one = await server.fixture.client(1, NOT_COMPLETE);
  const two = await server.fixture.client(2, NOT_COMPLETE);
  await reclaim(one);
  await one.call(op.reclaimComplete());
  assertEquals(await one.openStatus("more"), "GRACE");
  await two.call(op.reclaimComplete());
  assertEquals(await one.openStatus("more"), "OK");
  // It reclaimed nothing.
  assertEquals(server.recovery.size, 1);
});

Deno.test("recovery: with a client of NFSv4.0 on record the period lasts its time (RFC 7530 9.6.2)", async () => {
  const server = new RestartFixture();
  await (await server.fixture.client(1)).open("file");
  await (await server.fixture.client(0)).open("more", { seqid: 1 });
  server.restart();
  await server.fixture.client(1);
  await reclaim(await server.fixture.client(0));
  server.advance(LEASE - 1);
  assertEquals(server.grace.isActive, true);
  server.advance(1);
  assertEquals(server.grace.isActive, false);
});

Deno.test("recovery: a client that says goodbye is not waited for", async () => {
  const server = new RestartFixture({ graceMs: LEASE * 3 });
  await (await server.fixture.client(1)).open("file");
  server.restart();
  const client = await server.fixture.client(1, NOT_COMPLETE);
  const other = await server.fixture.client(1);
  const goodbye = op.destroyClientid(client.clientid);
  assertEquals(await other.status(goodbye), "CLIENTID_BUSY");
  server.advance(LEASE + 1);
  assertEquals(server.grace.isActive, true);
  assertEquals(await other.status(goodbye), "OK");
  assertEquals([server.grace.isActive, server.recovery.size], [false, 0]);
});

Deno.test("recovery: reclaims without RECLAIM_COMPLETE are void until it comes (RFC 8881 8.4.3)", async () => {
  const server = new RestartFixture();
  await (await server.fixture.client(1)).open("file");
  server.restart();
  const client = await server.fixture.client(1, NOT_COMPLETE);
  assertEquals(await reclaim(client), "OK");
  server.advance(LEASE);
  assertEquals(server.recovery.size, 0);
  assertEquals(await client.status(op.reclaimComplete()), "OK");
  assertEquals(server.recovery.size, 1);
});

Deno.test("recovery: the period is no shorter than the lease that clients know of (RFC 8881 8.4.2.1)", async () => {
  const server = new RestartFixture();
  await (await server.fixture.client(0)).open("file", { seqid: 1 });
  server.restart(LEASE * 3);
  assertEquals(server.recovery.grace.durationMs, LEASE * 3);
  server.restart(LEASE / 3);
  assertEquals(server.recovery.grace.durationMs, LEASE * 3);
});

Deno.test("recovery: on a full disk clients may reclaim also when the lease is longer than it was", () => {
  const old = { protocol: 0, principal: "sys:0", leaseMs: LEASE } as const;
  const left = [1, 2].map((n) => ({ ...old, owner: Uint8Array.of(n) }));
  const store = new MemoryRecords(left);
  store.full = new Error("disk full");
  const [leaseMs, log] = [LEASE * 3, silentLogger];
  const recovery = new ClientRecovery({ store, left, leaseMs, log });
  assertEquals([recovery.size, recovery.failures], [2, 1]);
  assertEquals(recovery.grace.durationMs, LEASE * 3);
});

Deno.test("recovery: a length of 0 gives nobody a right to reclaim, now or later", async () => {
  const server = new RestartFixture({ graceMs: 0 });
  await (await server.fixture.client(0)).open("file", { seqid: 1 });
  server.restart();
  assertEquals([server.grace.isActive, server.recovery.size], [false, 0]);
  assertEquals(await reclaim(await server.fixture.client(0)), "NO_GRACE");
});

for (const minor of [0, 1] as const) {
  Deno.test(`recovery 4.${minor}: no right to reclaim after a revocation (RFC 8881 8.4.3, RFC 7530 9.6.3.4.3)`, async () => {
    const server = new RestartFixture({ delegations: generous });
    const client = await server.fixture.client(minor);
    await client.open("more", { seqid: 1 });
    const open = client.openOp("file", { seqid: 3 });
    const opened = await client.ok("OPEN", op.putrootfh(), open);
    const { stateid } = opened.delegation as { stateid: Stateid };
    const { state } = server;
    const held = state.stateids.find(stateid.other) as Delegation;
    assertEquals(server.recovery.size, 1);
    revokeDelegation(state, held);
    assertEquals(server.recovery.size, 0);
    // It goes on, but what it opens now would be reclaimed with the rest.
    assertEquals(await client.openStatus("more", { seqid: 4 }), "OK");
    assertEquals(server.recovery.size, 0);
    if (minor === 0) return;
    // Acknowledged: what it holds still is safe again, at once.
    assertEquals(await client.status(op.freeStateid(stateid)), "OK");
    assertEquals(server.recovery.size, 1);
    assertEquals(await client.openStatus("more"), "OK");
    assertEquals(server.recovery.size, 1);
  });

  Deno.test(`recovery 4.${minor}: delegations are reclaimed with their opens (RFC 8881 10.2.1)`, async () => {
    const server = new RestartFixture({ delegations: generous });
    await (await server.fixture.client(minor)).open("file", { seqid: 1 });
    server.restart();
    const client = await server.fixture.client(minor, NOT_COMPLETE);
    const claim = { claim: "previous", delegate: 2 } as const;
    const open = client.openOp("", { claim, seqid: 1 });
    const { delegation } = await client.ok("OPEN", ...AT_FILE, open);
    const { type, recall } = delegation as { type: string; recall: boolean };
    assertEquals([type, recall], ["write", true]);
  });
}
