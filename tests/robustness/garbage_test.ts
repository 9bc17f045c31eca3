import { assert, assertEquals } from "@std/assert";
import { Op, Status } from "../../src/nfs4/constants.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import {
  argumentBytes,
  bytesOf,
  ClientConnection,
  concat,
  frame,
  op,
  openSession,
  readAnyCompound,
  sendCompound,
  V40Client,
  writeCompound,
} from "../support/client/mod.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { startServer } from "../support/server.ts";
import { compounds } from "../wire/golden.ts";
import { callBytes, throwAt, Witness } from "./fixture.ts";
import { samples } from "./samples.ts";

const tree = { d: { f: "content" } };

/** Throws each at the server in turn, a witness being served meanwhile. */
async function bombard(
  port: number,
  streams: Iterable<Uint8Array>,
  options: { readonly chunkSize?: number } = {},
): Promise<number> {
  await using witness = await Witness.on(port);
  let answered = 0;
  let count = 0;
  for (const bytes of streams) {
    if (await throwAt(port, bytes, options) > 0) answered++;
    if (count++ % 8 === 0) await witness.check();
  }
  await witness.check();
  return answered;
}

Deno.test("random bytes: whoever sends them is closed, others are served", async () => {
  await using server = await startServer({ tree });
  const random = new SeededRandom(0x6a_4b_41_47);
  const streams = Array.from(
    { length: 200 },
    () => random.bytes(1 + random.below(2000)),
  );
  await bombard(server.port, streams);
});

Deno.test("random bytes in well-marked records, and behind a good RPC header", async () => {
  await using server = await startServer({ tree });
  const random = new SeededRandom(0x6a_4b_41_48);
  const head = callBytes({ minorVersion: 1, ops: [] }).slice(0, -12);
  const streams = Array.from({ length: 200 }, (_, i) => {
    const noise = random.bytes(random.below(300) & ~3);
    return frame(i % 2 === 0 ? noise : concat([head, noise]));
  });
  const answered = await bombard(server.port, streams);
  // Behind a good header it is GARBAGE_ARGS or a status.
  assert(answered >= 100, `${answered} were answered`);
});

/** A session's traffic as it goes over the wire, in order. */
async function sessionTraffic(port: number): Promise<Uint8Array> {
  await using session = await openSession({ port });
  const sequence = (sequenceid: number) =>
    op.sequence({
      sessionid: session.id,
      sequenceid,
      slotid: 5,
      highestSlotid: 5,
    });
  const bodies = [
    [op.putrootfh(), op.lookup("d"), op.getattr(["type", "size"])],
    [op.putrootfh(), op.readdir({ attributes: ["type"] })],
    [op.putrootfh(), op.lookup("d"), op.lookup("f"), op.read()],
  ];
  return concat(
    bodies.map((ops, i) =>
      frame(
        callBytes({ minorVersion: 1, ops: [sequence(i + 1), ...ops] }, i),
      )
    ),
  );
}

Deno.test("a session's traffic cut at every offset", async () => {
  await using server = await startServer({ tree });
  const traffic = await sessionTraffic(server.port);
  const cuts = Array.from({ length: traffic.length }, (_, end) => end)
    .map((end) => traffic.subarray(0, end));
  await bombard(server.port, cuts);
});

Deno.test("fragments of one byte, and writes of one byte", async () => {
  await using server = await startServer({ tree });
  await using connection = await ClientConnection.connect(server);
  const ops = [op.putrootfh(), op.lookup("d"), op.getfh()];
  for (const how of [{ fragmentSize: 1 }, { chunkSize: 1 }]) {
    await sendCompound(connection, { minorVersion: 0, ops }, how);
  }
  await using session = await openSession(server);
  await session.compound([op.putrootfh()], { fragmentSize: 1, chunkSize: 3 });
});

Deno.test("empty records, empty fragments and marks of 2 GiB end the connection", async () => {
  await using server = await startServer({ tree });
  const streams = [
    Uint8Array.of(0x80, 0, 0, 0),
    new Uint8Array(200_000),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1),
    Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1),
    concat([Uint8Array.of(0x00, 0x10, 0, 0), new Uint8Array(100_000)]),
  ];
  assertEquals(await bombard(server.port, streams), 0);
});

Deno.test("every operation with every length in it huge is refused, and nobody notices", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using session = await openSession({ port, minorVersion: 2 });
  await using client = await V40Client.connect({ port });
  await using witness = await Witness.on(port);
  const spoilt = samples.flatMap((sample) => {
    const original = argumentBytes(sample);
    const requests = [];
    for (let at = 0; at + 4 <= original.length; at += 4) {
      const bytes = original.slice();
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, 0xffff_ffff);
      requests.push(op.raw(sample.number, bytes));
    }
    return requests;
  });
  const any = { expect: "any" } as const;
  // What begins with a session operation is sent without SEQUENCE too.
  const { connection } = session;
  await Promise.all(spoilt.map(async (request, i) => {
    await session.compound([op.putrootfh(), op.savefh(), request], any);
    await client.compound([op.putrootfh(), op.savefh(), request], any);
    const ops = [request];
    await sendCompound(connection, { minorVersion: 2, ops }, any);
    if (i % 100 === 0) await witness.check();
  }));
  assert(spoilt.length > 500);
  await witness.check();
});

