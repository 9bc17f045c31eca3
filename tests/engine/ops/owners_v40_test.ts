import { assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import {
  CreateMode,
  LockType,
  op,
  type Request,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { LEASE } from "../../state/fixture.ts";
import { ShortTurns } from "../../support/short_turns.ts";
import { type StateClient, StateFixture } from "../state_fixture.ts";
import { slow } from "./fixture.ts";

const AT_FILE = walk(["file"]);

/** A client that has `file` open, with its owner's next seqid 3. */
async function opened(): Promise<
  { fixture: StateFixture; client: StateClient; stateid: Stateid }
> {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const stateid = await client.open("file", { seqid: 1 });
  return { fixture, client, stateid };
}

/** LOCK by a new owner under an open. */
function lockOp(
  client: StateClient,
  openStateid: Stateid,
  seqids: { openSeqid: number; lockSeqid: number; name?: string },
) {
  const owner = client.owner(seqids.name ?? "locker");
  return op.lock({ length: 10n, locker: { openStateid, owner, ...seqids } });
}

Deno.test("OPEN 4.0 of a new owner wants OPEN_CONFIRM, of a known one does not (RFC 7530 9.1.11)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const open = client.openOp("file", { seqid: 7 });
  const first = await client.ok("OPEN", op.putrootfh(), open);
  assertEquals(first.flags & 2, 2);
  // RFC 7530 16.18.5: until then the stateid is good for nothing else.
  const { stateid } = first;
  const read = await client.status(...AT_FILE, op.read({ stateid }));
  assertEquals(read, "BAD_STATEID");
  const close = await client.status(...AT_FILE, op.close(stateid, 8));
  assertEquals(close, "BAD_STATEID");
  const confirm = op.openConfirm(stateid, 8);
  const confirmed = await client.ok("OPEN_CONFIRM", ...AT_FILE, confirm);
  assertEquals(confirmed.stateid, { seqid: 2, other: stateid.other });
  const second = client.openOp("file", { seqid: 9 });
  const again = await client.ok("OPEN", op.putrootfh(), second);
  assertEquals(again.flags & 2, 0);
});

Deno.test("OPEN_CONFIRM 4.0: another seqid cancels the OPEN, a confirmed one has nothing to confirm (RFC 7530 16.18)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const open = client.openOp("file", { seqid: 1 });
  const { stateid } = await client.ok("OPEN", op.putrootfh(), open);
  const wrong = op.openConfirm(stateid, 5);
  assertEquals(await client.status(...AT_FILE, wrong), "BAD_SEQID");
  assertEquals(fixture.counts, { stateids: 0, files: 0 });
  const confirmed = await client.open("file", { seqid: 1 });
  const late = op.openConfirm(confirmed, 3);
  assertEquals(await client.status(...AT_FILE, late), "BAD_STATEID");
});

Deno.test("OPEN 4.0: a new OPEN of an unconfirmed owner takes the place of the first (RFC 7530 16.18.5)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const open = (seqid: number) =>
    client.ok("OPEN", op.putrootfh(), client.openOp("file", { seqid }));
  const first = await open(1);
  const second = await open(17);
  assertNotEquals(second.stateid.other, first.stateid.other);
  assertEquals(fixture.counts, { stateids: 1, files: 1 });
  const confirm = op.openConfirm(second.stateid, 18);
  await client.ok("OPEN_CONFIRM", ...AT_FILE, confirm);
});

