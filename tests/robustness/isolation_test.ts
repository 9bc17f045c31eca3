import { assert, assertEquals } from "@std/assert";
import { memory, serve } from "../../mod.ts";
import {
  ClientConnection,
  encodeCall,
  frame,
  op,
  openSession,
  rootCredential,
  type Session,
  V40Client,
  walk,
  writeCompound,
} from "../support/client/mod.ts";
import { startServer } from "../support/server.ts";
import { Gate, waiting, Witness } from "./ground.ts";

/** An answer that takes longer than this is one that somebody else held up. */
const PATIENCE_MS = 400;

const MIB = 1 << 20;

/** Keeps `width` calls of `call` under way until `stop` is called. */
function flood(width: number, call: () => Promise<unknown>) {
  let isOver = false;
  let calls = 0;
  const loops = Array.from({ length: width }, async () => {
    while (!isOver) {
      await call();
      calls++;
    }
  });
  return {
    calls: () => calls,
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
    },
  };
}

/** Has the witness ask 25 times, and looks at how long it took. */
async function measure(witness: Witness): Promise<void> {
  witness.slowest = 0;
  for (let i = 0; i < 25; i++) await witness.check();
  assert(witness.slowest < PATIENCE_MS, `it took ${witness.slowest} ms`);
}

Deno.test("a client that floods all its slots on many connections leaves room for another", async () => {
  await using server = await startServer({ tree: { f: "x" } });
  const { port } = server;
  await using witness = await Witness.on(port);
  await using loud = await openSession({ port, fore: { maxrequests: 64 } });
  const connections = await Promise.all(
    Array.from({ length: 8 }, () => loud.client.newConnection()),
  );
  let next = 0;
  const noise = flood(
    64,
    () =>
      loud.compound([...walk(["f"]), op.getattr(["type", "size"])], {
        connection: connections[next++ % connections.length],
        cacheThis: false,
      }),
  );
  await measure(witness);
  await noise.stop();
  assert(noise.calls() > 64);
});

Deno.test("a client that reads a megabyte at a time leaves room for another", async () => {
  const tree = { big: new Uint8Array(MIB) };
  await using server = await startServer({ tree });
  const { port } = server;
  await using witness = await Witness.on(port);
  await using loud = await openSession({ port });
  const { filehandle } = await loud.open(["big"], { access: 1 });
  const { maxresponsesize } = loud.fore;
  const read = op.read({ count: maxresponsesize - 4096 });
  const noise = flood(
    16,
    () => loud.compound([op.putfh(filehandle), read], { cacheThis: false }),
  );
  await measure(witness);
  await noise.stop();
});

Deno.test("a client that writes a megabyte at a time leaves room for another", async () => {
  await using server = await startServer({ tree: { f: "" } });
  const { port } = server;
  await using witness = await Witness.on(port);
  await using loud = await openSession({ port });
  const { filehandle, stateid } = await loud.open(["f"]);
  const data = new Uint8Array(MIB - 8192);
  const noise = flood(
    8,
    () => loud.compound([op.putfh(filehandle), op.write({ stateid, data })]),
  );
  await measure(witness);
  await noise.stop();
});

/** A COMPOUND of many operations as it goes over the wire. */
function longCompound(): Uint8Array {
  const ops = Array.from({ length: 30 }, () => [
    op.putrootfh(),
    op.readdir({ attributes: ["type", "size", "owner", "filehandle"] }),
  ]).flat();
  return frame(encodeCall(
    {
      xid: 9,
      program: 100003,
      version: 4,
      procedure: 1,
      credential: rootCredential,
    },
    (xdr) => writeCompound(xdr, { minorVersion: 0, ops }),
  ));
}

Deno.test("whoever sends without reading the answers is not served on, others are", async () => {
  const tree = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`file number ${i}`, "x"]),
  );
  await using server = await startServer({ tree });
  const { port } = server;
  await using witness = await Witness.on(port);
  const deaf = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = longCompound();
  let sent = 0;
  const flooding = (async () => {
    try {
      for (;;) sent += await deaf.write(request);
    } catch {
      // Closed at the end of the test.
    }
  })();
  let before = -1;
  while (sent !== before) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await measure(witness);
  assertEquals(sent, before);
  deaf.close();
  await flooding;
});

Deno.test("while every slot of one client waits for the file system, another is served at once", async () => {
  const gate = new Gate("readdir");
  const fs = waiting(memory({ f: "" }), gate.hold);
  await using server = await serve(fs, { port: 0 });
  const { port } = server;
  await using witness = await Witness.on(port);
  await using session = await openSession({ port });
  await using v40 = await V40Client.connect({ port });
  gate.shut();
  const listing = [op.putrootfh(), op.readdir()];
  const waits: Promise<unknown>[] = [];
  for (let slotid = 0; slotid < session.fore.maxrequests; slotid++) {
    waits.push(session.compound(listing, { slotid }));
  }
  for (let i = 0; i < 100; i++) waits.push(v40.compound(listing));
  await gate.reached(session.fore.maxrequests + 100);
  await measure(witness);
  gate.open();
  await Promise.all(waits);
});

Deno.test("clients in a crowd are all served", async () => {
  await using server = await startServer({ tree: { f: "x" } });
  const { port } = server;
  const crowd: Session[] = [];
  for (let i = 0; i < 50; i++) crowd.push(await openSession({ port }));
  const ops = [...walk(["f"]), op.getattr(["size"])];
  const calls = crowd.map(() => 0);
  let isOver = false;
  const working = Promise.all(crowd.map(async (session, i) => {
    while (!isOver) {
      await session.compound(ops);
      calls[i]++;
    }
  }));
  while (Math.min(...calls) < 20) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  isOver = true;
  await working;
  // When the last one had 20 answers, nobody had very many more.
  assert(Math.max(...calls) < 20 * 10, `${calls}`);
  for (const session of crowd) await session[Symbol.asyncDispose]();
});

Deno.test("a connection that trickles its requests holds nobody up", async () => {
  await using server = await startServer({ tree: { f: "x" } });
  const { port } = server;
  await using witness = await Witness.on(port);
  const slow = await Promise.all(
    Array.from({ length: 100 }, () => ClientConnection.connect({ port })),
  );
  const request = longCompound();
  for (let at = 0; at < 20; at++) {
    const byte = request.subarray(at, at + 1);
    await Promise.all(slow.map((each) => each.sendRaw(byte)));
  }
  await measure(witness);
  for (const each of slow) await each[Symbol.asyncDispose]();
});
