import { assert, assertEquals, assertRejects } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { ServerLimits } from "../../src/server/limits.ts";
import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  ClientConnection,
  ConnectionLost,
  CreateMode,
  FileType,
  LockType,
  NfsError,
  op,
  openSession,
  type Session,
  SessionClient,
  V40Client,
} from "../support/client/mod.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { startServer } from "../support/server.ts";
import { Gate, waiting } from "./fixture.ts";

const tree = { f: "0123456789", g: "", h: "" };

Deno.test("a limit that is none is refused with a word why", async () => {
  const fs = memory();
  const refused = [
    [{ maxSlots: 0 }, "maxSlots must be a whole number above 0: 0"],
    [{ maxClients: -1 }, "maxClients must be a whole number above 0: -1"],
    [{ maxOperations: 1.5 }, "maxOperations"],
    [{ maxConnections: NaN }, "maxConnections"],
    [{ maxRead: 1 << 20, maxReply: 4096 }, "does not fit maxReply 4096"],
    [{ maxWrite: 1 << 20, maxRequest: 4096 }, "does not fit maxRequest 4096"],
    [{ maxBufferBytes: 512 }, "maxBufferBytes 512 is too little"],
    [{ maxStateBytes: 512 }, "maxStateBytes 512 is too little"],
  ] as const;
  for (const [limits, message] of refused) {
    const given = limits as Partial<ServerLimits>;
    const start = () => serve(fs, { port: 0, limits: given });
    await assertRejects(start, RangeError, message);
  }
});

Deno.test("connections: those that never made a call give way, then the newest is turned away", async () => {
  await using server = await startServer({ limits: { maxConnections: 3 } });
  await using first = await ClientConnection.connect(server);
  await first.ping();
  await using silent = await ClientConnection.connect(server);
  await using second = await ClientConnection.connect(server);
  await second.ping();
  await using third = await ClientConnection.connect(server);
  await third.ping();
  await silent.closed;
  await using fourth = await ClientConnection.connect(server);
  await assertRejects(() => fourth.ping(), ConnectionLost);
  for (const each of [first, second, third]) await each.ping();
  await third[Symbol.asyncDispose]();
  // The server learns of it in its own time.
  for (let isServed = false; !isServed;) {
    await using fifth = await ClientConnection.connect(server);
    isServed = await fifth.ping().then(() => true, () => false);
  }
});

Deno.test("connections of one address", async () => {
  await using server = await startServer({
    limits: { maxConnectionsPerAddress: 1 },
  });
  await using first = await ClientConnection.connect(server);
  await first.ping();
  await using second = await ClientConnection.connect(server);
  await assertRejects(() => second.ping(), ConnectionLost);
  await first.ping();
});

Deno.test("clients: the unconfirmed give way, those with state and a lease don't", async () => {
  await using server = await startServer({ tree, limits: { maxClients: 3 } });
  const { port } = server;
  await using confirmed = await openSession({ port });
  await using v40 = await V40Client.connect({ port });
  await v40.register();
  const v40File = await v40.open(["f"]);
  await confirmed.open(["f"]);
  // As many as like to may come and go.
  for (let i = 0; i < 20; i++) {
    await using passing = await SessionClient.connect({ port });
    await passing.exchangeId();
  }
  await using third = await openSession({ port });
  await third.open(["g"]);
  await using late = await SessionClient.connect({ port });
  const full = await assertRejects(() => late.exchangeId(), NfsError);
  assertEquals(full.status, Status.DELAY);
  await using late40 = await V40Client.connect({ port });
  const full40 = await assertRejects(() => late40.register(), NfsError);
  assertEquals(full40.status, Status.RESOURCE);
  for (const session of [confirmed, third]) {
    await session.compound([op.putrootfh()]);
  }
  await v40.compound([op.renew(v40.clientid)]);
  // Without state it makes room, and may come again.
  await v40.compound([
    op.putfh(v40File.filehandle),
    op.close(v40File.stateid, v40.owner().seqid),
  ]);
  await late.exchangeId();
});

