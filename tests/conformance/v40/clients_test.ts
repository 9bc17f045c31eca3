import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  authSys,
  bytesOf,
  CreateMode,
  op,
  type SetclientidOptions,
} from "../../support/client/mod.ts";
import {
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
