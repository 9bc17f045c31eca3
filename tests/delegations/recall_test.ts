import { assert, assertEquals } from "@std/assert";
import { Share, Status } from "../../src/nfs4/constants.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import {
  anonymousStateid,
  bytesOf,
  CreateMode,
  op,
  type Request,
  SequenceStatus,
  walk,
} from "../support/client/mod.ts";
import {
  eventually,
  Fixture,
  giveBack,
  hold,
  isDelegated,
  proceed,
  recalled,
  resolveConflict,
  write,
} from "../backchannel/fixture.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("recall after CREATE_SESSION alone, and what /metrics says of it", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  await resolveConflict(holder, held, () => write(other, "f"));
  assertEquals(holder.client.callbacks.recalls.length, 1);
  const metrics = await fixture.metrics();
  const expected = {
    backchannel_callbacks_total: 1,
    backchannel_callback_failures_total: 0,
    backchannel_callback_retries_total: 0,
    backchannel_callback_duration_seconds_count: 1,
    'backchannel_callback_duration_seconds_bucket{le="10"}': 1,
    'backchannel_operations_total{operation="CB_RECALL",status="NFS4_OK"}': 1,
    'backchannel_operations_total{operation="CB_SEQUENCE",status="NFS4_OK"}': 1,
    backchannel_queue_depth: 0,
    'backchannel_sessions{path="up"}': 2,
    'backchannel_sessions{path="down"}': 0,
    sessions_created_total: 2,
    sessions_active: 2,
    'connections_bind_total{direction="both"}': 2,
    connections_bound: 2,
    replay_hits_total: 0,
    slots_in_use: 0,
    'delegations_granted_total{type="read"}': 1,
    'delegations_recalled_total{type="read",reason="open"}': 1,
    'delegations_revoked_total{type="read"}': 0,
    'delegations_active{type="read"}': 0,
    delegation_recall_seconds_count: 1,
  };
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(metrics.get(name), value, name);
  }
  assert(metrics.get("sequence_total")! > 5);
  assert(metrics.get("replay_cache_bytes")! > 0);
});

const conflicts: Record<string, readonly Request[]> = {
  setattr: [
    ...walk(["f"]),
    op.setattr({ mode: 0o600 }),
  ],
  xattr: [...walk(["f"]), op.setxattr("n", "v")],
  remove: [op.putrootfh(), op.remove("f")],
  rename: [op.putrootfh(), op.savefh(), op.rename("f", "h")],
  link: [...walk(["f"]), op.savefh(), op.putrootfh(), op.link("h")],
  write: [
    ...walk(["f"]),
    op.write({ stateid: anonymousStateid, data: "more" }),
  ],
};
for (const [reason, ops] of Object.entries(conflicts)) {
  Deno.test(`${reason} by another client recalls a delegation`, async () => {
    await using fixture = await Fixture.open();
    const holder = await fixture.session();
    const other = await fixture.session({ minorVersion: 2 });
    const held = await hold(holder, "f");
    await resolveConflict(
      holder,
      held,
      () => other.expectStatus([Status.OK, Status.DELAY], ops),
    );
    const label = `delegations_recalled_total{type="read",reason="${reason}"}`;
    assertEquals((await fixture.metrics()).get(label), 1);
  });
}

Deno.test("WRITE to a named attribute recalls a delegation of its file, under an open as well, and the attribute has none", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { clientid } = other.client;
  const made = await other.compound([
    ...walk(["f"]),
    op.openattr(true),
    op.open({
      access: Share.ACCESS_BOTH,
      owner: { clientid, owner: bytesOf("owner") },
      create: { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } },
      claim: { claim: "null", name: "n" },
    }),
    op.getfh(),
  ]);
  const { stateid, delegation } = made.get("OPEN");
  assertEquals(delegation.type.startsWith("none"), true);
  const { filehandle } = made.get("GETFH");
  const held = await hold(holder, "f");
  // Reading it is in no conflict.
  await other.compound([op.putfh(filehandle), op.read({ stateid })]);
  assertEquals(holder.client.callbacks.recalls, []);
  const ops = [op.putfh(filehandle), op.write({ stateid, data: "v" })];
  await resolveConflict(
    holder,
    held,
    () => other.expectStatus([Status.OK, Status.DELAY], ops),
  );
  const label = `delegations_recalled_total{type="read",reason="xattr"}`;
  assertEquals((await fixture.metrics()).get(label), 1);
});