Deno.test("sessions of a client: the longest idle one goes, one at work stays", async () => {
  const gate = new Gate("getattr");
  const fs = waiting(memory(tree), gate.hold);
  await using server = await serve(fs, {
    port: 0,
    limits: { maxSessionsPerClient: 3 },
  });
  const { port } = server;
  await using first = await openSession({ port });
  const { client } = first;
  gate.shut();
  const works = first.compound([op.putrootfh(), op.getattr(["type"])]);
  await gate.reached();
  const second = await client.createSession();
  const third = await client.createSession();
  await second.compound([op.putrootfh()]);
  await third.compound([op.putrootfh()]);
  await second.compound([op.putrootfh()]);
  const fourth = await client.createSession();
  await third.expectStatus(Status.BADSESSION, [op.putrootfh()]);
  for (const session of [first, second, fourth]) {
    await session.compound([op.putrootfh()]);
  }
  const busy = [second, fourth].map((session) =>
    session.compound([op.putrootfh(), op.getattr(["type"])])
  );
  await gate.reached(3);
  const full = await assertRejects(() => client.createSession(), NfsError);
  assertEquals(full.status, Status.NOSPC);
  gate.open();
  await Promise.all([works, ...busy]);
});

Deno.test("connections of a session: any number of them are served in turn, a few are bound", async () => {
  const limits = { maxConnectionsPerSession: 3 };
  await using server = await startServer({ metricsPort: 0, limits });
  await using session = await openSession({ port: server.port });
  const { client } = session;
  const connections = [];
  for (let i = 0; i < 6; i++) connections.push(await client.newConnection());
  for (const connection of [...connections, ...connections]) {
    await session.compound([op.putrootfh()], { connection });
  }
  const text = await scrape(server.server);
  assertEquals(valueOf(text, "connections_bound"), 3);
  const gaveWay = 'connections_unbind_total{reason="gave-way"}';
  assertEquals(valueOf(text, gaveWay), 10);
  await session.compound([op.putrootfh()]);
});

Deno.test("10,000 CREATE_SESSIONs in a row: no more sessions than may be", async () => {
  await using server = await startServer();
  await using client = await SessionClient.connect(server);
  await client.exchangeId();
  let last: Session | undefined;
  for (let i = 0; i < 10_000; i++) {
    const created = await client.createSession({ flags: 0 });
    client.callbacks.removeSession(created.id);
    if (i === 0) last = created;
    else if (i === 20) {
      await last!.expectStatus(Status.BADSESSION, [op.putrootfh()]);
    }
    if (i === 9_999) last = created;
  }
  await last!.compound([op.putrootfh()]);
});

Deno.test("slots, request and reply sizes, operations: what is granted is what holds", async () => {
  const limits = {
    maxSlots: 3,
    maxOperations: 5,
    maxRequest: 8192,
    maxReply: 8192,
    maxRead: 4096,
    maxWrite: 4096,
    maxCachedReply: 600,
  };
  await using server = await startServer({ tree, limits });
  await using session = await openSession({ port: server.port });
  const { fore } = session;
  assertEquals(fore.maxrequests, 3);
  assertEquals(fore.maxoperations, 5);
  assertEquals(fore.maxrequestsize, 8192);
  assertEquals(fore.maxresponsesize, 8192);
  assertEquals(fore.maxresponsesize_cached, 600);
  const root = op.putrootfh();
  await session.expectStatus(Status.BADSLOT, [root], {
    slotid: 3,
    sequenceid: 1,
  });
  await session.compound([root, root, root, root]);
  await session.expectStatus(
    Status.TOO_MANY_OPS,
    [root, root, root, root, root],
  );
  const attributes = await session.compound([
    root,
    op.getattr(["maxread", "maxwrite"]),
  ]);
  assertEquals(attributes.get("GETATTR").attributes, {
    maxread: 4096n,
    maxwrite: 4096n,
  });
  const long = op.lookup("x".repeat(8100));
  await session.expectStatus(Status.REQ_TOO_BIG, [root, long]);
  const { filehandle, stateid } = await session.open(["f"]);
  await session.compound([
    op.putfh(filehandle),
    op.write({ stateid, data: new Uint8Array(4000) }),
  ]);
  const read = [op.putfh(filehandle), op.read({ stateid, count: 4000 })];
  await session.expectStatus(Status.REP_TOO_BIG_TO_CACHE, read);
  await session.compound(read, { cacheThis: false });
  await session.expectStatus(Status.REP_TOO_BIG, [
    ...read,
    read[1]!,
    read[1]!,
  ], { cacheThis: false });
  // Beyond the record, a whole connection is not worth keeping.
  await using other = await ClientConnection.connect(server);
  await other.send(new Uint8Array(20_000)).catch(() => {});
  await other.closed;
});

