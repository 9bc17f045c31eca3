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
  type Ground,
  NO_CALLBACKS,
  type Peer,
  startGround,
} from "./ground.ts";

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
  await using ground = await startGround();
  const one = await confirmed(ground, first);
  const two = await register(ground, first);
  assertEquals(two.clientid, one.clientid);
  assertNotEquals(two.verifier, one.verifier);
  // The old confirmation, sent again, harms nothing: 16.34.5.
  assertEquals(await ground.status(confirmOp(one)), "OK");
  assertEquals(await ground.status(confirmOp(two)), "OK");
  assertEquals(await ground.status(confirmOp(two)), "OK");
});

Deno.test("a restart gets another clientid, whatever was not confirmed before (16.33.5, third to fifth bullet)", async () => {
  await using ground = await startGround();
  const one = await confirmed(ground, first);
  const two = await register(ground, second);
  const again = await register(ground, second);
  const three = await register(ground, third);
  differ(one, two, again, three);
  for (const gone of [two, again]) {
    assertEquals(await ground.status(confirmOp(gone)), "STALE_CLIENTID");
  }
  assertEquals(await ground.status(op.renew(one.clientid)), "OK");
  assertEquals(await ground.status(confirmOp(three)), "OK");
  assertEquals(await ground.status(op.renew(one.clientid)), "STALE_CLIENTID");
  assertEquals(await ground.status(op.renew(three.clientid)), "OK");
});

Deno.test("what was never confirmed is replaced (16.33.5, first and fifth bullet)", async () => {
  await using ground = await startGround();
  const one = await register(ground, first);
  const two = await register(ground, second);
  differ(one, two);
  assertEquals(await ground.status(confirmOp(one)), "STALE_CLIENTID");
  assertEquals(await ground.status(op.renew(two.clientid)), "STALE_CLIENTID");
  assertEquals(await ground.status(confirmOp(two)), "OK");
});

Deno.test("a restart after an update whose answer was lost (16.33.5)", async () => {
  await using ground = await startGround();
  const one = await confirmed(ground, first);
  await register(ground, first);
  const two = await register(ground, { id, verifier: ZERO });
  differ(one, two);
  assertEquals(await ground.status(confirmOp(two)), "OK");
});

Deno.test("a confirmation of what was never given out is STALE_CLIENTID (16.34.5)", async () => {
  await using ground = await startGround();
  const unknown = op.setclientidConfirm(0n, ZERO);
  assertEquals(await ground.status(unknown), "STALE_CLIENTID");
  const one = await register(ground, first);
  const guessed = op.setclientidConfirm(one.clientid, ZERO);
  assertEquals(await ground.status(guessed), "STALE_CLIENTID");
});

Deno.test("OPEN by a client that never confirmed is STALE_CLIENTID (9.1.1)", async () => {
  await using ground = await startGround();
  await register(ground, first);
  const { clientid } = await register(ground, second);
  const owner = { clientid, owner: bytesOf("o") };
  const create = { mode: CreateMode.UNCHECKED };
  const claim = { claim: "null", name: "new" } as const;
  const open = op.open({ seqid: 1, owner, create, claim });
  assertEquals(await ground.status(op.putrootfh(), open), "STALE_CLIENTID");
});

Deno.test("another principal may have the name of a client without state, and of no other (16.33.5, 9.1.2)", async () => {
  await using ground = await startGround();
  const other = await ground.peer({ credential: authSys(1, 1) });
  const { id, verifier } = ground.client;
  const theirs = op.setclientid(args(other, { id, verifier }));
  assertEquals(await other.status(theirs), "OK");
  await ground.client.register(NO_CALLBACKS);
  const file = await ground.open("new");
  assertEquals(await other.status(theirs), "CLID_INUSE");
  assertEquals(await ground.close(file), "OK");
});

Deno.test("many clients, each with a file open (9.1.1)", async () => {
  await using ground = await startGround();
  await ground.ok(op.putrootfh(), createOp("dir", "many"));
  for (let i = 0; i < 300; i++) await openAs(ground, `client ${i}`);
  const listed = await ground.ok(
    op.putrootfh(),
    op.lookup("many"),
    op.readdir(),
  );
  assert(listed.get("READDIR").entries.length > 0);
});

async function openAs(ground: Ground, name: string): Promise<void> {
  const { client } = ground;
  const registration = await confirmed(ground, { id: bytesOf(name) });
  client.clientid = registration.clientid;
  await ground.open(["many", name]);
}

Deno.test("RENEW of a clientid that was never given out is STALE_CLIENTID (16.28.5)", async () => {
  await using ground = await startGround();
  assertEquals(await ground.status(op.renew(ground.client.clientid)), "OK");
  assertEquals(await ground.status(op.renew(0n)), "STALE_CLIENTID");
});
