import { assertEquals } from "@std/assert";
import { LockType, op, type Stateid, walk } from "../support/client/mod.ts";
import { AT_FILE, type StateClient, StateFixture } from "./state_fixture.ts";

/** RFC 7530 16.16.2: OPEN4_RESULT_CONFIRM. */
const CONFIRM = 2;

/** Root's client, and a guest: another user of the same party that names it. */
async function start(limits: Record<string, number>) {
  const fixture = new StateFixture({
    tree: { file: "text", f: "", g: "", h: "" },
    limits,
  });
  const client = await fixture.client(0);
  for (const name of ["file", "f", "g", "h"]) {
    await client.call(...walk([name]), op.setattr({ mode: 0o666 }));
  }
  const guest = await fixture.client(0, { uid: 1000 });
  guest.clientid = client.clientid;
  return { client, guest };
}

Deno.test("4.0: what guests open is not within the client's limit, but their own", async () => {
  const { client, guest } = await start({ maxOpensPerClient: 2 });
  let last: Stateid | undefined;
  for (const who of [guest, client]) {
    for (const name of ["f", "g"]) last = await who.open(name, { owner: name });
    assertEquals(await who.openStatus("h", { owner: "h" }), "RESOURCE");
  }
  const close = op.close(last!, 2);
  assertEquals(await client.status(...walk(["g"]), close), "OK");
  assertEquals(await guest.openStatus("h", { owner: "h" }), "RESOURCE");
  assertEquals(await client.openStatus("h", { owner: "h" }), "OK");
});

/** The statuses of three locks of a byte each, by owners of their own. */
async function lockThree(client: StateClient, type: number) {
  const openStateid = await client.open("file", { owner: "opener" });
  const statuses = [];
  for (const i of [0, 1, 2]) {
    const owner = client.owner(`locker ${i}`);
    const locker = { openStateid, openSeqid: 2 + i, lockSeqid: 1, owner };
    const range = { type, offset: BigInt(i), length: 1n };
    statuses.push(
      await client.status(...AT_FILE, op.lock({ ...range, locker })),
    );
  }
  return statuses;
}

Deno.test("4.0: what guests lock is not within the client's limit, but their own", async () => {
  const { client, guest } = await start({ maxLocksPerClient: 2 });
  const two = ["OK", "OK", "RESOURCE"];
  assertEquals(await lockThree(guest, LockType.READ), two);
  assertEquals(await lockThree(client, LockType.READ), two);
});

Deno.test("4.0: guests that wait for locks take no place in line from the client", async () => {
  const { client, guest } = await start({ maxWaitingLocksPerClient: 2 });
  const other = await guest.fixture.client(0);
  const held = { openStateid: await other.open("file", { owner: "o" }) };
  const owner = other.owner("locker");
  const locker = { ...held, openSeqid: 2, lockSeqid: 1, owner };
  assertEquals(await other.status(...AT_FILE, op.lock({ locker })), "OK");
  const { waiting } = client.fixture.services.state;
  const denied = ["DENIED", "DENIED", "DENIED"];
  assertEquals(await lockThree(guest, LockType.READW), denied);
  assertEquals(waiting.size, 2);
  assertEquals(await lockThree(client, LockType.READW), denied);
  assertEquals(waiting.size, 4);
});

Deno.test("4.0: the owners of guests push out none of the client's", async () => {
  const { client, guest } = await start({});
  const open = await client.open("f", { owner: "own" });
  await client.ok("CLOSE", ...walk(["f"]), op.close(open, 2));
  for (let i = 0; i < 1_025; i++) {
    assertEquals(await guest.openStatus("f", { owner: `guest ${i}` }), "OK");
  }
  const again = client.openOp("f", { owner: "own", seqid: 3 });
  const { flags } = await client.ok("OPEN", op.putrootfh(), again);
  assertEquals(flags & CONFIRM, 0);
});