Deno.test("a COMPOUND of 100,000 operations is refused as a whole", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using witness = await Witness.on(port);
  await using session = await openSession({ port });
  await using client = await V40Client.connect({ port });
  const ops = Array.from({ length: 100_000 }, () => op.putrootfh());
  const refused = await client.expectStatus(Status.RESOURCE, ops);
  assertEquals(refused.results.length, 0);
  await session.expectStatus(Status.TOO_MANY_OPS, ops);
  for (const operationCount of [100_000, 0xffff_ffff]) {
    const one = [op.putrootfh()];
    await client.expectStatus(Status.RESOURCE, one, { operationCount });
    const options = { operationCount };
    await session.expectStatus(Status.TOO_MANY_OPS, one, options);
  }
  await witness.check();
});

Deno.test("an operation that is announced and not there is OP_ILLEGAL", async () => {
  await using server = await startServer({ tree });
  await using connection = await ClientConnection.connect(server);
  const compound = {
    minorVersion: 0,
    ops: [op.putrootfh(), op.getfh()],
    operationCount: 4,
  };
  const { reply } = await connection.call(
    1,
    (xdr) => writeCompound(xdr, compound),
    {
      read: (outcome) => {
        assert(outcome.kind === "success");
        return readAnyCompound(outcome.body, 0);
      },
    },
  );
  assertEquals(reply.describe(), "PUTROOTFH OK, GETFH OK, ILLEGAL OP_ILLEGAL");
});

Deno.test("as many PUTFH, SAVEFH, RESTOREFH and LOOKUPP as fit", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const { fore } = session;
  const round = [op.putrootfh(), op.savefh(), op.lookup("d"), op.lookupp()];
  const ops = Array.from(
    { length: fore.maxoperations - 1 },
    (_, i) => i % 5 === 4 ? op.restorefh() : round[i % 5]!,
  );
  for (let i = 0; i < 50; i++) {
    const reply = await session.compound(ops);
    assertEquals(reply.results.length, fore.maxoperations);
  }
});

Deno.test("numbers that are no operation are OP_ILLEGAL in every minor version", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using client = await V40Client.connect({ port });
  await using session = await openSession({ port, minorVersion: 1 });
  await using session2 = await openSession({ port, minorVersion: 2 });
  const random = new SeededRandom(3);
  const numbers = [0, 1, 2, 76, 100, 10_043, 10_045, 0x7fff_ffff, 0xffff_ffff];
  for (let i = 0; i < 50; i++) numbers.push(76 + random.below(0x7fff_0000));
  for (const number of numbers.filter((each) => each !== Op.ILLEGAL)) {
    for (const peer of [client, session, session2]) {
      const reply = await peer.expectStatus(
        Status.OP_ILLEGAL,
        [op.putrootfh(), op.raw(number, bytesOf("argument"))],
      );
      assertEquals(reply.last!.name, "ILLEGAL");
    }
  }
});

Deno.test("the requests of a Linux client with bits flipped: answered or closed, memory bounded", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  const random = new SeededRandom(0xf1_1b_b1_75);
  const flipped: Uint8Array[] = [];
  for (let round = 0; round < 40; round++) {
    // A connection carries several, so that one starts where another left off.
    let batch: Uint8Array[] = [];
    for (const { call } of random.shuffle(compounds)) {
      const bytes = call.slice();
      for (let i = random.below(3); i >= 0; i--) {
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      }
      batch.push(frame(bytes));
      if (batch.length === 10) {
        flipped.push(concat(batch));
        batch = [];
      }
    }
  }
  const before = Deno.memoryUsage().rss;
  const answered = await bombard(port, flipped);
  const grown = Deno.memoryUsage().rss - before;
  assert(answered > flipped.length / 2, `${answered} of ${flipped.length}`);
  assert(grown < 200 * 1024 * 1024, `grown by ${grown} bytes`);
});

Deno.test("bits flipped behind a valid SEQUENCE reach every operation, and the slots live on", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using session = await openSession({ port, minorVersion: 2 });
  const { filehandle, stateid } = await session.open(["d", "f"]);
  const random = new SeededRandom(0xf1_1b_b1_76);
  const valid = [
    ...samples,
    op.read({ stateid }),
    op.write({ stateid, data: "x" }),
    op.setattr({ size: 3n }, stateid),
    op.readdir({ attributes: ["type"] }),
  ];
  const requests = Array.from({ length: 3000 }, () => {
    const sample = random.pick(valid);
    const bytes = argumentBytes(sample);
    for (let i = random.below(3); i > 0 && bytes.length > 0; i--) {
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    }
    return op.raw(sample.number, bytes);
  });
  let ok = 0;
  await Promise.all(requests.map(async (request) => {
    const reply = await session.compound(
      [op.putfh(filehandle), op.savefh(), request],
      { expect: "any" },
    );
    assert(reply.status !== Status.SERVERFAULT, reply.describe());
    if (reply.status === Status.OK) ok++;
  }));
  assert(ok > 100);
  // No request of the noise may have taken the session or the client away.
  await session.compound([op.putrootfh()], { expect: "any" });
});

Deno.test("500 connections that say nothing keep nobody out", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  const sockets = await Promise.all(
    Array.from({ length: 500 }, async (_, i) => {
      const socket = await Deno.connect({ hostname: "127.0.0.1", port });
      // Some begin a record and leave it at that.
      if (i % 2 === 0) await socket.write(Uint8Array.of(0x80, 0x10, 0, 0, 1));
      return socket;
    }),
  );
  await using witness = await Witness.on(port);
  await witness.check();
  for (const socket of sockets) socket.close();
  await witness.check();
});

Deno.test("replies are never sent for records that are no calls", async () => {
  await using server = await startServer({ tree });
  const xdr = new XdrWriter();
  for (const word of [1, 1, 0, 0, 0, 0]) xdr.uint32(word);
  assertEquals(await throwAt(server.port, frame(xdr.slice())), 0);
});
