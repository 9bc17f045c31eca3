import { assert, assertEquals, assertRejects } from "@std/assert";
import { memory, type MemoryTree } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  ConnectionLost,
  CreateMode,
  FileType,
  op,
  openSession,
  Stable,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { Gate, type Hold, waiting } from "./fixture.ts";

/** A server whose file system never answers at once. */
function asyncServer(
  options: {
    readonly hold?: Hold;
    readonly tree?: MemoryTree;
  } & ServeOptions = {},
) {
  const { hold, tree = {}, ...serveOptions } = options;
  const fs = waiting(memory(tree), hold);
  return serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
    shutdownTimeout: 1000,
    ...serveOptions,
  });
}

const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };

for (const minorVersion of [0, 1, 2]) {
  Deno.test(`NFSv4.${minorVersion}: every operation on a file system of promises`, async () => {
    await using server = await asyncServer({ tree: { d: { f: "hi" } } });
    const { port } = server;
    await using client = minorVersion === 0
      ? await V40Client.connect({ port })
      : await openSession({ port, minorVersion });
    if (client instanceof V40Client) await client.register();
    const clientid = client instanceof V40Client
      ? client.clientid
      : client.client.clientid;
    const nextSeqid = () =>
      client instanceof V40Client ? client.owner().seqid++ : 0;

    const { filehandle, stateid } = await client.open(["d", "new"], { create });
    const data = bytesOf("some bytes");
    const io = await client.compound([
      op.putfh(filehandle),
      op.write({ stateid, data, stable: Stable.UNSTABLE }),
      op.commit(),
      op.read({ stateid }),
      op.getattr(["size", "type", "space_used"]),
      op.setattr({ size: 4n }, stateid),
      op.access(0x3f),
      op.verify({ size: 4n }),
    ]);
    assertEquals(io.get("READ").data, data);
    await client.expectStatus(Status.NOT_SAME, [
      op.putfh(filehandle),
      op.verify({ size: 5n }),
    ]);
    await client.expectStatus(Status.SAME, [
      op.putfh(filehandle),
      op.nverify({ size: 4n }),
    ]);

    const locker = {
      openStateid: stateid,
      openSeqid: nextSeqid(),
      lockSeqid: 1,
      owner: { clientid, owner: bytesOf("locker") },
    };
    const locked = await client.compound([
      op.putfh(filehandle),
      op.lock({ locker }),
    ]);
    const other = { clientid, owner: bytesOf("other") };
    await client.expectStatus(Status.DENIED, [
      op.putfh(filehandle),
      op.lockt({ owner: other }),
    ]);
    await client.compound([
      op.putfh(filehandle),
      op.locku({ stateid: locked.get("LOCK").stateid, seqid: 2 }),
    ]);
    await client.compound([
      op.putfh(filehandle),
      op.openDowngrade({ stateid, seqid: nextSeqid(), access: 3 }),
    ]);
    const latest = { ...stateid, seqid: stateid.seqid + 1 };
    await client.compound([
      op.putfh(filehandle),
      op.close(latest, nextSeqid()),
    ]);

    const made = await client.compound([
      ...walk(["d"]),
      op.create({ type: FileType.LNK, name: "l", link: "f" }),
      op.readlink(),
      ...walk(["d"]),
      op.create({ type: FileType.DIR, name: "sub" }),
      op.lookupp(),
      op.savefh(),
      op.rename("sub", "moved"),
      op.lookup("f"),
      op.savefh(),
      ...walk(["d", "moved"]),
      op.link("f2"),
      op.restorefh(),
      op.getfh(),
    ]);
    assertEquals(made.get("READLINK").link, "f");
    const attributes = ["type", "fileid", "size"] as const;
    const listing = await client.compound([
      ...walk(["d"]),
      op.readdir({ attributes }),
      op.lookup("moved"),
      op.readdir({ attributes }),
      op.remove("f2"),
      ...walk(["d"]),
      op.remove("moved"),
      op.secinfo("f"),
    ]);
    const names = listing.get("READDIR").entries.map(({ name }) => name);
    assertEquals(names.sort(), ["f", "l", "moved", "new"]);
    assertEquals(listing.get("READDIR", 1).entries.length, 1);
    await client.expectStatus(Status.NOENT, walk(["d", "moved"]));
    await client.expectStatus(Status.STALE, [
      op.putfh(made.get("GETFH").filehandle),
      ...walk(["d"]),
      op.remove("f"),
      op.putfh(made.get("GETFH").filehandle),
      op.getattr(["type"]),
    ]);
  });
}

Deno.test("requests that don't wait overtake those that do", async () => {
  const gate = new Gate("readlink");
  await using server = await asyncServer({ hold: gate.hold });
  await using session = await openSession({ port: server.port });
  await session.compound([
    op.putrootfh(),
    op.create({ type: FileType.LNK, name: "l", link: "slow" }),
  ]);
  gate.shut();
  const slow = session.compound([...walk(["l"]), op.readlink()]);
  await gate.reached();
  for (let i = 0; i < 20; i++) {
    await session.compound([op.putrootfh(), op.getattr(["type"])]);
  }
  gate.open();
  assertEquals((await slow).get("READLINK").link, "slow");
});

