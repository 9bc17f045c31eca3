import { assertEquals, assertNotEquals } from "@std/assert";
import { op, type Request, type Stateid, walk } from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { AT_FILE, type StateClient, StateFixture } from "./state_fixture.ts";

const READ = 1;
const AT_ROOT = [op.putrootfh()];

/** Root's client, with "file" that all may open, and another user of the same host. */
async function start() {
  const fixture = new StateFixture({ tree: { file: "text", other: "text" } });
  const client = await fixture.client(0);
  for (const name of ["file", "other"]) {
    await client.call(...walk([name]), op.setattr({ mode: 0o666 }));
  }
  const stranger = await fixture.client(0, { uid: 1000 });
  return { fixture, client, stranger };
}

/** LOCK of all of the file by a lock owner of `client` that is new under an open. */
function lockOp(
  client: StateClient,
  open: Stateid,
  { openSeqid, lockSeqid }: { openSeqid: number; lockSeqid: number },
): Request<"LOCK"> {
  const owner = client.owner("locker");
  const locker = { openStateid: open, openSeqid, lockSeqid, owner };
  return op.lock({ locker });
}

/** The open and the lock of all of "file" that a client has. */
async function locked(client: StateClient) {
  const open = await client.open("file", { owner: "opener" });
  const lock = lockOp(client, open, { openSeqid: 2, lockSeqid: 7 });
  const { stateid } = await client.ok("LOCK", ...AT_FILE, lock);
  return { open, stateid };
}

Deno.test("4.0: who names another user's lock owner is not that owner (RFC 7530 9.1.7)", async () => {
  const { client, stranger } = await start();
  const { stateid } = await locked(client);
  const naming = { access: READ, owner: "posing" };
  const { clientid } = stranger;
  stranger.clientid = client.clientid;
  const open = await stranger.open("file", naming);
  const answers = [];
  for (let i = 0; i < 3; i++) {
    const seqids = { openSeqid: 2 + i, lockSeqid: 6 + i };
    answers.push(
      await stranger.status(...AT_FILE, lockOp(client, open, seqids)),
    );
  }
  stranger.clientid = clientid;
  assertEquals(answers, ["OPENMODE", "OPENMODE", "OPENMODE"]);
  const unlock = op.locku({ stateid, seqid: 8 });
  assertEquals(await client.status(...AT_FILE, unlock), "OK");
});

Deno.test("4.0: who names another user's lock owner is kept out by its locks", async () => {
  const { client, stranger } = await start();
  await locked(client);
  const test = op.lockt({ owner: client.owner("locker") });
  assertEquals(await client.status(...AT_FILE, test), "OK");
  assertEquals(await stranger.status(...AT_FILE, test), "DENIED");
});

Deno.test("4.0: who names another user's lock owner releases nothing (RFC 7530 16.37)", async () => {
  const { client, stranger } = await start();
  const { stateid } = await locked(client);
  const unlock = op.locku({ stateid, seqid: 8 });
  const unlocked = await client.ok("LOCKU", ...AT_FILE, unlock);
  const release = op.releaseLockowner(client.owner("locker"));
  assertEquals(await stranger.status(release), "OK");
  const locker = { lockStateid: unlocked.stateid, lockSeqid: 9 };
  const again = op.lock({ locker });
  assertEquals(await client.status(...AT_FILE, again), "OK");
});

Deno.test("4.0: who names another user's open owner opens something else, and uses up none of its seqids", async () => {
  const { client, stranger } = await start();
  const open = await client.open("file", { owner: "opener" });
  const opening = client.openOp("file", { owner: "opener", seqid: 2 });
  const { stateid } = await stranger.ok("OPEN", ...AT_ROOT, opening);
  assertNotEquals(stateid.other, open.other);
  const own = await client.ok("OPEN", ...AT_ROOT, opening);
  assertEquals(own.stateid.other, open.other);
});

Deno.test("4.0: users of the client's connection share its owners", async () => {
  const { client } = await start();
  const open = await client.open("file", { owner: "opener" });
  client.uid = 1000;
  const opening = client.openOp("file", { owner: "opener", seqid: 2 });
  const { stateid } = await client.ok("OPEN", ...AT_ROOT, opening);
  assertEquals(stateid.other, open.other);
});

Deno.test("4.0: what one user was answered under a seqid is not told another", async () => {
  const { client } = await start();
  await client.open("file", { owner: "opener" });
  const opening = client.openOp("file", { owner: "opener", seqid: 2 });
  await client.ok("OPEN", ...AT_ROOT, opening);
  client.uid = 1000;
  assertEquals(await client.status(...AT_ROOT, opening), "BAD_SEQID");
  client.uid = 0;
  assertEquals(await client.status(...AT_ROOT, opening), "OK");
});

Deno.test("4.0: a user goes on with its owners on a connection that the client has not spoken on", async () => {
  const { client } = await start();
  client.uid = 1000;
  const open = await client.open("file", { owner: "opener" });
  client.connection = testConnection();
  const opening = client.openOp("file", { owner: "opener", seqid: 2 });
  const again = await client.ok("OPEN", ...AT_ROOT, opening);
  assertEquals(again.stateid.other, open.other);
  // Also with one that it made there, once the client has spoken.
  const guest = await client.open("file", { owner: "new" });
  client.uid = 0;
  assertEquals(await client.status(op.renew(client.clientid)), "OK");
  client.uid = 1000;
  const next = client.openOp("file", { owner: "new", seqid: 2 });
  const { stateid } = await client.ok("OPEN", ...AT_ROOT, next);
  assertEquals(stateid.other, guest.other);
});

/** A user's lock owner that was made as a guest's, on a connection of its own; its open, and what LOCKU answered where it has unlocked. */
async function guestsLocker(client: StateClient, isUnlocked: boolean) {
  client.uid = 1000;
  client.connection = testConnection();
  const open = await client.open("file", { owner: "opener" });
  const lock = lockOp(client, open, { openSeqid: 2, lockSeqid: 7 });
  const { stateid } = await client.ok("LOCK", ...AT_FILE, lock);
  const unlock = op.locku({ stateid, seqid: 8 });
  if (isUnlocked) await client.ok("LOCKU", ...AT_FILE, unlock);
  return open;
}

Deno.test("4.0: the client itself releases a lock owner that its user made as a guest (RFC 7530 16.37)", async () => {
  const { client } = await start();
  const open = await guestsLocker(client, true);
  client.uid = 0;
  const release = op.releaseLockowner(client.owner("locker"));
  assertEquals(await client.status(release), "OK");
  client.uid = 1000;
  client.connection = testConnection();
  const anew = lockOp(client, open, { openSeqid: 3, lockSeqid: 0 });
  assertEquals(await client.status(...AT_FILE, anew), "OK");
});

Deno.test("4.0: the client itself releases no lock owner of a guest that holds a lock", async () => {
  const { client } = await start();
  await guestsLocker(client, false);
  client.uid = 0;
  const release = op.releaseLockowner(client.owner("locker"));
  assertEquals(await client.status(release), "LOCKS_HELD");
});

Deno.test("4.0: locks under what the client has open are the client's, whatever connection they come on", async () => {
  const { client } = await start();
  client.uid = 1000;
  const open = await client.open("file", { owner: "opener" });
  const first = lockOp(client, open, { openSeqid: 2, lockSeqid: 1 });
  client.connection = testConnection();
  assertEquals(await client.status(...AT_FILE, first), "OK");
  client.uid = 0;
  const test = op.lockt({ owner: client.owner("locker") });
  assertEquals(await client.status(...AT_FILE, test), "OK");
});
