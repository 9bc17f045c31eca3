import { assert, assertEquals, assertRejects } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import {
  BindDirection,
  bytesOf,
  CreateMode,
  FileType,
  openSession,
  Stable,
  V40Client,
  walk,
  writeCompound,
} from "./client/mod.ts";
import { NfsError } from "./client/compound.ts";
import { sameBytes } from "./client/names.ts";
import { op } from "./client/op.ts";
import { startServer } from "./server.ts";

const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };

for (const minorVersion of [1, 2]) {
  Deno.test(`NFSv4.${minorVersion}: a strict client works over TCP`, async () => {
    await using server = await startServer({ tree: { d: { f: "hi" } } });
    await using session = await openSession({
      port: server.port,
      minorVersion,
    });
    await session.connection.ping();
    const file = await session.open(["d", "g"], { create });
    const written = await session.compound([
      op.putfh(file.filehandle),
      op.write({
        stateid: file.stateid,
        data: "hello",
        stable: Stable.FILE_SYNC,
      }),
      op.read({ stateid: file.stateid }),
      op.getattr(["type", "size", "mode"]),
    ]);
    assertEquals(written.get("READ").data, bytesOf("hello"));
    assertEquals(written.get("GETATTR").attributes, {
      type: FileType.REG,
      size: 5n,
      mode: 0o644,
    });
    const owner = { clientid: session.client.clientid, owner: bytesOf("l") };
    const locked = await session.compound([
      op.putfh(file.filehandle),
      op.lock({ locker: { openStateid: file.stateid, owner } }),
    ]);
    const denied = await session.expectStatus(Status.DENIED, [
      op.putfh(file.filehandle),
      op.lockt({ owner: { ...owner, owner: bytesOf("m") } }),
    ]);
    assert("denied" in denied.last!.value);
    await session.compound([
      op.putfh(file.filehandle),
      op.locku({ stateid: locked.get("LOCK").stateid }),
      op.close(file.stateid),
    ]);
    const listed = await session.compound([...walk(["d"]), op.readdir()]);
    const names = listed.get("READDIR").entries.map(({ name }) => name);
    assertEquals(names.sort(), ["f", "g"]);
    await session.destroy();
    assertEquals(session.connection.faults, []);
  });

  Deno.test(`NFSv4.${minorVersion}: a retry on another connection gets the same bytes`, async () => {
    await using server = await startServer();
    await using session = await openSession({
      port: server.port,
      minorVersion,
    });
    const prepared = session.prepare([
      op.putrootfh(),
      op.create({ type: FileType.DIR, name: "d" }),
      op.getfh(),
    ], { slotid: 2 });
    const first = await prepared.send();
    const second = await session.client.newConnection();
    await session.bind(second, BindDirection.FORE_OR_BOTH);
    const again = await prepared.send(second);
    assert(sameBytes(first.bytes, again.bytes));
    await session.expectStatus(Status.SEQ_MISORDERED, [], {
      slotid: 2,
      sequenceid: 5,
    });
  });
}

Deno.test("NFSv4.0: a strict client works over TCP", async () => {
  await using server = await startServer();
  await using client = await V40Client.connect({ port: server.port });
  await client.register();
  const file = await client.open(["f"], { create });
  const reply = await client.compound([
    op.putfh(file.filehandle),
    op.write({ stateid: file.stateid, data: "x".repeat(100_000) }),
    op.commit(),
    op.close(file.stateid, client.owner().seqid),
  ]);
  assertEquals(reply.get("WRITE").count, 100_000);
  await client.compound([op.renew(client.clientid)]);
});

Deno.test("an unexpected status says which operation ended how", async () => {
  await using server = await startServer();
  await using session = await openSession({ port: server.port });
  const error = await assertRejects(
    () => session.compound(walk(["x"])),
    NfsError,
  );
  assertEquals(
    error.message,
    "SEQUENCE OK, PUTROOTFH OK, LOOKUP NOENT instead of OK",
  );
});

Deno.test("requests go out in fragments and in bytes, and many at a time", async () => {
  await using server = await startServer();
  await using session = await openSession({ port: server.port });
  const compound = { minorVersion: 0, ops: [op.putrootfh(), op.getfh()] };
  const outcome = await session.connection.call(
    1,
    (xdr) => writeCompound(xdr, compound),
    { fragmentSize: 7, chunkSize: 3, read: ({ kind }) => kind },
  );
  assertEquals(outcome, "success");
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => session.compound([op.putrootfh()])),
  );
  assertEquals(replies.length, 50);
  const used = session.sequenceids.filter((sequenceid) => sequenceid > 0);
  assert(used.length > 1);
});
