/** Delegations between two clients: granted, recalled by whom they disturb, asked, revoked. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  type AuthSys,
  bytesOf,
  callbackCredential,
  CallbackPeer,
  type CallbackSecurity,
  type CompoundReply,
  op,
  type OpenedFile,
  openRequests,
  SequenceStatus,
  type Session,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { closeFile, created, Fixture, NOT_WANTED } from "./fixture.ts";

const WANT_READ = 0x0100;
const WANT_WRITE = 0x0200;
const WANT_ANY = 0x0300;
const { ACCESS_READ, ACCESS_WRITE, ACCESS_BOTH } = Share;

/** A file and the delegation of it that came with its open. */
interface Delegated {
  readonly file: OpenedFile;
  readonly stateid: Stateid;
}

/** Opens a new file until a delegation comes with it: the first OPEN may be faster than the path is proven. */
async function openDelegated(
  session: Session,
  access: number,
): Promise<Delegated> {
  let file = await session.open(["f"], { access, create: created });
  for (let i = 0; i < 50; i++) {
    const { delegation } = file;
    if (delegation.type === "read" || delegation.type === "write") {
      return { file, stateid: delegation.stateid };
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
    file = await session.open(["f"], { access });
  }
  throw new Error("no delegation");
}

/** OPEN of the file by another client, whatever comes of it. */
function disturb(session: Session, access: number): Promise<CompoundReply> {
  const { clientid } = session.client;
  const requests = openRequests(["f"], { access, clientid, owner: "other" });
  return session.expectStatus([Status.OK, Status.DELAY], requests);
}

/** Waits for the recall that `session` is sent. */
async function recallOf(session: Session): Promise<Stateid> {
  const { callbacks } = session.client;
  for (let i = 0; i < 400; i++) {
    const [recall] = callbacks.recalls;
    if (recall) return recall.stateid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("not recalled");
}

/** Grants, disturbs, waits for the recall, returns: the holder's callbacks. */
async function grantAndRecall(
  options: {
    readonly access: number;
    readonly breaking: number;
    readonly security?: readonly CallbackSecurity[];
    readonly later?: readonly CallbackSecurity[];
    readonly credentials?: "none";
  },
): Promise<CallbackPeer> {
  const { access, breaking, security, later, credentials } = options;
  const callbacks = new CallbackPeer({ credentials });
  await using fixture = await Fixture.open({}, callbacks);
  const holder = await fixture.session({ security });
  if (later) await holder.backchannelCtl(holder.callback.program, later);
  const { file, stateid } = await openDelegated(holder, access);
  const other = await fixture.session({ security });
  const opening = disturb(other, breaking);
  assertEquals((await recallOf(holder)).other, stateid.other);
  await holder.compound([op.putfh(file.filehandle), op.delegreturn(stateid)]);
  await opening;
  assertEquals((await disturb(other, breaking)).status, Status.OK);
  await closeFile(holder, file);
  return callbacks;
}

const pairs = {
  "a read delegation is recalled by an open for writing": [
    ACCESS_READ | WANT_READ,
    ACCESS_BOTH,
  ],
  "a write delegation is recalled by an open for reading": [
    ACCESS_BOTH | WANT_WRITE,
    ACCESS_READ,
  ],
  "whatever delegation a reader gets is recalled by an open for writing": [
    ACCESS_READ | WANT_ANY,
    ACCESS_BOTH,
  ],
} as const;

for (const [what, [access, breaking]] of Object.entries(pairs)) {
  Deno.test(`${what} (RFC 8881 10.4.4)`, async () => {
    await grantAndRecall({ access, breaking });
  });
}

const reading = { access: ACCESS_READ | WANT_READ, breaking: ACCESS_BOTH };
const withIds = (uid: number, gid: number): AuthSys => ({
  ...callbackCredential,
  machine: "fake name",
  uid,
  gid,
});
const sys = (uid: number, gid: number): readonly CallbackSecurity[] => [
  { flavor: "sys", credential: withIds(uid, gid) },
];

Deno.test("callbacks come with the AUTH_SYS credential that CREATE_SESSION gave (RFC 8881 18.36.3)", async () => {
  await grantAndRecall({ ...reading, security: sys(17, 19) });
});

Deno.test("callbacks come with AUTH_NONE where CREATE_SESSION gave nothing else (RFC 8881 18.36.3)", async () => {
  const security = [{ flavor: "none" }] as const;
  await grantAndRecall({ ...reading, security, credentials: "none" });
});

Deno.test("callbacks come with the credential that BACKCHANNEL_CTL gave last (RFC 8881 18.33.3)", async () => {
  const [security, later] = [sys(17, 19), sys(29, 31)];
  await grantAndRecall({ ...reading, security, later });
});

Deno.test("no delegation for who wants none, nor for a file that another client writes (RFC 8881 10.4, 18.16.3)", async () => {
  await using fixture = await Fixture.open();
  const writer = await fixture.session();
  const access = ACCESS_WRITE | NOT_WANTED;
  const file = await writer.open(["f"], { access, create: created });
  assertEquals(file.delegation, { type: "none_ext", why: 0 });
  const reader = await fixture.session();
  for (let i = 0; i < 2; i++) {
    const access = ACCESS_READ | WANT_READ;
    const { delegation } = await reader.open(["f"], { access });
    assertEquals(delegation.type, "none_ext");
  }
});

Deno.test("a client's own open for writing leaves its read delegation, another client's recalls it (RFC 8881 10.4.1)", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const { file, stateid } = await openDelegated(holder, reading.access);
  await holder.open(["f"], { access: ACCESS_WRITE });
  assertEquals(holder.client.callbacks.recalls, []);
  const other = await fixture.session();
  const opening = disturb(other, ACCESS_WRITE);
  await recallOf(holder);
  await holder.compound([op.putfh(file.filehandle), op.delegreturn(stateid)]);
  await opening;
});

Deno.test("a delegation outlives its open: READ with its stateid after CLOSE (RFC 8881 10.4)", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const { file, stateid } = await openDelegated(holder, reading.access);
  await closeFile(holder, file);
  const put = op.putfh(file.filehandle);
  await holder.compound([put, op.read({ stateid, count: 10 })]);
  await holder.compound([put, op.delegreturn(stateid)]);
});