Deno.test("one client's wait holds up neither its own connection nor anybody else's", async () => {
  const gate = new Gate("getattr");
  await using server = await asyncServer({ hold: gate.hold });
  await using quiet = await openSession({ port: server.port });
  await using loud = await openSession({ port: server.port });
  gate.shut();
  const waits = Array.from(
    { length: 16 },
    () => loud.compound([op.putrootfh(), op.getattr(["type"])]),
  );
  await gate.reached(16);
  for (let i = 0; i < 10; i++) {
    await quiet.compound([op.putrootfh(), op.getfh()]);
    await loud.connection.ping();
  }
  gate.open();
  await Promise.all(waits);
});

Deno.test("data of WRITEs that wait stays as it came, whatever comes behind it", async () => {
  const gate = new Gate("write");
  const writes = 16;
  const tree = Object.fromEntries(
    Array.from({ length: writes }, (_, i) => [`f${i}`, ""]),
  );
  await using server = await asyncServer({ hold: gate.hold, tree });
  await using session = await openSession({ port: server.port });
  const random = new SeededRandom(4711);
  const contents = Array.from(
    { length: writes },
    (_, i) => random.bytes(i % 4 === 0 ? 100_000 : 1 + random.below(3000)),
  );
  gate.shut();
  const pending = contents.map((data, i) =>
    session.compound([
      ...walk([`f${i}`]),
      op.write({ data, stable: Stable.FILE_SYNC }),
    ], { slotid: i })
  );
  await gate.reached(writes);
  // All slots wait; what comes on the connection now overwrites what isn't held.
  for (let i = 0; i < 50; i++) await session.connection.ping();
  gate.open();
  await Promise.all(pending);
  for (const [i, data] of contents.entries()) {
    const reply = await session.compound([
      ...walk([`f${i}`]),
      op.read({ count: 200_000 }),
    ], { cacheThis: false });
    assertEquals(reply.get("READ").data, data);
  }
});

Deno.test("names and owners of requests that wait stay as they came", async () => {
  const gate = new Gate("lookup");
  await using server = await asyncServer({ hold: gate.hold });
  await using session = await openSession({ port: server.port });
  gate.shut();
  const names = Array.from({ length: 16 }, (_, i) => `file number ${i}`);
  const pending = names.map((name, slotid) =>
    session.open([name], { create, owner: `owner ${slotid}`, slotid })
  );
  await gate.reached(16);
  for (let i = 0; i < 400; i++) await session.connection.ping();
  gate.open();
  const opened = await Promise.all(pending);
  const reply = await session.compound([op.putrootfh(), op.readdir()]);
  const listed = reply.get("READDIR").entries.map(({ name }) => name);
  assertEquals(listed.sort(), names.toSorted());
  for (const { filehandle, stateid } of opened) {
    await session.compound([op.putfh(filehandle), op.close(stateid)]);
  }
});

Deno.test("a connection closed mid-wait: the work is finished, its slot answers on another", async () => {
  const gate = new Gate("remove");
  await using server = await asyncServer({ hold: gate.hold, tree: { f: "" } });
  await using session = await openSession({ port: server.port });
  const doomed = await session.client.newConnection();
  const prepared = session.prepare([op.putrootfh(), op.remove("f")], {
    slotid: 3,
  });
  gate.shut();
  const lost = assertRejects(() => prepared.send(doomed), ConnectionLost);
  await gate.reached();
  doomed.close();
  await lost;
  gate.open();
  await session.expectStatus(Status.NOENT, walk(["f"]));
  assertEquals((await prepared.send()).status, Status.OK);
});

Deno.test("a server that closes mid-wait answers what is in flight", async () => {
  const gate = new Gate("remove");
  const server = await asyncServer({ hold: gate.hold, tree: { f: "" } });
  await using session = await openSession({ port: server.port });
  gate.shut();
  const pending = session.compound([op.putrootfh(), op.remove("f")]);
  await gate.reached();
  const closed = server.close();
  gate.open();
  assertEquals((await pending).status, Status.OK);
  await closed;
  await session.connection.closed;
});

Deno.test("a file system that never answers does not keep the server from closing", async () => {
  const gate = new Gate("remove");
  const server = await asyncServer({
    hold: gate.hold,
    tree: { f: "" },
    shutdownTimeout: 50,
  });
  await using session = await openSession({ port: server.port });
  gate.shut();
  const lost = assertRejects(
    () => session.compound([op.putrootfh(), op.remove("f")]),
    ConnectionLost,
  );
  await gate.reached();
  await server.close();
  await lost;
  // Its answer comes too late, and harms nobody.
  gate.open();
});