Deno.test("renaming over a file recalls its delegation", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "g");
  const ops = [op.putrootfh(), op.savefh(), op.rename("f", "g")];
  await resolveConflict(
    holder,
    held,
    () => other.expectStatus([Status.OK, Status.DELAY], ops),
  );
});

Deno.test("reading past a read delegation and the holder's own changes recall nothing", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  await hold(holder, "f");
  await other.open(["f"], { access: Share.ACCESS_READ });
  await other.compound([
    ...walk(["f"]),
    op.getattr(["size", "change"]),
    op.read({ stateid: anonymousStateid, count: 4 }),
  ]);
  await holder.compound([
    ...walk(["f"]),
    op.setattr({ mode: 0o600 }),
  ]);
  await holder.compound([op.putrootfh(), op.remove("f")]);
  assertEquals(holder.client.callbacks.recalls, []);
});

Deno.test("nobody waits but who is in conflict", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  holder.client.callbacks.always({ kind: "silent" });
  await hold(holder, "f");
  assertEquals((await write(other, "f")).status, Status.DELAY);
  const start = performance.now();
  for (let i = 0; i < 50; i++) {
    assertEquals((await write(other, "g")).status, Status.OK);
  }
  assert(performance.now() - start < 1_000);
});

Deno.test("a client that is killed while it holds a delegation: the other goes on after the lease", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({ clock, leaseSeconds: 10 });
  const killed = await fixture.session();
  const other = await fixture.session();
  // Its connection stays as it is, and nothing comes over it any more.
  killed.client.callbacks.always({ kind: "silent", executed: false });
  await hold(killed, "f");
  const start = clock.now();
  assertEquals((await write(other, "f")).status, Status.DELAY);
  let slowest = 0;
  while (true) {
    const { status } = await write(other, "f");
    if (status === Status.OK) break;
    const asked = performance.now();
    assertEquals((await write(other, "g")).status, Status.OK);
    slowest = Math.max(slowest, performance.now() - asked);
    assert(clock.now() - start < 40_000, "still not after four leases");
    clock.advance(500);
  }
  const waited = clock.now() - start;
  assert(waited > 8_000 && waited < 30_000, `${waited} ms`);
  assert(slowest < 200, `somebody else waited ${slowest} ms`);
  const metrics = await fixture.metrics();
  assertEquals(metrics.get('delegations_active{type="read"}'), 0);
});

Deno.test("a delegation that is not returned is revoked after the lease, not before, until it is freed", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({ clock, leaseSeconds: 10 });
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  const start = clock.now();
  assertEquals((await write(other, "f")).status, Status.DELAY);
  while ((await write(other, "f")).status === Status.DELAY) {
    await holder.compound([]);
    clock.advance(500);
  }
  assert(clock.now() - start >= 10_000);
  await holder.compound([]);
  const { RECALLABLE_STATE_REVOKED } = SequenceStatus;
  assertEquals(holder.statusFlags, RECALLABLE_STATE_REVOKED);
  const tested = await holder.compound([op.testStateid([held.stateid])]);
  assertEquals(tested.get("TEST_STATEID").statuses, [Status.DELEG_REVOKED]);
  await holder.compound([op.freeStateid(held.stateid)]);
  await holder.compound([]);
  assertEquals(holder.statusFlags, 0);
  const metrics = await fixture.metrics();
  assertEquals(metrics.get('delegations_revoked_total{type="read"}'), 1);
  assertEquals(metrics.get('delegations_active{type="read"}'), 0);
  assertEquals(metrics.get("delegation_recall_seconds_count"), 0);
});

Deno.test("a recall refers to the OPEN that granted the delegation until its slot moves on", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  for (const movesOn of [false, true]) {
    const name = movesOn ? "g" : "f";
    const held = await hold(holder, name);
    const slotid = holder.sequenceids.findIndex((sequence) => sequence > 0);
    const sequenceid = holder.sequenceids[slotid]!;
    if (movesOn) await holder.compound([], { slotid });
    await write(other, name);
    await recalled(holder, held);
    const last = holder.client.callbacks.calls.at(-1)!.compound!.ops[0]!;
    assert(last.op === "SEQUENCE");
    assertEquals(
      last.args.referringCalls.map(({ sessionid, calls }) => ({
        sessionid,
        calls,
      })),
      movesOn
        ? []
        : [{ sessionid: holder.id, calls: [{ slotid, sequenceid }] }],
    );
  }
});