Deno.test("OPEN by filehandle gets a delegation, of an open that is there already too, whose seqid goes on (RFC 8881 18.16.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const access = ACCESS_READ | NOT_WANTED;
  const file = await session.open(["f"], { access, create: created });
  const claim = { claim: "fh" } as const;
  const owner = { clientid: 0n, owner: bytesOf("owner") };
  for (let seqid = 2;; seqid++) {
    const reply = await session.compound([
      op.putfh(file.filehandle),
      op.open({ access: reading.access, owner, claim }),
    ]);
    const { stateid, delegation } = reply.get("OPEN");
    assertEquals(stateid, { seqid, other: file.stateid.other });
    if (delegation.type === "read") break;
    assert(seqid < 50, "no delegation");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
});

Deno.test("a delegation that is not returned within a lease is revoked, until FREE_STATEID (RFC 8881 10.4.5, 18.38.3)", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({ clock, leaseSeconds: 10 });
  const holder = await fixture.session();
  const { file, stateid } = await openDelegated(holder, reading.access);
  const other = await fixture.session();
  const access = ACCESS_WRITE;
  // Whoever is put off tries again; the holder has nothing to say but that it is there.
  while ((await disturb(other, access)).status === Status.DELAY) {
    await holder.compound([]);
    clock.advance(1_000);
  }
  const put = op.putfh(file.filehandle);
  await holder.expectStatus(Status.DELEG_REVOKED, [put, op.read({ stateid })]);
  const revoked = SequenceStatus.RECALLABLE_STATE_REVOKED;
  assertEquals(holder.statusFlags, revoked);
  const test = await holder.compound([op.testStateid([stateid])]);
  assertEquals(test.get("TEST_STATEID").statuses, [Status.DELEG_REVOKED]);
  await holder.compound([op.freeStateid(stateid)]);
  await holder.compound([]);
  assertEquals(holder.statusFlags, 0);
  await closeFile(holder, file);
});

