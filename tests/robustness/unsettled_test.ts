import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import { Share, Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  type CompoundReply,
  FileType,
  op,
  openSession,
  type Request,
  type Session,
  V40Client,
  walk,
} from "../support/client/mod.ts";

/** What becomes of what clients change in the export /lame. */
type Settle = () => void | Promise<void>;

/** A server of two exports, one of which can't always keep what is changed in it. */
async function lameServer(
  lame: FileSystem = memory({ d: { f: "x" } }) as FileSystem,
) {
  let outcome: Settle = () => {};
  lame.settle = () => outcome();
  const server = await serve([
    { path: "/lame", fs: lame, squash: "none" },
    { path: "/sound", fs: memory({ d: { f: "y" } }), squash: "none" },
  ], { port: 0, shutdownTimeout: 1000 });
  return {
    port: server.port,
    lame,
    settling: (next: Settle) => outcome = next,
    [Symbol.asyncDispose]: async () => {
      outcome = () => {};
      await server.close();
    },
  };
}

const mkdir = (folder: Uint8Array, name: string) => [
  op.putfh(folder),
  op.create({ type: FileType.DIR, name }),
  op.getfh(),
];

/** The filehandle of the folder in an export. */
async function folderOf(
  by: { compound(ops: readonly Request[]): Promise<CompoundReply> },
  name: string,
): Promise<Uint8Array> {
  const reply = await by.compound([...walk([name, "d"]), op.getfh()]);
  return reply.get("GETFH").filehandle;
}

/** Statuses of the results. */
const statuses = (reply: { results: readonly { status: number }[] }) =>
  reply.results.map(({ status }) => status);

/** Everything but the export that fails is served, and sessions are made. */
async function assertOthersServed(port: number): Promise<void> {
  await using session = await openSession({ port });
  const folder = await folderOf(session, "sound");
  await session.compound(mkdir(folder, crypto.randomUUID()));
  await using v40 = await V40Client.connect({ port });
  await v40.compound([...walk(["sound", "d", "f"]), op.getattr(["size"])]);
}

const FAILURES: readonly [name: string, settle: Settle, status: number][] = [
  [
    "at once",
    () => {
      throw new FsError("io");
    },
    Status.IO,
  ],
  ["later", () => Promise.reject(new FsError("io")), Status.IO],
  [
    "for lack of room",
    () => Promise.reject(new FsError("no-space")),
    Status.NOSPC,
  ],
  ["for the moment", () => Promise.reject(new FsError("busy")), Status.DELAY],
  ["in a way nobody foresaw", () => Promise.reject(new Error("?")), Status.IO],
];

for (const [name, settle, status] of FAILURES) {
  Deno.test(`an export that fails ${name} says so to its own requests, and the rest is served`, async () => {
    await using server = await lameServer();
    const { port } = server;
    await using session = await openSession({ port });
    const folder = await folderOf(session, "lame");
    server.settling(settle);
    const prepared = session.prepare(mkdir(folder, "new"), {
      slotid: 0,
      expect: status,
    });
    const first = await prepared.send();
    // SEQUENCE, PUTFH and the CREATE that could not be kept.
    assertEquals(statuses(first), [0, 0, status]);
    const connection = await session.client.newConnection();
    assertEquals(statuses(await prepared.send(connection)), statuses(first));
    // What others may see of it is not certain either.
    const unsure = status === Status.DELAY ? status : Status.IO;
    await session.expectStatus(unsure, [
      ...walk(["lame", "d"]),
      op.getattr(["size"]),
    ]);
    await assertOthersServed(port);
    server.settling(() => {});
    // Nothing of the refusal sticks.
    await session.compound(mkdir(folder, "other"));
  });
}

Deno.test("NFSv4.0: what can't be kept is an error, the same when it is sent again", async () => {
  await using server = await lameServer();
  const { port } = server;
  await using client = await V40Client.connect({ port });
  const folder = await folderOf(client, "lame");
  server.settling(() => Promise.reject(new FsError("io")));
  const send = () =>
    client.compound(mkdir(folder, "new"), {
      xid: 77,
      expect: Status.IO,
    });
  const first = await send();
  assertEquals(statuses(first), [0, Status.IO]);
  server.settling(() => {});
  assertEquals(statuses(await send()), statuses(first));
  await assertOthersServed(port);
});

/** A request for a folder that is `asked` to be kept, and waits for `gate`. */
async function waitingMkdir(
  server: Awaited<ReturnType<typeof lameServer>>,
  session: Session,
) {
  const folder = await folderOf(session, "lame");
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  server.settling(() => {
    asked.resolve();
    return gate.promise;
  });
  const prepared = session.prepare(mkdir(folder, "new"), {
    slotid: 0,
    expect: "any",
  });
  return { gate, asked, prepared };
}

