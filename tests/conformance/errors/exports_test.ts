import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import { Op, Status } from "../../../src/nfs4/constants.ts";
import { serve } from "../../../src/server.ts";
import { operationsWith } from "../../docs/error_lists.ts";
import { type StateClient, StateFixture } from "../../engine/state_fixture.ts";
import { samples } from "../../robustness/samples.ts";
import {
  anonymousStateid,
  backChannel,
  bytesOf,
  CreateMode,
  currentStateid,
  FileType,
  foreChannel,
  op,
  openSession,
  type Request,
  type Session,
  statusName,
  V40Client,
  walk,
} from "../../support/client/mod.ts";
import { startServer } from "../../support/server.ts";

const tree = { file: "content", folder: {} };
const make = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };

/** What changes something, each for itself. */
function changes(client: StateClient): Request[][] {
  const root = op.putrootfh();
  return [
    [root, op.create({ type: FileType.DIR, name: "new" })],
    [...walk(["file"]), op.savefh(), root, op.link("new")],
    [root, client.openOp("new", { create: make, owner: "creator" })],
    [root, client.openOp("file", { access: 2, owner: "writer" })],
    [root, op.remove("file")],
    [root, op.savefh(), op.rename("file", "new")],
    [...walk(["file"]), op.setattr({ mode: 0o600 })],
    [...walk(["file"]), op.setattr({ size: 0n })],
    [...walk(["file"]), op.write({ data: "x" })],
  ];
}

for (const minor of [0, 1] as const) {
  Deno.test(`NFSv4.${minor}: what would change an export that is read only is ROFS (RFC 8881 15.1.4.11, RFC 7530 13.1.4.13)`, async () => {
    const fixture = new StateFixture({ tree, readOnly: true });
    const client = await fixture.client(minor);
    for (const requests of changes(client)) {
      const { last, status } = await client.call(...requests);
      assertEquals(
        `${last!.name} ${statusName(status)}`,
        `${requests.at(-1)!.name} ROFS`,
      );
    }
    assertEquals(await client.status(...walk(["file"]), op.commit()), "OK");
    assertEquals(await client.status(...walk(["file"]), op.read()), "OK");
  });

  Deno.test(`NFSv4.${minor}: folders without the right to search, write or list them are ACCESS (RFC 8881 15.1.6.1, RFC 7530 13.1.6.1)`, async () => {
    const fixture = new StateFixture({
      tree: { file: "content", closed: { in: "", sub: {} } },
    });
    const root = await fixture.client(minor);
    await root.ok("SETATTR", ...walk(["closed"]), op.setattr({ mode: 0o700 }));
    const { filehandle } = await root.ok(
      "GETFH",
      ...walk(["closed", "sub"]),
      op.getfh(),
    );
    await root.ok(
      "SETATTR",
      op.putfh(filehandle),
      op.setattr({ mode: 0o600 }),
    );
    const user = await fixture.client(minor, { uid: 1000 });
    const closed = walk(["closed"]);
    const open = { claim: { claim: "null", name: "in" }, access: 1 } as const;
    const attempts: Request[][] = [
      [...closed, op.create({ type: FileType.DIR, name: "new" })],
      [...walk(["file"]), op.savefh(), ...closed, op.link("new")],
      [...closed, op.lookup("in")],
      [op.putfh(filehandle), op.lookupp()],
      [...closed, op.open({ ...open, owner: user.owner() })],
      [...closed, op.readdir()],
      [...closed, op.remove("in")],
      [...closed, op.savefh(), op.rename("in", "out")],
      [...closed, op.secinfo("in")],
      [
        ...(minor === 0 ? closed : [op.putfh(filehandle)]),
        minor === 0 ? op.lookup("in") : op.secinfoNoName(1),
      ],
    ];
    for (const requests of attempts) {
      const { last, status } = await user.call(...requests);
      assertEquals(
        `${last!.name} ${statusName(status)}`,
        `${requests.at(-1)!.name} ACCESS`,
      );
    }
  });

  Deno.test(`NFSv4.${minor}: what only the owner may set, or root give away, is PERM (RFC 8881 15.1.6.2, RFC 7530 13.1.6.2)`, async () => {
    const fixture = new StateFixture({ tree });
    const root = await fixture.client(minor);
    await root.ok("SETATTR", op.putrootfh(), op.setattr({ mode: 0o777 }));
    const user = await fixture.client(minor, { uid: 1000 });
    const attributes = { owner: "1001" };
    const given = { mode: CreateMode.UNCHECKED, attributes };
    const attempts: Request[][] = [
      [...walk(["file"]), op.setattr({ mode: 0o777 })],
      [
        op.putrootfh(),
        op.create({ type: FileType.DIR, name: "d", attributes }),
      ],
      [op.putrootfh(), user.openOp("new", { create: given })],
    ];
    for (const requests of attempts) {
      const name = requests.at(-1)!.name;
      assertEquals(await user.status(...requests), "PERM", name);
    }
  });
}

