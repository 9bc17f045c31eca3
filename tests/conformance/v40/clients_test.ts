import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import {
  authSys,
  bytesOf,
  CreateMode,
  LockType,
  op,
  type OpenedFile,
  type Request,
  type SetclientidOptions,
} from "../../support/client/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  CREATE,
  createOp,
  type Fixture,
  NO_CALLBACKS,
  type Peer,
  startFixture,
} from "./fixture.ts";

const ZERO = new Uint8Array(8);
const verifier = (text: string) => bytesOf(text.padEnd(8).slice(0, 8));

/** What SETCLIENTID gave, to be confirmed. */
interface Registration {
  readonly clientid: bigint;
  readonly verifier: Uint8Array;
}

function args(peer: Peer, changes: Partial<SetclientidOptions>) {
  return peer.client.setclientidArguments({ ...NO_CALLBACKS, ...changes });
}

async function register(
  peer: Peer,
  changes: Partial<SetclientidOptions>,
): Promise<Registration> {
  const request = op.setclientid(args(peer, changes));
  const registration = (await peer.ok(request)).get("SETCLIENTID");
  // RFC 7530 16.33.5: a verifier that can't be guessed.
  assertNotEquals(registration.verifier, ZERO);
  return registration;
}

const confirmOp = ({ clientid, verifier }: Registration) =>
  op.setclientidConfirm(clientid, verifier);

async function confirmed(
  peer: Peer,
  changes: Partial<SetclientidOptions>,
): Promise<Registration> {
  const registration = await register(peer, changes);
  await peer.ok(confirmOp(registration));
  return registration;
}

const id = bytesOf("a client");
const first = { id, verifier: verifier("first") };
const second = { id, verifier: verifier("second") };
const third = { id, verifier: verifier("third") };

function differ(...registrations: Registration[]): void {
  const ids = new Set(registrations.map(({ clientid }) => clientid));
  const verifiers = new Set(registrations.map(({ verifier }) => `${verifier}`));
  assertEquals([ids.size, verifiers.size], [
    registrations.length,
    registrations.length,
  ]);
}

Deno.test("an update keeps the clientid, and has a verifier of its own (16.33.5, second bullet)", async () => {
  await using fixture = await startFixture();
  const one = await confirmed(fixture, first);
  const two = await register(fixture, first);
  assertEquals(two.clientid, one.clientid);
  assertNotEquals(two.verifier, one.verifier);
  // The old confirmation, sent again, harms nothing: 16.34.5.
  assertEquals(await fixture.status(confirmOp(one)), "OK");
  assertEquals(await fixture.status(confirmOp(two)), "OK");
  assertEquals(await fixture.status(confirmOp(two)), "OK");
});

Deno.test("a restart gets another clientid, whatever was not confirmed before (16.33.5, third to fifth bullet)", async () => {
  await using fixture = await startFixture();
  const one = await confirmed(fixture, first);
  const two = await register(fixture, second);
  const again = await register(fixture, second);
  const three = await register(fixture, third);
  differ(one, two, again, three);
  for (const gone of [two, again]) {
    assertEquals(await fixture.status(confirmOp(gone)), "STALE_CLIENTID");
  }
  assertEquals(await fixture.status(op.renew(one.clientid)), "OK");
  assertEquals(await fixture.status(confirmOp(three)), "OK");
  assertEquals(await fixture.status(op.renew(one.clientid)), "STALE_CLIENTID");
  assertEquals(await fixture.status(op.renew(three.clientid)), "OK");
});

Deno.test("what was never confirmed is replaced (16.33.5, first and fifth bullet)", async () => {
  await using fixture = await startFixture();
  const one = await register(fixture, first);
  const two = await register(fixture, second);
  differ(one, two);
  assertEquals(await fixture.status(confirmOp(one)), "STALE_CLIENTID");
  assertEquals(await fixture.status(op.renew(two.clientid)), "STALE_CLIENTID");
  assertEquals(await fixture.status(confirmOp(two)), "OK");
});

Deno.test("a restart after an update whose answer was lost (16.33.5)", async () => {
  await using fixture = await startFixture();
  const one = await confirmed(fixture, first);
  await register(fixture, first);
  const two = await register(fixture, { id, verifier: ZERO });
  differ(one, two);
  assertEquals(await fixture.status(confirmOp(two)), "OK");
});

Deno.test("a confirmation of what was never given out is STALE_CLIENTID (16.34.5)", async () => {
  await using fixture = await startFixture();
  const unknown = op.setclientidConfirm(0n, ZERO);
  assertEquals(await fixture.status(unknown), "STALE_CLIENTID");
  const one = await register(fixture, first);
  const guessed = op.setclientidConfirm(one.clientid, ZERO);
  assertEquals(await fixture.status(guessed), "STALE_CLIENTID");
});

Deno.test("OPEN by a client that never confirmed is STALE_CLIENTID (9.1.1)", async () => {
  await using fixture = await startFixture();
  await register(fixture, first);
  const { clientid } = await register(fixture, second);
  const owner = { clientid, owner: bytesOf("o") };
  const create = { mode: CreateMode.UNCHECKED };
  const claim = { claim: "null", name: "new" } as const;
  const open = op.open({ seqid: 1, owner, create, claim });
  assertEquals(await fixture.status(op.putrootfh(), open), "STALE_CLIENTID");
});

Deno.test("another principal may have the name of a client without state, and of no other (16.33.5, 9.1.2)", async () => {
  await using fixture = await startFixture();
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const { id, verifier } = fixture.client;
  const theirs = op.setclientid(args(other, { id, verifier }));
  assertEquals(await other.status(theirs), "OK");
  await fixture.client.register(NO_CALLBACKS);
  const file = await fixture.open("new");
  assertEquals(await other.status(theirs), "CLID_INUSE");
  assertEquals(await fixture.close(file), "OK");
});