Deno.test("a request that comes again while its answer is yet to be kept has to wait", async () => {
  await using server = await lameServer();
  await using session = await openSession({ port: server.port });
  const { gate, asked, prepared } = await waitingMkdir(server, session);
  const first = prepared.send();
  await asked.promise;
  const connection = await session.client.newConnection();
  assertEquals((await prepared.send(connection)).status, Status.DELAY);
  gate.resolve();
  assertEquals((await first).status, Status.OK);
  assertEquals((await prepared.send(connection)).status, Status.OK);
});

Deno.test("a request whose connection ends before its answer is kept can be sent again", async () => {
  for (const outcome of ["kept", "refused"]) {
    await using server = await lameServer();
    await using session = await openSession({ port: server.port });
    const { gate, asked, prepared } = await waitingMkdir(server, session);
    const doomed = await session.client.newConnection();
    const lost = prepared.send(doomed).then(() => "answered", () => "lost");
    await asked.promise;
    doomed.close();
    assertEquals(await lost, "lost");
    server.settling(() => {});
    if (outcome === "kept") gate.resolve();
    else gate.reject(new FsError("no-space"));
    const { status } = await prepared.send();
    assertEquals(status, outcome === "kept" ? Status.OK : Status.NOSPC);
  }
});

for (const isSettled of [true, false, undefined]) {
  Deno.test(`a READ that waits relies on what others lose meanwhile where it saw that: settled is ${isSettled}`, async () => {
    const lame: FileSystem = memory({ d: { f: "x" } }) as FileSystem;
    let [unsettled, losses] = [1, 1];
    Object.defineProperty(lame, "unsettled", { get: () => unsettled });
    Object.defineProperty(lame, "losses", { get: () => losses });
    const read = lame.read.bind(lame);
    lame.read = async (...given) => {
      await undefined;
      unsettled++;
      losses++;
      return { ...await read(...given), isSettled };
    };
    await using server = await lameServer(lame);
    await using session = await openSession({ port: server.port });
    const look = [...walk(["lame", "d", "f"]), op.read({ count: 10 })];
    await session.expectStatus(isSettled ? Status.OK : Status.IO, look);
    // What it saw before is its business all the same.
    let lookups = 0;
    const lookup = lame.lookup.bind(lame);
    lame.lookup = (...given) => {
      unsettled += lookups++;
      return lookup(...given);
    };
    await session.expectStatus(Status.IO, look);
  });
}

for (
  const [lost, loss, status] of [
    [1, "no-space", Status.NOSPC],
    [1, "quota", Status.DQUOT],
    [1, undefined, Status.IO],
    [2, "no-space", Status.IO],
  ] as const
) {
  Deno.test(`who lost what it did before it came to settle hears why: ${loss}, as the last of ${lost}`, async () => {
    const lame: FileSystem = memory({ d: {} }) as FileSystem;
    let losses = 7;
    Object.defineProperty(lame, "losses", { get: () => losses });
    Object.defineProperty(lame, "loss", { get: () => loss });
    const create = lame.create!.bind(lame);
    lame.create = async (...given) => {
      const created = await create(...given);
      losses += lost;
      return created;
    };
    await using server = await lameServer(lame);
    await using session = await openSession({ port: server.port });
    const folder = await folderOf(session, "lame");
    await session.expectStatus(status, mkdir(folder, "made"));
  });
}

Deno.test("an OPEN whose answer can't be kept leaves nothing open, but for what an earlier answer told of", async () => {
  await using server = await lameServer();
  await using first = await openSession({ port: server.port });
  await using other = await openSession({ port: server.port });
  const folder = await folderOf(first, "lame");
  const refuse = () => Promise.reject(new FsError("no-space"));
  const open = (session: Session, expect: number, deny: number) =>
    session.compound([
      op.putfh(folder),
      op.open({
        owner: { clientid: session.client.clientid, owner: bytesOf("owner") },
        claim: { claim: "null", name: "f" },
        deny,
      }),
    ], { expect });
  server.settling(refuse);
  await open(first, Status.NOSPC, Share.DENY_READ);
  server.settling(() => {});
  await open(other, Status.OK, Share.DENY_NONE);
  server.settling(refuse);
  await open(other, Status.NOSPC, Share.DENY_NONE);
  server.settling(() => {});
  await open(first, Status.SHARE_DENIED, Share.DENY_READ);
});

Deno.test("a request that changed nothing, and saw nothing that is lost, is answered all the same", async () => {
  await using server = await lameServer();
  let unsettled: number | undefined = 1;
  let step = 0;
  Object.defineProperty(server.lame, "unsettled", {
    get: () => unsettled === undefined ? undefined : unsettled += step,
  });
  await using session = await openSession({ port: server.port });
  server.settling(() => Promise.reject(new FsError("no-space")));
  const look = [...walk(["lame", "d", "f"]), op.getattr(["size"])];
  await session.compound(look);
  // What it is refused for may be lost as well.
  await session.expectStatus(Status.IO, walk(["lame", "d", "nothing"]));
  step = 1;
  await session.expectStatus(Status.IO, look);
  unsettled = undefined;
  await session.expectStatus(Status.IO, look);
});