Deno.test("NFSv4.0: operations and reply size beyond the limit are RESOURCE", async () => {
  const limits = {
    maxOperations: 5,
    maxReply: 8192,
    maxRead: 4096,
    maxWrite: 4096,
  };
  await using server = await startServer({ tree, limits });
  await using client = await V40Client.connect(server);
  await client.register();
  const root = op.putrootfh();
  const ops = [root, root, root, root, root, root];
  await client.expectStatus(Status.RESOURCE, ops);
  const { filehandle, stateid } = await client.open(["f"]);
  const write = op.write({ stateid, data: new Uint8Array(4000) });
  await client.compound([op.putfh(filehandle), write]);
  const read = op.read({ stateid, count: 4000 });
  const reads = [op.putfh(filehandle), read, read, read];
  await client.expectStatus(Status.RESOURCE, reads);
});

/** A client of each kind with an open of f, and what it is refused with at a limit. */
async function openers(port: number) {
  const session = await openSession({ port });
  const v40 = await V40Client.connect({ port });
  await v40.register();
  return {
    v40,
    session,
    [Symbol.asyncDispose]: async () => {
      await v40[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
    },
  };
}

Deno.test("opens of a client: RESOURCE in 4.0, DELAY in 4.1, and a CLOSE makes room", async () => {
  await using server = await startServer({
    tree,
    delegations: false,
    limits: { maxOpensPerClient: 2 },
  });
  await using clients = await openers(server.port);
  const { session, v40 } = clients;
  for (
    const [client, status] of [
      [session, Status.DELAY],
      [v40, Status.RESOURCE],
    ] as const
  ) {
    const first = await client.open(["f"]);
    await client.open(["g"]);
    const error = await assertRejects(() => client.open(["h"]));
    assert(String(error).includes(status === Status.DELAY ? "DELAY" : "RES"));
    // What is open already may be opened again: that takes no room.
    const again = await client.open(["f"]);
    assertEquals(again.stateid.other, first.stateid.other);
    const seqid = client === v40 ? v40.owner().seqid++ : 0;
    await client.compound([
      op.putfh(first.filehandle),
      op.close(again.stateid, seqid),
    ]);
    await client.open(["h"]);
  }
});

Deno.test("locks of a client: ranges, those that unlocking makes, and lock owners count", async () => {
  await using server = await startServer({
    tree,
    limits: { maxLocksPerClient: 3 },
  });
  await using session = await openSession({ port: server.port });
  const { filehandle, stateid } = await session.open(["f"]);
  const owner = (name: string) => ({
    openStateid: stateid,
    owner: { clientid: 0n, owner: bytesOf(name) },
  });
  const file = op.putfh(filehandle);
  const reply = await session.compound([
    file,
    op.lock({ locker: owner("a"), offset: 0n, length: 100n }),
  ]);
  const lock = reply.get("LOCK").stateid;
  const any = { ...lock, seqid: 0 };
  const unlock = (offset: bigint) =>
    op.locku({ stateid: any, offset, length: 1n });
  await session.compound([file, unlock(10n)]);
  await session.compound([file, unlock(20n)]);
  // A third hole would make a fourth range.
  await session.expectStatus(Status.DELAY, [file, unlock(30n)]);
  // What takes nothing more is always there.
  await session.compound([file, unlock(0n)]);
  await session.compound([
    file,
    op.locku({ stateid: any, offset: 0n, length: 100n }),
  ]);
  // An owner that has unlocked everything keeps its stateid.
  for (const name of ["b", "c"]) {
    const locked = await session.compound([
      file,
      op.lock({ locker: owner(name), length: 1n }),
    ]);
    await session.compound([
      file,
      op.locku({ stateid: locked.get("LOCK").stateid, length: 1n }),
    ]);
  }
  const fourth = [file, op.lock({ locker: owner("d"), length: 1n })];
  await session.expectStatus(Status.DELAY, fourth);
  await session.compound([op.freeStateid(any)]);
  await session.compound(fourth);
});

Deno.test("locks of a client: at the limit what takes no further range is locked", async () => {
  await using server = await startServer({
    tree,
    limits: { maxLocksPerClient: 2 },
  });
  await using session = await openSession({ port: server.port });
  const { filehandle, stateid } = await session.open(["f"]);
  const file = op.putfh(filehandle);
  const owner = { clientid: 0n, owner: bytesOf("a") };
  const first = await session.compound([
    file,
    op.lock({ locker: { openStateid: stateid, owner }, length: 10n }),
  ]);
  const lockStateid = { ...first.get("LOCK").stateid, seqid: 0 };
  const lock = (
    offset: bigint,
    length: bigint,
    type: number = LockType.WRITE,
  ) => [
    file,
    op.lock({ locker: { lockStateid }, offset, length, type }),
  ];
  await session.compound(lock(20n, 10n));
  await session.expectStatus(Status.DELAY, lock(40n, 10n));
  await session.expectStatus(Status.DELAY, lock(2n, 2n, LockType.READ));
  // Once more, a neighbour that is joined, a downgrade, and all of it.
  await session.compound(lock(0n, 10n));
  await session.compound(lock(30n, 5n));
  await session.compound(lock(0n, 10n, LockType.READ));
  await session.compound(lock(0n, 100n));
  // That made one range of two.
  await session.compound(lock(200n, 10n));
});

Deno.test("delegations of a client: beyond the limit an OPEN gets none", async () => {
  await using server = await startServer({
    tree,
    limits: { maxDelegationsPerClient: 1 },
  });
  await using session = await openSession({ port: server.port });
  // OPEN4_SHARE_ACCESS_WANT_READ_DELEG
  const wish = { access: 1 | 0x100 };
  let first = await session.open(["f"], wish);
  // The back channel is tried out first.
  while (first.delegation.type !== "read") {
    await new Promise((resolve) => setTimeout(resolve, 1));
    first = await session.open(["f"], wish);
  }
  const { delegation } = await session.open(["g"], wish);
  assert(delegation.type === "none_ext" && delegation.why === 2, "RESOURCE");
  await session.compound([
    op.putfh(first.filehandle),
    op.delegreturn(first.delegation.stateid),
  ]);
  const next = await session.open(["g"], wish);
  assertEquals(next.delegation.type, "read");
});

Deno.test("a name, a target or a folder beyond what is allowed harms nobody", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const big = "x".repeat(1_000_000);
  const root = op.putrootfh();
  const create = { mode: CreateMode.UNCHECKED, attributes: {} };
  for (
    const request of [
      op.lookup(big),
      op.remove(big),
      op.rename("f", big),
      op.create({ type: FileType.DIR, name: big }),
      op.open({
        owner: { clientid: 0n, owner: bytesOf("o") },
        create,
        claim: { claim: "null", name: big },
      }),
      op.create({ type: FileType.LNK, name: "l", link: big }),
    ]
  ) {
    await session.expectStatus(
      [Status.NAMETOOLONG, Status.BADXDR, Status.REQ_TOO_BIG],
      [root, op.savefh(), request],
    );
  }
});
