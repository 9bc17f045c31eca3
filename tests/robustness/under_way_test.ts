import { assert, assertEquals, assertThrows } from "@std/assert";
import net from "node:net";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite, type SqliteNode } from "../../src/backends/sqlite/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { serve } from "../../src/server.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import { RefusingDisk } from "../backends/sqlite/refusing_disk.ts";
import {
  anonymousStateid,
  ClientConnection,
  encodeCall,
  FileType,
  frame,
  op,
  openSession,
  readCompound,
  type Request,
  rootCredential,
  V40Client,
  walk,
  writeCompound,
} from "../support/client/mod.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { startServer } from "../support/server.ts";
import { Gate, waiting } from "./fixture.ts";

// NFSv4.0: a request comes again on another connection while the first is being carried out.

const XID = 0x1234;
const compound = {
  minorVersion: 0,
  ops: [op.putrootfh(), op.lookup("d"), op.remove("x")],
};
const REQUEST = frame(encodeCall({
  xid: XID,
  program: 100_003,
  version: 4,
  procedure: 1,
  credential: rootCredential,
}, (xdr) => writeCompound(xdr, compound)));

for (const end of ["closes", "resets"] as const) {
  for (const method of ["lookup", "remove"]) {
    Deno.test(`a REMOVE that waits in ${method} is carried out once, though its client ${end} the connection and sends it again`, async () => {
      const gate = new Gate(method);
      const served = waiting(
        memory({ d: { x: "1" } }) as FileSystem,
        gate.hold,
      );
      await using server = await startServer({ served });
      const first = net.connect(server.port, "127.0.0.1");
      await new Promise<void>((resolve) => first.once("connect", resolve));
      gate.shut();
      first.write(REQUEST);
      await gate.reached(1);
      const closed = new Promise<void>((resolve) =>
        first.once("close", () => resolve())
      );
      if (end === "closes") first.destroy();
      else first.resetAndDestroy();
      await closed;
      await using again = await ClientConnection.connect({ port: server.port });
      // The server hears of the end before it hears of the next connection's call.
      const reply = again.call(1, (xdr) => writeCompound(xdr, compound), {
        xid: XID,
        read: (outcome) => {
          assert(outcome.kind === "success");
          return readCompound(outcome.body, compound);
        },
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      gate.open();
      assertEquals((await reply).status, 0);
      assertEquals(gate.arrivals, 1);
    });
  }
}

Deno.test("a request whose answer is too long to be given twice is carried out again", async () => {
  const gate = new Gate("lookup");
  const served = waiting(
    memory({ f: "x".repeat(20_000) }) as FileSystem,
    gate.hold,
  );
  await using server = await startServer({ served });
  const { port } = server;
  await using first = await ClientConnection.connect({ port });
  const reading = {
    minorVersion: 0,
    ops: [
      op.putrootfh(),
      op.lookup("f"),
      op.read({ stateid: anonymousStateid, count: 20_000 }),
    ],
  };
  gate.shut();
  const ask = (connection: ClientConnection) =>
    connection.call(1, (xdr) => writeCompound(xdr, reading), {
      xid: XID,
      read: (outcome) => {
        assert(outcome.kind === "success");
        return readCompound(outcome.body, reading);
      },
    });
  const replies = [ask(first)];
  await gate.reached(1);
  await using second = await ClientConnection.connect({ port });
  first.closeWrite();
  replies.push(ask(second));
  await new Promise((resolve) => setTimeout(resolve, 20));
  gate.open();
  for (const reply of replies) {
    assertEquals((await reply).get("READ").data.length, 20_000);
  }
});

Deno.test("a request that waits while a commit is lost is not told that it did anything", async () => {
  const disk = new RefusingDisk();
  const store = sqlite(":memory:", { mode: 0o777, disk });
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const { lookup } = store;
  const fs = Object.assign(store, {
    async lookup(folder: SqliteNode, name: string) {
      if (name === "slow") {
        reached.resolve();
        await released.promise;
      }
      return lookup.call(store, folder, name);
    },
  });
  await using server = await serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
  });
  await using session = await openSession({ port: server.port });
  const reply = session.compound([
    op.putrootfh(),
    op.create({
      type: FileType.DIR,
      name: "made",
      attributes: { mode: 0o755 },
    }),
    op.putrootfh(),
    op.lookup("slow"),
  ], { expect: [Status.NOSPC] });
  await reached.promise;
  disk.refusals = 1;
  assertThrows(() => store.settle(), FsError);
  // Another's is kept, and says nothing of the first.
  store.create(store.root(), "later", { type: "file" }, {
    attributes: { mode: 0o644, uid: 0, gid: 0 },
  });
  store.settle();
  released.resolve();
  assertEquals((await reply).results.at(-1)?.name, "CREATE");
  assertEquals(lookup.call(store, store.root(), "made"), undefined);
});

const MIB = 2 ** 20;
const LIMIT = 16 * MIB;
const PEERS = 40;

/** A server of promises alone, with 16 MiB for what is in hand. */
async function smallServer(fs: FileSystem) {
  const server = await serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
    metricsPort: 0,
    shutdownTimeout: 1000,
    limits: { maxBufferBytes: LIMIT },
  });
  const metric = async (name: string) =>
    valueOf(await scrape(server), name) ?? 0;
  return {
    port: server.port,
    /** Bytes that the server counts. */
    held: () => metric("buffer_bytes"),
    refusals: () => metric("buffer_refusals_total"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The statuses of the same request on so many connections at once. */
async function crowd(port: number, ops: readonly Request[]) {
  const peers = await Promise.all(
    Array.from({ length: PEERS }, () => V40Client.connect({ port })),
  );
  const replies = peers.map((peer) => peer.compound(ops, { expect: "any" }));
  return {
    statuses: async () => (await Promise.all(replies)).map((it) => it.status),
    [Symbol.asyncDispose]: async () => {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },
  };
}

Deno.test("replies that grow while they wait stay within the budget, and the others are DELAY", async () => {
  const inner = memory({ f: new Uint8Array(MIB) }) as FileSystem;
  const read = inner.read.bind(inner);
  const gate = new Gate("end of read");
  let held = 0;
  let most = 0;
  let asked = 0;
  inner.read = async (node, offset, into) => {
    asked++;
    held += into.length;
    most = Math.max(most, held);
    await gate.hold("end of read");
    held -= into.length;
    return read(node, offset, into);
  };
  await using server = await smallServer(waiting(inner));
  gate.shut();
  await using readers = await crowd(server.port, [
    ...walk(["f"]),
    op.read({ count: MIB }),
  ]);
  // Whoever is not reading was refused.
  while (asked + await server.refusals() < PEERS) await gate.reached();
  assert(most > LIMIT / 2 && most <= LIMIT, `${most} bytes asked for`);
  const counted = await server.held();
  assert(counted >= held && counted <= LIMIT, `${counted} bytes counted`);
  // A quiet client is answered meanwhile.
  await using quiet = await openSession({ port: server.port });
  const { status } = await quiet.compound([op.putrootfh(), op.getattr([1])]);
  assertEquals(status, Status.OK);
  gate.open();
  const statuses = await readers.statuses();
  const delayed = statuses.filter((it) => it === Status.DELAY).length;
  assertEquals(statuses.filter((it) => it === Status.OK).length, asked);
  assertEquals(asked + delayed, PEERS);
});