Deno.test("recalls take the sessions that a client has, not those that it had (RFC 8881 2.10.6.2)", async () => {
  await using fixture = await Fixture.open();
  const first = await fixture.session();
  const { client } = first;
  await first.destroy();
  const second = await client.createSession();
  const { file, stateid } = await openDelegated(second, reading.access);
  // The recall arrives, its answer never does; a new session shows the way.
  client.callbacks.next({ kind: "silent" });
  const opening = disturb(await fixture.session(), ACCESS_BOTH);
  await recallOf(second);
  await second.destroy({ expect: [Status.OK, Status.BACK_CHAN_BUSY] });
  const seen = client.callbacks.recalls.length;
  const third = await client.createSession();
  for (let i = 0; client.callbacks.recalls.length === seen; i++) {
    assert(i < 400, "not recalled again");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await third.compound([op.putfh(file.filehandle), op.delegreturn(stateid)]);
  await opening;
});

const asked = ["change", "size", "time_access", "time_modify"] as const;

/** What a client sees of the file. */
async function look(session: Session, filehandle: Uint8Array) {
  const requests = [op.putfh(filehandle), op.getattr(asked)];
  return (await session.compound(requests)).get("GETATTR").attributes;
}

/** A write delegation, and what its holder sees. */
async function writing(fixture: Fixture) {
  const holder = await fixture.session();
  const access = ACCESS_BOTH | WANT_WRITE;
  const { file, stateid } = await openDelegated(holder, access);
  const before = await look(holder, file.filehandle);
  const held = holder.client.callbacks.delegations.of(file.filehandle)!;
  held.attributes = { change: before.change!, size: before.size! };
  const other = await fixture.session();
  return { holder, other, file, stateid, held, before };
}

Deno.test("GETATTR asks the holder of a write delegation, who has changed nothing (RFC 8881 10.4.3)", async () => {
  await using fixture = await Fixture.open();
  const { other, file, before, holder } = await writing(fixture);
  const { change, size, time_modify } = await look(other, file.filehandle);
  assertEquals({ change, size, time_modify }, {
    change: before.change,
    size: before.size,
    time_modify: before.time_modify,
  });
  assertEquals(holder.client.callbacks.recalls, []);
});

Deno.test("GETATTR asks the holder of a write delegation, who has changed the file and not yet said so (RFC 8881 10.4.3)", async () => {
  await using fixture = await Fixture.open();
  const { other, file, before, held } = await writing(fixture);
  held.attributes = { change: before.change! + 1n, size: 5n };
  const after = await look(other, file.filehandle);
  assertEquals(after.size, 5n);
  assertNotEquals(after.change, before.change);
  assertNotEquals(after.time_modify, before.time_modify);
});

Deno.test("what the holder of a write delegation has written through is modified once (RFC 8881 10.4.3)", async () => {
  await using fixture = await Fixture.open();
  const { holder, other, file, stateid, held } = await writing(fixture);
  const put = op.putfh(file.filehandle);
  await holder.compound([put, op.write({ stateid, stable: 2, data: "zzzzz" })]);
  const written = await look(holder, file.filehandle);
  held.attributes = { ...held.attributes, size: 5n };
  await look(other, file.filehandle);
  const opening = disturb(other, ACCESS_WRITE);
  await recallOf(holder);
  const returned = await holder.compound([
    put,
    op.getattr(asked),
    op.delegreturn(stateid),
  ]);
  const { time_modify } = returned.get("GETATTR").attributes;
  assertEquals(time_modify, written.time_modify);
  await opening;
  await other.compound(walk(["f"]));
});
