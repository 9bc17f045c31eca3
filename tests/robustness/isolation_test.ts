import { assert } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
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
import { Gate, waiting, Witness } from "./fixture.ts";

/**
 * How often others may be answered, on average of all that they have under way,
 * while one who has little to ask waits. Counted, for time says what the machine does.
 */
const PATIENCE = 16;

const MIB = 1 << 20;

/** Keeps `width` calls of `call` under way until it is disposed of. */
class Flood implements AsyncDisposable {
  readonly width: number;
  calls = 0;
  #isOver = false;
  readonly #loops: Promise<void>[];

  constructor(width: number, call: () => Promise<unknown>) {
    this.width = width;
    this.#loops = Array.from({ length: width }, async () => {
      for (; !this.#isOver; this.calls++) await call();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }
}

/** Has the witness ask 25 times, and looks at how much others were answered meanwhile. */
async function measure(witness: Witness, noise?: Flood): Promise<void> {
  for (let i = 0; i < 25; i++) {
    const before = noise?.calls ?? 0;
    await witness.check();
    const meanwhile = (noise?.calls ?? 0) - before;
    const most = PATIENCE * (noise?.width ?? 0);
    assert(meanwhile <= most, `${meanwhile} answers to others`);
  }
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
  await using noise = new Flood(
    64,
    () =>
      loud.compound([...walk(["f"]), op.getattr(["type", "size"])], {
        connection: connections[next++ % connections.length]!,
        cacheThis: false,
      }),
  );
  await measure(witness, noise);
  assert(noise.calls > 64);
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
  await using noise = new Flood(
    16,
    () => loud.compound([op.putfh(filehandle), read], { cacheThis: false }),
  );
  await measure(witness, noise);
});

Deno.test("a client that writes a megabyte at a time leaves room for another", async () => {
  await using server = await startServer({ tree: { f: "" } });
  const { port } = server;
  await using witness = await Witness.on(port);
  await using loud = await openSession({ port });
  const { filehandle, stateid } = await loud.open(["f"]);
  const data = new Uint8Array(MIB - 8192);
  await using noise = new Flood(
    8,
    () => loud.compound([op.putfh(filehandle), op.write({ stateid, data })]),
  );
  await measure(witness, noise);
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
  // What the socket buffers take on top is the host's to say, and when.
  for (let before = -1; sent !== before;) {
    before = sent;
    await measure(witness);
    assert(sent < 32 * MIB, "it is served on and on");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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
  // A connection has an eighth of the operations that may be under way.
  await gate.reached(session.fore.maxrequests + 32);
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
      calls[i]!++;
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