Deno.test("4.0: each sequenced request sent again gets the first answer (RFC 7530 9.1.7)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const twice = async (...ops: Request[]) => {
    const first = await client.call(...ops);
    const second = await client.call(...ops);
    assertEquals(second.bytes, first.bytes, first.describe());
    return first;
  };
  const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o600 } };
  const open = client.openOp("new", { seqid: 1, create });
  // The filehandle that OPEN leaves is the same too.
  const made = await twice(op.putrootfh(), open, op.getfh());
  const there = walk(["new"]);
  const confirm = op.openConfirm(made.get("OPEN").stateid, 2);
  const confirmed = await twice(...there, confirm);
  let { stateid } = confirmed.get("OPEN_CONFIRM");
  const more = client.openOp("new", { seqid: 3, access: 1 });
  stateid = (await twice(op.putrootfh(), more)).get("OPEN").stateid;
  const lock = lockOp(client, stateid, { openSeqid: 4, lockSeqid: 1 });
  const locked = (await twice(...there, lock)).get("LOCK").stateid;
  const unlock = op.locku({ stateid: locked, seqid: 2, length: 10n });
  const unlocked = (await twice(...there, unlock)).get("LOCKU").stateid;
  const lockStateid = unlocked;
  const relock = op.lock({ locker: { lockStateid, lockSeqid: 3 } });
  await twice(...there, relock);
  const down = op.openDowngrade({ stateid, seqid: 5, access: 1 });
  stateid = (await twice(...there, down)).get("OPEN_DOWNGRADE").stateid;
  await twice(...there, op.close(stateid, 6));
  // And an error is an answer as well.
  const none = client.openOp("none", { seqid: 7 });
  const missing = await twice(op.putrootfh(), none);
  assertEquals(missing.describe(), "PUTROOTFH OK, OPEN NOENT");
});

Deno.test("4.0: after DELAY or GRACE the same request gets through, and so does the next seqid (RFC 7530 9.1.7)", async () => {
  for (const step of [0, 1]) {
    const fixture = new StateFixture({ graceMs: LEASE });
    const client = await fixture.client(0);
    const status = (seqid: number) => client.openStatus("file", { seqid });
    assertEquals(await status(5), "GRACE");
    assertEquals(await status(5), "GRACE");
    fixture.clock.advance(LEASE);
    await client.call(op.renew(client.clientid));
    assertEquals(await status(5 + step), "OK");
    // Now that it is answered, nothing but the next one does.
    assertEquals(await status(5 + step), "OK");
    assertEquals(fixture.counts.stateids, 1);
  }
});

Deno.test("4.0: a LOCK that was denied and is sent again is denied by the same lock (RFC 7530 9.1.7)", async () => {
  const { fixture, client, stateid } = await opened();
  const other = await fixture.client(0);
  const theirs = await other.open("file", { seqid: 1 });
  const first = lockOp(other, theirs, { openSeqid: 3, lockSeqid: 1 });
  const held = await other.ok("LOCK", ...AT_FILE, first);
  const lock = lockOp(client, stateid, { openSeqid: 3, lockSeqid: 1 });
  const denied = await client.call(...AT_FILE, lock);
  const unlock = op.locku({ stateid: held.stateid, seqid: 2 });
  await other.ok("LOCKU", ...AT_FILE, unlock);
  assertEquals((await client.call(...AT_FILE, lock)).bytes, denied.bytes);
});

Deno.test("4.0: a seqid that is neither the next nor the last is BAD_SEQID, before all else (RFC 7530 9.1.9)", async () => {
  const { client, stateid } = await opened();
  const old = { ...stateid, seqid: 1 };
  const statuses = [
    op.close(old, 7),
    op.openDowngrade({ stateid: old, seqid: 7, access: 1 }),
    lockOp(client, old, { openSeqid: 7, lockSeqid: 1 }),
    // The last seqid, but of another operation.
    op.close(stateid, 2),
  ].map((request) => client.status(...AT_FILE, request));
  assertEquals(await Promise.all(statuses), Array(4).fill("BAD_SEQID"));
  assertEquals(await client.openStatus("file", { seqid: 9 }), "BAD_SEQID");
});

Deno.test("4.0: errors that use up the seqid, and errors that don't (RFC 7530 9.1.7)", async () => {
  const { client, stateid } = await opened();
  const at = (...ops: Request[]) => client.status(...AT_FILE, ...ops);
  assertEquals(await at(op.close({ ...stateid, seqid: 9 }, 3)), "BAD_STATEID");
  // OLD_STATEID is not in the list: it counts.
  assertEquals(await at(op.close({ ...stateid, seqid: 1 }, 3)), "OLD_STATEID");
  assertEquals(await at(op.close(stateid, 4)), "OK");
});

