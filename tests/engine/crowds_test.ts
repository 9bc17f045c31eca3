import { assertEquals, assertLess } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { compound } from "../../src/engine/compound.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import type {
  DelegationPolicy,
  HolderAnswer,
} from "../../src/state/delegations.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { LEASE } from "../state/fixture.ts";
import {
  LockType,
  op,
  readCompound,
  type Stateid,
  walk,
  writeCompound,
} from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { ShortTurns } from "../support/short_turns.ts";
import { slow } from "./ops/fixture.ts";
import { AT_FILE, type StateClient, StateFixture } from "./state_fixture.ts";

/** A file system whose writes wait for the test. */
function slowWrites() {
  const fs: FileSystem = memory({ file: "0123456789" });
  const write = fs.write!.bind(fs);
  const waiting: (() => void)[] = [];
  fs.write = async (...args) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return write(...args);
  };
  /** Lets the next one go on, as soon as it waits. */
  const release = async () => {
    while (waiting.length === 0) await nextTurn();
    waiting.shift()!();
  };
  return { fs, release };
}

async function lockOp(client: StateClient) {
  const openStateid = await client.open("file");
  const owner = client.owner("locker");
  const seqids = { openSeqid: 2, lockSeqid: 0 };
  return op.lock({ locker: { openStateid, owner, ...seqids } });
}

for (const minorVersion of [0, 1] as const) {
  Deno.test(`NFSv4.${minorVersion}: a lease does not run out while a request is being carried out, and begins with its end (RFC 8881 8.3)`, async () => {
    const { fs, release } = slowWrites();
    const fixture = new StateFixture({ fs });
    const { clock } = fixture;
    const { state } = fixture.services;
    const holder = await fixture.client(minorVersion);
    const rival = await fixture.client(1);
    const locking = await lockOp(holder);
    const { stateid } = await holder.ok("LOCK", ...AT_FILE, locking) as {
      stateid: Stateid;
    };
    const rivals = await lockOp(rival);
    const write = op.write({ stateid, data: "x", stable: 2 });
    const writing = holder.status(...AT_FILE, write, write);
    for (let i = 0; i < 2; i++) {
      clock.advance(LEASE + 1);
      state.sweep(clock.now());
      assertEquals(await rival.status(...AT_FILE, rivals), "DENIED");
      await release();
      for (let turns = 0; turns < 5; turns++) await nextTurn();
    }
    assertEquals(await writing, "OK");
    clock.advance(LEASE);
    assertEquals(await rival.status(...AT_FILE, rivals), "DENIED");
    clock.advance(1);
    assertEquals(await rival.status(...AT_FILE, rivals), "OK");
  });
}

Deno.test("a crowd that waits for what the holder of a file says of it goes on in turns", async () => {
  const said = Promise.withResolvers<HolderAnswer>();
  const delegations: DelegationPolicy = {
    offer: () => "write",
    recall: () => {},
    query: () => said.promise,
  };
  const fs = memory({ file: "content" });
  const fixture = new StateFixture({ fs, delegations });
  const holder = await fixture.client(1);
  await holder.open("file", { access: 3 });
  const { size, change } = fs.getattr(fs.lookup(fs.root(), "file")!);
  const turn = new ShortTurns(10);
  const getattr = fs.getattr.bind(fs);
  fs.getattr = (node) => {
    turn.look();
    return getattr(node);
  };
  Object.assign(fixture.services, { turn });
  const reader = await fixture.client(0);
  const asking = Promise.all(
    Array.from(
      { length: 100 },
      () => reader.status(...walk(["file"]), op.getattr(["size"])),
    ),
  );
  turn.most = 0;
  said.resolve({ size, change: BigInt(change), changesMade: 0 });
  assertEquals(new Set(await asking), new Set(["OK"]));
  assertLess(turn.most, 40);
});

Deno.test("NFSv4.0: a crowd that has sent one request again is answered in turns", async () => {
  const { services } = new StateFixture({ fs: slow(memory({ file: "x" })) });
  const turn = new ShortTurns(10);
  Object.assign(services, { turn });
  const { duplicates } = services.state;
  const connection = testConnection();
  const args = { minorVersion: 0, ops: [op.putrootfh(), op.remove("file")] };
  const request = new XdrWriter();
  writeCompound(request, args);
  const credential = sysCredential({ uid: 0, gid: 0, gids: [] });
  const send = async () => {
    const reply = new XdrWriter();
    const raw = reply.raw.bind(reply);
    reply.raw = (bytes) => {
      turn.look();
      raw(bytes);
    };
    const call = {
      ...{ program: 100003, version: 4, procedure: 1, xid: 1 },
      ...{ credential, seal: PLAIN, body: new XdrReader(request.slice()) },
    };
    await compound(services, call, { reply, connection, duplicates });
    return readCompound(new XdrReader(reply.slice()), args).status;
  };
  const statuses = await Promise.all(Array.from({ length: 100 }, send));
  assertEquals(new Set(statuses), new Set([0]));
  assertEquals(duplicates.hits, 99);
  assertLess(turn.most, 20);
});

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