Deno.test("when the time to close is over, no request asks a file system for more", async () => {
  const gate = new Gate("getattr");
  const asked: string[] = [];
  const server = await asyncServer({
    hold: async (method) => {
      asked.push(method);
      await gate.hold(method);
    },
    shutdownTimeout: 50,
  });
  await using session = await openSession({ port: server.port });
  gate.shut();
  const long = Array.from({ length: 20 }, () => op.getattr(["type"]));
  const lost = assertRejects(
    () => session.compound([op.putrootfh(), ...long]),
    ConnectionLost,
  );
  await gate.reached();
  const before = asked.length;
  const closed = server.close();
  await lost;
  gate.open();
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(asked.slice(before).filter((it) => it === "getattr"), []);
});

Deno.test("a client that restarts while its own request waits: nothing is left of it", async () => {
  const gate = new Gate("open");
  await using server = await asyncServer({ hold: gate.hold, tree: { f: "" } });
  const { port } = server;
  const verifier = new Uint8Array(8);
  await using former = await openSession({ port, owner: "x", verifier });
  gate.shut();
  const waits = former.compound([
    op.putrootfh(),
    op.open({
      access: 3,
      deny: 3,
      owner: { clientid: 0n, owner: bytesOf("o") },
      claim: { claim: "null", name: "f" },
    }),
  ], { expect: "any" });
  await gate.reached();
  const again = { port, owner: "x", verifier: new Uint8Array(8).fill(1) };
  await using latter = await openSession(again);
  gate.open();
  assert((await waits).status !== Status.OK);
  const { stateid } = await latter.open(["f"], { access: 3, deny: 3 });
  assertEquals(stateid.seqid, 1);
});

Deno.test("a session destroyed by its client's restart mid-wait: the answer still comes, the slot is gone", async () => {
  const gate = new Gate("getattr");
  await using server = await asyncServer({ hold: gate.hold });
  const { port } = server;
  const verifier = new Uint8Array(8);
  await using former = await openSession({ port, owner: "x", verifier });
  gate.shut();
  const prepared = former.prepare([op.putrootfh(), op.getattr(["type"])], {
    slotid: 0,
  });
  const pending = prepared.send();
  await gate.reached();
  const again = { port, owner: "x", verifier: new Uint8Array(8).fill(1) };
  await using _latter = await openSession(again);
  gate.open();
  assertEquals((await pending).status, Status.OK);
  await former.expectStatus(Status.BADSESSION, [op.putrootfh()], { slotid: 0 });
});

Deno.test("an error of a file system that waits is answered as one that does not", async () => {
  const errors = new Map<string, unknown>([
    ["lookup", new FsError("io")],
    ["readdir", new TypeError("a fault of its own")],
  ]);
  let armed = false;
  await using server = await asyncServer({
    hold: (method) =>
      armed && errors.has(method)
        ? Promise.reject(errors.get(method))
        : undefined,
  });
  await using session = await openSession({ port: server.port });
  armed = true;
  await session.expectStatus(Status.IO, walk(["f"]));
  await session.expectStatus(Status.SERVERFAULT, [
    op.putrootfh(),
    op.readdir(),
  ]);
  armed = false;
  await session.compound([op.putrootfh(), op.readdir()]);
});

Deno.test("READs that wait take no more memory than a connection may", async () => {
  const gate = new Gate("read");
  const tree = { big: new Uint8Array(1 << 20) };
  await using server = await asyncServer({ hold: gate.hold, tree });
  await using client = await V40Client.connect({ port: server.port });
  await client.register();
  const { filehandle } = await client.open(["big"]);
  await client.compound([op.putfh(filehandle)]);
  gate.shut();
  const reads = Array.from(
    { length: 200 },
    () => client.compound([op.putfh(filehandle), op.read({ count: 1 << 20 })]),
  );
  const done = Promise.all(reads);
  await gate.reached();
  for (let i = 0; i < 20; i++) await turn();
  // 16 MiB, and the one that was too much.
  const { arrivals } = gate;
  gate.open();
  for (const reply of await done) {
    assertEquals(reply.get("READ").data.length, 1 << 20);
  }
  assert(arrivals <= 17, `${arrivals} MiB were held`);
});

Deno.test("no more requests of a connection wait than may", async () => {
  const gate = new Gate("lookup");
  await using server = await asyncServer({
    hold: gate.hold,
    limits: { maxRequestsPerConnection: 5 },
  });
  await using client = await V40Client.connect({ port: server.port });
  await using other = await V40Client.connect({ port: server.port });
  gate.shut();
  const lookups = Promise.all(Array.from(
    { length: 50 },
    () => client.expectStatus(Status.NOENT, walk(["x"])),
  ));
  await gate.reached();
  for (let i = 0; i < 20; i++) await turn();
  const { arrivals } = gate;
  await other.compound([op.putrootfh()]);
  gate.open();
  await lookups;
  assertEquals(arrivals, 5);
});

/** Lets the event loop go round. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