Deno.test("CLOSE 4.0: with the next seqid, a closed open is gone (RFC 7530 9.10.1)", async () => {
  const { fixture, client, stateid } = await opened();
  await client.ok("CLOSE", ...AT_FILE, op.close(stateid, 3));
  const read = op.read({ stateid });
  assertEquals(await client.status(...AT_FILE, read), "BAD_STATEID");
  const again = op.close(stateid, 4);
  assertEquals(await client.status(...AT_FILE, again), "BAD_STATEID");
  assertEquals(fixture.counts, { stateids: 0, files: 0 });
});

Deno.test("4.0: seqids wrap past 2^32 - 1 to 1, or as Linux does to 0 (RFC 7530 9.1.3)", async () => {
  for (const next of [0, 1]) {
    const client = await new StateFixture().client(0);
    const stateid = await client.open("file", { seqid: 0xffff_fffe });
    await client.ok("CLOSE", ...AT_FILE, op.close(stateid, next));
  }
});

Deno.test("4.0: a request that comes again while it is carried out waits for its answer", async () => {
  const fixture = new StateFixture({ fs: slow(memory()) });
  const client = await fixture.client(0);
  const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o600 } };
  const open = client.openOp("new", { seqid: 1, create });
  const [first, second] = await Promise.all([
    client.call(op.putrootfh(), open),
    client.call(op.putrootfh(), open),
  ]);
  assertEquals(second.bytes, first.bytes);
  assertEquals(fixture.counts, { stateids: 1, files: 1 });
});

Deno.test("LOCK 4.0: any first lock seqid, and no second beginning (RFC 7530 16.10.5)", async () => {
  const { client, stateid } = await opened();
  const first = lockOp(client, stateid, { openSeqid: 3, lockSeqid: 10 });
  const locked = await client.ok("LOCK", ...AT_FILE, first);
  const anew = lockOp(client, stateid, { openSeqid: 4, lockSeqid: 11 });
  assertEquals(await client.status(...AT_FILE, anew), "BAD_SEQID");
  const lockStateid = locked.stateid;
  const at = (lockSeqid: number) =>
    client.status(...AT_FILE, op.lock({ locker: { lockStateid, lockSeqid } }));
  assertEquals(await at(13), "BAD_SEQID");
  assertEquals(await at(11), "OK");
});

Deno.test("LOCK 4.0: the owner's clientid must be known and the open's (RFC 7530 16.10)", async () => {
  const { fixture, client, stateid } = await opened();
  const other = await fixture.client(0);
  const status = (clientid: bigint) => {
    const owner = { ...client.owner("l"), clientid };
    const locker = { openStateid: stateid, openSeqid: 3, lockSeqid: 1, owner };
    return client.status(...AT_FILE, op.lock({ locker }));
  };
  assertEquals(await status(99n), "STALE_CLIENTID");
  assertEquals(await status(other.clientid), "BAD_STATEID");
});

Deno.test("4.0: a crowd that waits for its owner's request goes on in turns", async () => {
  const fixture = new StateFixture({ fs: slow(memory({ file: "content" })) });
  const turn = new ShortTurns(10);
  Object.assign(fixture.services, { turn });
  const client = await fixture.client(0);
  await client.open("file", { seqid: 1 });
  const known = fixture.services.state.clients.find(client.clientid, 0)!;
  const [owner] = known.states.openOwners.values();
  const sequence = owner!.sequence!;
  const order = sequence.order.bind(sequence);
  sequence.order = (...args) => {
    turn.look();
    return order(...args);
  };
  const open = client.openOp("file", { seqid: 3 });
  const statuses = await Promise.all(
    Array.from({ length: 100 }, () => client.status(op.putrootfh(), open)),
  );
  assertEquals(new Set(statuses), new Set(["OK"]));
  assertLess(turn.most, 30);
});