Deno.test("many clients, each with a file open (9.1.1)", async () => {
  await using fixture = await startFixture();
  await fixture.ok(op.putrootfh(), createOp("dir", "many"));
  for (let i = 0; i < 300; i++) await openAs(fixture, `client ${i}`);
  const listed = await fixture.ok(
    op.putrootfh(),
    op.lookup("many"),
    op.readdir(),
  );
  assert(listed.get("READDIR").entries.length > 0);
});

async function openAs(fixture: Fixture, name: string): Promise<void> {
  const { client } = fixture;
  const registration = await confirmed(fixture, { id: bytesOf(name) });
  client.clientid = registration.clientid;
  await fixture.open(["many", name]);
}

Deno.test("RENEW of a clientid that was never given out is STALE_CLIENTID (16.28.5)", async () => {
  await using fixture = await startFixture();
  assertEquals(await fixture.status(op.renew(fixture.client.clientid)), "OK");
  assertEquals(await fixture.status(op.renew(0n)), "STALE_CLIENTID");
});

const LEASE_SECONDS = 10;
const create = { ...CREATE, attributes: { mode: 0o666 } };

interface Pair {
  readonly clock: FakeClock;
  readonly fixture: Fixture;
  readonly other: Peer;
  readonly file: OpenedFile;
}

/** Two clients by two users, and a file of the first that nobody else may write. */
async function start(deny: number): Promise<Pair> {
  const clock = new FakeClock();
  const fixture = await startFixture({ clock, leaseSeconds: LEASE_SECONDS });
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const file = await fixture.open("new", { deny, create });
  return { clock, fixture, other, file };
}

/** Waits until the first client's lease has run out; the other one's goes on. */
async function outlast({ clock }: Pair, ...others: Peer[]): Promise<void> {
  for (let i = 0; i < 3; i++) {
    clock.advance(LEASE_SECONDS * 500);
    for (const other of others) {
      await other.ok(op.renew(other.client.clientid));
    }
  }
}

Deno.test("a lease that ran out harms nobody as long as nobody minds (RFC 7530 9.6.3)", async () => {
  const pair = await start(Share.DENY_WRITE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const lock = await fixture.lock(file);
  await outlast(pair, other);
  const at = op.putfh(file.filehandle);
  const unlock = op.locku({ stateid: lock, seqid: 1 });
  assertEquals(await fixture.status(at, unlock), "OK");
  await outlast(pair, other);
  assertEquals(await fixture.close(file), "OK");
});

Deno.test("an OPEN in conflict ends what had lapsed: EXPIRED to its owner from then on (RFC 7530 9.6.3, 13.1.5.3)", async () => {
  const pair = await start(Share.DENY_WRITE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const lock = await fixture.lock(file);
  const { stateid } = file;
  const { clientid } = fixture.client;
  const { seqid } = fixture.client.owner();
  const write = { access: Share.ACCESS_WRITE };
  assertEquals(await other.openStatus("new", write), "SHARE_DENIED");
  await outlast(pair, other);
  assertEquals(await other.openStatus("new", write), "OK");
  const at = op.putfh(file.filehandle);
  const late: Request[] = [
    op.renew(clientid),
    op.read({ stateid }),
    op.write({ stateid, data: "x" }),
    op.locku({ stateid: lock, seqid: 1 }),
    op.close(stateid, seqid),
    op.close(stateid, seqid),
    op.lockt({ owner: fixture.lockOwner("tester") }),
  ];
  for (const request of late) {
    assertEquals(await fixture.status(at, request), "EXPIRED", request.name);
  }
  const again = await fixture.openStatus("file", { owner: "anew" });
  assertEquals(again, "EXPIRED");
  await fixture.client.register();
  assertEquals(await fixture.openStatus("file", { owner: "anew" }), "OK");
});

Deno.test("a LOCK in conflict ends what had lapsed (RFC 7530 9.6.3)", async () => {
  const pair = await start(Share.DENY_NONE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  await fixture.lock(file);
  const theirs = await other.open("new", { owner: "2", create });
  const wish = { owner: "2", type: LockType.READ };
  assertEquals(await other.lockStatus(theirs, wish), "DENIED");
  await outlast(pair, other);
  assertEquals(await other.lockStatus(theirs, wish), "OK");
});

Deno.test("an owner that asked for a blocking lock and never again is not waited for (RFC 7530 9.4)", async () => {
  const pair = await start(Share.DENY_NONE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const stateid = await fixture.lock(file);
  const wish = { locker: "2", type: LockType.WRITEW };
  assertEquals(await fixture.lockStatus(file, wish), "DENIED");
  await outlast(pair, fixture, other);
  const at = op.putfh(file.filehandle);
  await fixture.ok(at, op.locku({ stateid, seqid: 1 }));
  assertEquals(await fixture.lockStatus(file, { ...wish, locker: "3" }), "OK");
});

Deno.test("reading, writing and locking renew the lease as RENEW does (RFC 7530 9.5)", async () => {
  const pair = await start(Share.DENY_WRITE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const at = op.putfh(file.filehandle);
  const { stateid } = file;
  for (
    const request of [
      op.read({ stateid }),
      op.write({ stateid, data: "x" }),
      op.setattr({ size: 1n }, stateid),
    ]
  ) {
    pair.clock.advance(LEASE_SECONDS * 700);
    await fixture.ok(at, request);
    await other.ok(op.renew(other.client.clientid));
  }
  const write = { access: Share.ACCESS_WRITE };
  assertEquals(await other.openStatus("new", write), "SHARE_DENIED");
});