/** LINK and RENAME from one export to another. */
const acrossExports: Request[][] = [
  [...walk(["one", "file"]), op.savefh(), ...walk(["two"]), op.link("new")],
  [...walk(["one"]), op.savefh(), ...walk(["two"]), op.rename("file", "new")],
];

Deno.test("names can't go from one export to another: XDEV (RFC 8881 18.9.4, 18.26.4, RFC 7530 16.9.5, 16.27.5)", async () => {
  await using server = await serve([
    { path: "/one", fs: memory(tree), squash: "none" },
    { path: "/two", fs: memory(), squash: "none" },
  ], { port: 0 });
  await using session = await openSession({ port: server.port });
  await using v40 = await V40Client.connect({ port: server.port });
  for (const requests of acrossExports) {
    for (const client of [session, v40]) {
      const reply = await client.compound(requests, { expect: "any" });
      assertEquals(
        `${reply.last!.name} ${statusName(reply.status)}`,
        `${requests.at(-1)!.name} XDEV`,
      );
    }
  }
});

/** Bytes of a reply's RPC header. */
const RPC_HEAD = 24;
/** Bytes of a reply up to its first result: RPC header, status, empty tag, number of results. */
const HEAD = RPC_HEAD + 12;
/** Most bytes of a reply in these tests. */
const LIMIT = 2048;

/** Operations of the list that the server carries out in this minor version. */
function carriedOut(version: "4.0" | "4.1", error: string): Request[] {
  const minor = version === "4.0" ? 0 : 1;
  return operationsWith(version, error)
    // Stands first, and has a test of its own.
    .filter((name) => name !== "SEQUENCE")
    .filter((name) =>
      OPERATIONS[Op[name as keyof typeof Op]]!.versions.includes(minor)
    )
    .map((name) => samples.find((sample) => sample.name === name)!);
}

/** What is kept free for the operation that is refused: number, status, and SETATTR's empty attrsset. */
const REFUSAL = 12;

/** SEQUENCE, PUTROOTFH, SAVEFH, and TEST_STATEID of so many that there is room for a refusal and not a word more. */
const sessionFiller: readonly Request[] = [
  op.putrootfh(),
  op.savefh(),
  op.testStateid(
    new Array((LIMIT - HEAD - 44 - 8 - 8 - 12 - REFUSAL) / 4).fill(
      anonymousStateid,
    ),
  ),
];

/** What the operation between the filler and another is answered with; nothing of it was done. */
async function statusOf(
  session: Session,
  request: Request,
  cacheThis: boolean,
): Promise<string> {
  const reply = await session.expectStatus(
    "any",
    [...sessionFiller, request, op.putrootfh()],
    { cacheThis },
  );
  assert(RPC_HEAD + reply.bytes.length <= LIMIT, request.name);
  assertEquals(reply.last!.name, request.name, reply.describe());
  return statusName(reply.status);
}

Deno.test("what makes a reply larger than the session's is REP_TOO_BIG, whatever it is (RFC 8881 2.10.6.4)", async () => {
  await using server = await startServer();
  const fore = { maxresponsesize: LIMIT, maxresponsesize_cached: LIMIT };
  await using session = await openSession({ port: server.port, fore });
  assertEquals(session.fore.maxresponsesize, LIMIT);
  await session.compound(sessionFiller);
  for (const request of carriedOut("4.1", "REP_TOO_BIG")) {
    const status = await statusOf(session, request, false);
    assertEquals(status, "REP_TOO_BIG", request.name);
  }
});

Deno.test("what leaves no room for the refusal of the next operation is REP_TOO_BIG itself: no reply is larger than the session's (RFC 8881 18.36.3)", async () => {
  await using server = await startServer();
  const fore = { maxresponsesize: LIMIT, maxresponsesize_cached: LIMIT };
  await using session = await openSession({ port: server.port, fore });
  for (const cacheThis of [false, true]) {
    for (let more = 0; more <= 4; more++) {
      const count = (LIMIT - HEAD - 44 - 8 - 12 - REFUSAL) / 4 + more;
      const test = op.testStateid(new Array(count).fill(anonymousStateid));
      const full = [op.putrootfh(), test];
      const status = more * 4 <= REFUSAL ? Status.OK : Status.REP_TOO_BIG;
      await session.expectStatus(status, full, { cacheThis });
      const reply = await session.expectStatus(
        Status.REP_TOO_BIG,
        [...full, op.getattr(["type", "size"])],
        { cacheThis },
      );
      assertEquals(reply.last!.name, more > 0 ? "TEST_STATEID" : "GETATTR");
      assert(RPC_HEAD + reply.bytes.length <= LIMIT, `${reply.bytes.length}`);
    }
  }
});

Deno.test("what makes a reply larger than the cache's is REP_TOO_BIG_TO_CACHE where it is to be kept (RFC 8881 2.10.6.4)", async () => {
  await using server = await startServer();
  const fore = { maxresponsesize: 65_536, maxresponsesize_cached: LIMIT };
  await using session = await openSession({ port: server.port, fore });
  assertEquals(session.fore.maxresponsesize_cached, LIMIT);
  for (const request of carriedOut("4.1", "REP_TOO_BIG_TO_CACHE")) {
    const status = await statusOf(session, request, true);
    assertEquals(status, "REP_TOO_BIG_TO_CACHE", request.name);
  }
});