Deno.test("RELEASE_LOCKOWNER 4.0: not while it holds locks (RFC 7530 16.37)", async () => {
  const { fixture, client, stateid } = await opened();
  const lock = lockOp(client, stateid, { openSeqid: 3, lockSeqid: 1 });
  const locked = await client.ok("LOCK", ...AT_FILE, lock);
  const release = op.releaseLockowner(client.owner("locker"));
  assertEquals(await client.status(release), "LOCKS_HELD");
  const unlock = op.locku({
    stateid: locked.stateid,
    seqid: 2,
    type: LockType.READ,
  });
  await client.ok("LOCKU", ...AT_FILE, unlock);
  assertEquals(await client.status(release), "OK");
  assertEquals(fixture.counts.stateids, 1);
  assertEquals(await client.status(release), "OK");
  const stranger = op.releaseLockowner({ ...client.owner(), clientid: 99n });
  assertEquals(await client.status(stranger), "STALE_CLIENTID");
});

Deno.test("4.0: an owner that is idle for a lease is forgotten, an unconfirmed open is no obstacle (RFC 7530 16.18.5)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(0);
  const other = await fixture.client(0);
  const open = client.openOp("file", { seqid: 1, deny: 3 });
  await client.ok("OPEN", op.putrootfh(), open);
  const theirs = { seqid: 1 };
  assertEquals(await other.openStatus("file", theirs), "SHARE_DENIED");
  fixture.clock.advance(LEASE + 1);
  await client.call(op.renew(client.clientid));
  await other.open("file", { seqid: 2 });
  const known = fixture.services.state.clients.find(client.clientid, 0)!;
  assertEquals(known.states.openOwners.size, 0);
});

Deno.test("4.0: the sweep forgets idle owners, and cancels what they never confirmed (RFC 7530 9.1.10, 16.18.5)", async () => {
  const { fixture, client, stateid } = await opened();
  await client.ok("CLOSE", ...AT_FILE, op.close(stateid, 3));
  const open = client.openOp("file", { seqid: 1, owner: "unconfirmed" });
  await client.ok("OPEN", op.putrootfh(), open);
  const { state } = fixture.services;
  const { states } = state.clients.find(client.clientid, 0)!;
  fixture.clock.advance(LEASE);
  await client.call(op.renew(client.clientid));
  state.sweep(fixture.clock.now());
  assertEquals(states.openOwners.size, 2);
  fixture.clock.advance(1);
  state.sweep(fixture.clock.now());
  assertEquals(states.openOwners.size, 0);
  assertEquals(fixture.counts, { stateids: 0, files: 0 });
});

Deno.test("4.0: a stateid of another start of the server is STALE_STATEID (RFC 7530 9.1.4)", async () => {
  const { client, stateid } = await opened();
  const other = stateid.other.slice();
  other[0]! ^= 1;
  const stale = { ...stateid, other };
  const status = (request: Request) => client.status(...AT_FILE, request);
  assertEquals(await status(op.read({ stateid: stale })), "STALE_STATEID");
  assertEquals(await status(op.close(stale, 3)), "STALE_STATEID");
  assertEquals(await status(op.locku({ stateid: stale })), "STALE_STATEID");
});

Deno.test("4.0: SETATTR with a valid stateid renews the lease, whatever it sets (RFC 7530 9.5)", async () => {
  const { fixture, client, stateid } = await opened();
  const known = fixture.services.state.clients.find(client.clientid, 0)!;
  const set = async (id: typeof stateid) => {
    fixture.clock.advance(LEASE / 2);
    const mode = op.setattr({ mode: 0o640 }, id);
    await client.ok("SETATTR", ...AT_FILE, mode);
    return fixture.clock.now() - known.renewedAt;
  };
  assertEquals(await set(stateid), 0);
  // One that is none changes nothing, as nothing is written under it.
  const other = stateid.other.map((byte) => byte ^ 1);
  assertEquals(await set({ ...stateid, other }), LEASE / 2);
});