Deno.test("a client that does not know the delegation yet is asked again", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  const { callbacks } = holder.client;
  const before = callbacks.calls.length;
  callbacks.next(
    { kind: "status", status: Status.BADHANDLE },
    { kind: "status", status: Status.DELAY },
  );
  await write(other, "f");
  await callbacks.waitForCalls(before + 3);
  assertEquals(callbacks.calls.at(-1)?.status, Status.OK);
  await giveBack(holder, held);
  assertEquals((await write(other, "f")).status, Status.OK);
});

Deno.test("a file that was fought over gets no delegation for a while", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  await resolveConflict(holder, held, async () => {
    const reply = await write(other, "f");
    if (reply.has("OPEN")) {
      await other.compound([
        ...walk(["f"]),
        op.close(reply.get("OPEN").stateid),
      ]);
    }
    return reply;
  });
  await hold(holder, "g");
  for (let i = 0; i < 3; i++) {
    assertEquals(await isDelegated(holder, "f"), false);
  }
});

Deno.test("a local change through the server recalls what clients hold", async () => {
  await using fixture = await Fixture.open();
  const { server, fs } = fixture.server;
  const holder = await fixture.session();
  const held = await hold(holder, "f");
  const node = (await fs.lookup(fs.root(), "f"))!;
  let isFree = false;
  const free = server.recall(fs, node).then(() => isFree = true);
  await recalled(holder, held);
  assertEquals(isFree, false);
  await giveBack(holder, held);
  await free;
  await server.recall(fs, node);
  const label = 'delegations_recalled_total{type="read",reason="local"}';
  assertEquals((await fixture.metrics()).get(label), 1);
});

Deno.test("a file system is told at the start how to recall", async () => {
  const fs: FileSystem = memory({ f: "text" });
  let recall: ((node: object) => Promise<void>) | undefined;
  fs.watch = (given) => recall = given;
  await using _server = await serve(fs, { port: 0 });
  await recall!(fs.root());
});

Deno.test("delegations can be turned off", async () => {
  await using fixture = await Fixture.open({ delegations: false });
  const session = await fixture.session();
  for (let i = 0; i < 10; i++) {
    assertEquals(await isDelegated(session, "f"), false);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

Deno.test("CLAIM_DELEG_CUR_FH and CLAIM_DELEGATE_CUR open under the delegation while it is recalled", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  assertEquals((await write(other, "f")).status, Status.DELAY);
  await recalled(holder, held);
  const { stateid } = held;
  const access = Share.ACCESS_READ;
  const owner = { clientid: 0n, owner: Uint8Array.of(1) };
  const byHandle = await holder.compound([
    op.putfh(held.file.filehandle),
    op.open({ access, owner, claim: { claim: "deleg_cur_fh", stateid } }),
  ]);
  assertEquals(byHandle.get("OPEN").delegation.type, "none");
  const byName = await holder.compound([
    op.putrootfh(),
    op.open({
      access,
      owner,
      claim: { claim: "delegate_cur", stateid, name: "f" },
    }),
  ]);
  assertEquals(byName.get("OPEN").delegation.type, "none");
  await giveBack(holder, held);
  await proceed(() => write(other, "f"));
});

Deno.test("GETATTR of a file whose writer does not answer recalls its delegation", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f", Share.ACCESS_BOTH);
  assertEquals(held.type, "write");
  const { callbacks } = holder.client;
  callbacks.next({ kind: "silent", executed: false });
  const look = () =>
    other.expectStatus([Status.OK, Status.DELAY], [
      ...walk(["f"]),
      op.getattr(["size"]),
    ]);
  assertEquals((await look()).status, Status.DELAY);
  await recalled(holder, held);
  await giveBack(holder, held);
  await eventually("an answer", async () => (await look()).has("GETATTR"));
  const label = 'delegations_recalled_total{type="write",reason="getattr"}';
  assertEquals((await fixture.metrics()).get(label), 1);
});