Deno.test("in NFSv4.0 a reply larger than the server makes is RESOURCE (RFC 7530 13.1.3.4)", async () => {
  const fixture = new StateFixture({
    tree: { file: "x".repeat(LIMIT) },
    limits: { maxReply: LIMIT },
  });
  const client = await fixture.client(0);
  // PUTROOTFH, LOOKUP, SAVEFH, READ: a refusal has room, and not a word more.
  const count = LIMIT - HEAD - 8 - 8 - 8 - 16 - REFUSAL;
  const filler = [...walk(["file"]), op.savefh(), op.read({ count })];
  assertEquals(await client.status(...filler), "OK");
  for (const request of carriedOut("4.0", "RESOURCE")) {
    const all = [...filler, request, op.putrootfh()];
    assertEquals(await client.status(...all), "RESOURCE", request.name);
  }
});

/** Requests that succeed as the second operation, so that their reply is kept only if that is asked for. */
async function seconds(session: Session): Promise<Request[]> {
  const { client, connection } = session;
  const opened = await session.open(["file"], { access: 3 });
  const owner = { clientid: client.clientid, owner: bytesOf("locker") };
  const locked = await session.compound([
    op.putfh(opened.filehandle),
    op.lock({ locker: { openStateid: opened.stateid, owner } }),
    op.locku({ stateid: currentStateid }),
  ]);
  const named = (name: string) =>
    op.exchangeId({ owner: bytesOf(name), verifier: new Uint8Array(8) });
  const register = async (name: string) =>
    (await session.compound([named(name)])).get("EXCHANGE_ID");
  const { clientid, sequence } = await register("another");
  const unused = await register("unused");
  const ended = await client.createSession({ connection });
  return [
    op.putrootfh(),
    op.putpubfh(),
    op.putfh(opened.filehandle),
    op.testStateid([anonymousStateid]),
    op.freeStateid(locked.get("LOCKU").stateid),
    op.backchannelCtl(0x4000_0000, [{ flavor: "none" }]),
    op.reclaimComplete(),
    named("new"),
    op.createSession({
      clientid,
      sequence,
      flags: 0,
      fore: foreChannel,
      back: backChannel,
      program: 1,
      security: [{ flavor: "none" }],
    }),
    op.destroySession(ended.id),
    op.destroyClientid(unused.clientid),
  ];
}

Deno.test("a reply that nobody wanted kept is RETRY_UNCACHED_REP when it is wanted again (RFC 8881 2.10.6.1.3)", async () => {
  await using server = await startServer({ tree: { file: "" } });
  await using session = await openSession({ port: server.port });
  await using late = await openSession({
    port: server.port,
    reclaimComplete: false,
  });
  for (const request of await seconds(session)) {
    const by = request.name === "RECLAIM_COMPLETE" ? late : session;
    const prepared = by.prepare([request, op.putrootfh()], {
      slotid: 1,
      cacheThis: false,
      expect: "any",
    });
    assertEquals((await prepared.send()).status, Status.OK, request.name);
    const again = await prepared.send();
    assertEquals(
      again.describe(),
      `SEQUENCE OK, ${request.name} RETRY_UNCACHED_REP`,
    );
  }
});

Deno.test("LOCK fits a small cache, and so does its denial unless the other owner's name does not (RFC 8881 2.10.6.4)", async () => {
  await using server = await startServer({ tree: { file: "" } });
  const fore = { maxresponsesize: 1024, maxresponsesize_cached: 512 };
  await using session = await openSession({ port: server.port, fore });
  const { filehandle, stateid } = await session.open(["file"], { access: 3 });
  const file = op.putfh(filehandle);
  const named = (name: string) => ({ clientid: 0n, owner: bytesOf(name) });
  const lock = (name: string, offset: bigint) => {
    const locker = { openStateid: stateid, owner: named(name) };
    return [file, op.lock({ locker, offset, length: 1n })];
  };
  const cacheThis = true;
  await session.compound(lock("a", 0n), { cacheThis });
  await session.expectStatus(Status.DENIED, lock("b", 0n), { cacheThis });
  await session.compound(lock("a".repeat(600), 1n), { cacheThis });
  const tooBig = Status.REP_TOO_BIG_TO_CACHE;
  await session.expectStatus(tooBig, lock("b", 1n), { cacheThis });
  const unkept = { cacheThis: false };
  await session.expectStatus(Status.DENIED, lock("b", 1n), unkept);
  await session.compound(lock("a".repeat(1024), 2n));
  const test = op.lockt({ owner: named("b"), offset: 2n, length: 1n });
  for (const denied of [lock("b", 2n), [file, test]]) {
    await session.expectStatus(Status.REP_TOO_BIG, denied, unkept);
  }
});
