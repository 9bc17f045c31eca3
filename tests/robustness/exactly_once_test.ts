import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  memory,
  type MemoryFileSystem,
} from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { ARRIVAL_MS } from "../../src/state/kept_answers.ts";
import {
  authSys,
  bytesOf,
  ClientConnection,
  ConnectionLost,
  CreateMode,
  FileType,
  NfsError,
  op,
  openRequests,
  openSession,
  type PreparedCompound,
  type Request,
  rootCredential,
  type Session,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { sendCompound } from "../support/client/sender.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Gate, type Hold, waiting } from "./fixture.ts";

/** A server on a file system that counts what is done to it. */
async function countedServer(hold?: Hold, clock: Clock = systemClock) {
  const fs: MemoryFileSystem = memory({ d: { f: "content", g: "" } });
  const calls = new Map<string, number>();
  const counted = waiting(fs, (method) => {
    calls.set(method, (calls.get(method) ?? 0) + 1);
    return hold?.(method);
  });
  const server = await serve([{ path: "/", fs: counted, squash: "none" }], {
    port: 0,
    clock,
    shutdownTimeout: 1000,
  });
  const count = (method: string) => calls.get(method) ?? 0;
  return {
    port: server.port,
    count,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Sends it, cuts the connection once the file system is at work, and sends it again on a new one. */
async function cutAndRepeat(
  session: Session,
  prepared: PreparedCompound,
  gate: Gate,
): Promise<{ readonly connection: ClientConnection }> {
  const doomed = await session.client.newConnection();
  const lost = assertRejects(() => prepared.send(doomed), ConnectionLost);
  await gate.reached();
  doomed.close();
  await lost;
  const connection = await session.client.newConnection();
  // RFC 8881 2.10.6.2: the first is still being carried out.
  const busy = await assertRejects(() => prepared.send(connection), NfsError);
  assertEquals(busy.status, Status.DELAY);
  gate.open();
  return { connection };
}

/** Repeats a request until the slot is no longer busy. */
async function untilAnswered(
  prepared: PreparedCompound,
  connection: ClientConnection,
) {
  for (;;) {
    try {
      return await prepared.send(connection);
    } catch (error) {
      if (!(error instanceof NfsError && error.status === Status.DELAY)) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

const folder = walk(["d"]);
const owner = (session: Session, name: string) => ({
  clientid: session.client.clientid,
  owner: bytesOf(name),
});

/** Requests that must not be carried out twice, and the method that would be called twice. */
const requests: Record<
  string,
  {
    readonly method: string;
    readonly ops: (session: Session) => Promise<readonly Request[]>;
  }
> = {
  CREATE: {
    method: "create",
    ops: () =>
      Promise.resolve([
        ...folder,
        op.create({ type: FileType.DIR, name: "new" }),
        op.getfh(),
      ]),
  },
  REMOVE: {
    method: "remove",
    ops: () => Promise.resolve([...folder, op.remove("f")]),
  },
  RENAME: {
    method: "rename",
    ops: () =>
      Promise.resolve([...folder, op.savefh(), op.rename("f", "renamed")]),
  },
  LINK: {
    method: "link",
    ops: () =>
      Promise.resolve([
        ...folder,
        op.lookup("f"),
        op.savefh(),
        ...folder,
        op.link("second"),
      ]),
  },
  SETATTR: {
    method: "setattr",
    ops: () =>
      Promise.resolve([...folder, op.lookup("f"), op.setattr({ mode: 0o600 })]),
  },
  "OPEN that creates": {
    method: "create",
    ops: (session) =>
      Promise.resolve(openRequests(["d", "new"], {
        clientid: session.client.clientid,
        create: { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } },
      })),
  },
  WRITE: {
    method: "write",
    ops: async (session) => {
      const { filehandle, stateid } = await session.open(["d", "f"]);
      return [op.putfh(filehandle), op.write({ stateid, data: "once" })];
    },
  },
  CLOSE: {
    method: "getattr",
    ops: async (session) => {
      const { filehandle, stateid } = await session.open(["d", "f"]);
      return [op.putfh(filehandle), op.close(stateid), op.getattr(["change"])];
    },
  },
  LOCK: {
    method: "getattr",
    ops: async (session) => {
      const { filehandle, stateid } = await session.open(["d", "f"]);
      const locker = { openStateid: stateid, owner: owner(session, "locker") };
      return [op.putfh(filehandle), op.lock({ locker, length: 10n })];
    },
  },
};

for (const [name, { method, ops }] of Object.entries(requests)) {
  Deno.test(`${name}: cut off mid-work and sent again on a new connection, it is done once`, async () => {
    const gate = new Gate(method);
    await using server = await countedServer(gate.hold);
    await using session = await openSession({ port: server.port });
    const prepared = session.prepare(await ops(session), { slotid: 2 });
    const before = server.count(method);
    gate.shut();
    const { connection } = await cutAndRepeat(session, prepared, gate);
    const first = await untilAnswered(prepared, connection);
    const calls = server.count(method) - before;
    const again = await prepared.send(connection);
    assertEquals(first.status, Status.OK);
    assertEquals(again.bytes, first.bytes);
    assert(calls > 0);
    assertEquals(server.count(method) - before, calls);
    if (method !== "getattr") assertEquals(calls, 1);
  });
}

Deno.test("another request under the seqid of an answered one is a false retry", async () => {
  await using server = await countedServer();
  await using session = await openSession({ port: server.port });
  const first = await session.compound([...folder, op.remove("f")], {
    slotid: 1,
  });
  const sequenceid = session.sequenceids[1]!;
  for (
    const ops of [
      [...folder, op.remove("g")],
      [...folder, op.remove("f"), op.getfh()],
      [op.putrootfh()],
    ]
  ) {
    const other = { slotid: 1, sequenceid };
    await session.expectStatus(Status.SEQ_FALSE_RETRY, ops, other);
  }
  const stranger = { slotid: 1, sequenceid, credential: authSys(1000, 1000) };
  const same = [...folder, op.remove("f")];
  await session.expectStatus(Status.SEQ_FALSE_RETRY, same, stranger);
  assertEquals(server.count("remove"), 1);
  // The slot has not moved by any of them.
  const again = await session.compound(same, { slotid: 1, sequenceid });
  assertEquals(again.bytes, first.bytes);
});

Deno.test("what was not to be kept is not carried out again either", async () => {
  await using server = await countedServer();
  await using session = await openSession({ port: server.port });
  const prepared = session.prepare([...folder, op.remove("f")], {
    slotid: 0,
    cacheThis: false,
    expect: [Status.OK, Status.RETRY_UNCACHED_REP],
  });
  assertEquals((await prepared.send()).status, Status.OK);
  const again = await prepared.send();
  assertEquals(again.status, Status.RETRY_UNCACHED_REP);
  assertEquals(again.describe(), "SEQUENCE OK, PUTROOTFH RETRY_UNCACHED_REP");
  assertEquals(server.count("remove"), 1);
});

Deno.test("a duplicate that overtakes nothing: many at once, one is carried out", async () => {
  const gate = new Gate("remove");
  await using server = await countedServer(gate.hold);
  await using session = await openSession({ port: server.port });
  const prepared = session.prepare([...folder, op.remove("f")], {
    slotid: 0,
    expect: [Status.OK, Status.DELAY],
  });
  gate.shut();
  const first = prepared.send();
  await gate.reached();
  const connections = await Promise.all(
    Array.from({ length: 4 }, () => session.client.newConnection()),
  );
  const duplicates = await Promise.all(
    connections.map((each) => prepared.send(each)),
  );
  assertEquals(duplicates.map(({ status }) => status), [
    Status.DELAY,
    Status.DELAY,
    Status.DELAY,
    Status.DELAY,
  ]);
  gate.open();
  assertEquals((await first).status, Status.OK);
  assertEquals(server.count("remove"), 1);
});

/** A second connection of the same NFSv4.0 client. */
function anotherOf(client: V40Client, port: number): Promise<V40Client> {
  return V40Client.connect({ port, id: client.id });
}

Deno.test("NFSv4.0: OPEN, LOCK, LOCKU and CLOSE again on a new connection get the same answer", async () => {
  await using server = await countedServer();
  await using client = await V40Client.connect({ port: server.port });
  await client.register();
  await using other = await anotherOf(client, server.port);
  const openOwner = client.owner();
  const twice = async (ops: readonly Request[]) => {
    const first = await client.compound(ops);
    const again = await other.compound(ops);
    assertEquals(again.bytes, first.bytes);
    return first;
  };
  // Confirmed by its first use.
  await client.open(["d", "g"]);
  const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };
  const opened = await twice(openRequests(["d", "new"], {
    clientid: client.clientid,
    seqid: openOwner.seqid++,
    create,
  }));
  const { stateid } = opened.get("OPEN");
  const { filehandle } = opened.get("GETFH");
  const locker = {
    openStateid: stateid,
    openSeqid: openOwner.seqid++,
    lockSeqid: 7,
    owner: { clientid: client.clientid, owner: bytesOf("locker") },
  };
  const locked = await twice([op.putfh(filehandle), op.lock({ locker })]);
  await twice([
    op.putfh(filehandle),
    op.locku({ stateid: locked.get("LOCK").stateid, seqid: 8 }),
  ]);
  await twice([
    op.putfh(filehandle),
    op.openDowngrade({ stateid, seqid: openOwner.seqid++, access: 3 }),
  ]);
  const { seqid, other: bytes } = stateid;
  const latest = { seqid: seqid + 1, other: bytes };
  await twice([op.putfh(filehandle), op.close(latest, openOwner.seqid++)]);
  assertEquals(server.count("create"), 1);
});

/** NFSv4.0: does something in the root under an xid. */
function inRoot(connection: ClientConnection, step: Request, xid: number) {
  return sendCompound(
    connection,
    { minorVersion: 0, ops: [op.putrootfh(), step] },
    { credential: rootCredential, xid },
  );
}

const makeJob = op.create({ type: FileType.DIR, name: "job" });

/** Makes a folder, works for a while and removes it, under the xids that every run of a program begins with. */
async function run(port: number, clock: FakeClock): Promise<void> {
  await using connection = await ClientConnection.connect({ port });
  const steps = [makeJob, op.lookup("job"), op.lookup("job"), op.remove("job")];
  for (const [i, step] of steps.entries()) {
    await inRoot(connection, step, i + 1);
    // A clock that stands still with the server looks every second.
    for (let ms = 0; ms < ARRIVAL_MS; ms += 1000) clock.advance(1000);
  }
}

Deno.test("NFSv4.0: a program that begins with the same xids each time has each run carried out", async () => {
  const clock = new FakeClock();
  await using server = await countedServer(undefined, clock);
  for (let i = 1; i <= 3; i++) {
    await run(server.port, clock);
    assertEquals([server.count("create"), server.count("remove")], [i, i]);
  }
});

Deno.test("NFSv4.0: calls that were on their way when the connection broke are carried out once", async () => {
  await using server = await countedServer();
  const { port } = server;
  {
    await using doomed = await ClientConnection.connect({ port });
    // Each is answered at once, which over a network is before the client reads it.
    await inRoot(doomed, makeJob, 1);
    await inRoot(doomed, op.remove("job"), 2);
  }
  await using connection = await ClientConnection.connect({ port });
  // By now the server has seen that the other one is closed.
  await connection.ping();
  await inRoot(connection, makeJob, 1);
  await inRoot(connection, op.remove("job"), 2);
  assertEquals([server.count("create"), server.count("remove")], [1, 1]);
});

Deno.test("NFSv4.0: OPEN cut off mid-work and sent again is done once", async () => {
  const gate = new Gate("create");
  await using server = await countedServer(gate.hold);
  await using client = await V40Client.connect({ port: server.port });
  await client.register();
  await client.open(["d", "g"]);
  await using other = await anotherOf(client, server.port);
  const ops = openRequests(["d", "new"], {
    clientid: client.clientid,
    seqid: client.owner().seqid,
    create: { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } },
  });
  gate.shut();
  const lost = assertRejects(() => client.compound(ops), ConnectionLost);
  await gate.reached();
  client.connection.close();
  await lost;
  // It waits for the same answer.
  const again = other.compound(ops);
  await other.connection.ping();
  gate.open();
  const { stateid } = (await again).get("OPEN");
  assertEquals((await other.compound(ops)).get("OPEN").stateid, stateid);
  assertEquals(server.count("create"), 1);
});
