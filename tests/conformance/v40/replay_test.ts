import { assertEquals, assertNotEquals } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import {
  ClientConnection,
  type CompoundReply,
  CreateMode,
  LockType,
  op,
  type OpenedFile,
  type Request,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { sendCompound } from "../../support/client/sender.ts";
import { CREATE, createOp, type Fixture, startFixture } from "./fixture.ts";

const ROOT = op.putrootfh();
const RESULT_CONFIRM = 2;

/** Sends the same operations again, under a new xid: all must be as the first time. */
async function twice(fixture: Fixture, ops: Request[]): Promise<CompoundReply> {
  const first = await fixture.client.compound(ops, { expect: "any" });
  for (let i = 0; i < 2; i++) {
    const again = await fixture.client.compound(ops, { expect: "any" });
    assertEquals(again.bytes, first.bytes);
  }
  return first;
}

const statusOf = (reply: CompoundReply) => reply.describe().split(" ").at(-1);

/** OPEN of a name in the root by an owner's next request. */
function openOp(
  fixture: Fixture,
  name: string,
  options: { access?: number; deny?: number; create?: typeof CREATE } = {},
) {
  const owner = fixture.client.owner();
  const { access = Share.ACCESS_BOTH } = options;
  const claim = { claim: "null", name } as const;
  return op.open({ ...options, access, seqid: owner.seqid, owner, claim });
}

const old = ({ other }: Stateid): Stateid => ({ seqid: 0, other });

Deno.test("OPEN sent again opens once, with its filehandle (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const first = await twice(fixture, [
    ROOT,
    openOp(fixture, "new", { create: CREATE }),
    op.getfh(),
  ]);
  assertEquals(first.get("OPEN").flags & RESULT_CONFIRM, RESULT_CONFIRM);
  const owner = fixture.client.owner();
  owner.settle(0);
  const { filehandle } = first.get("GETFH");
  const confirm = op.openConfirm(first.get("OPEN").stateid, owner.seqid);
  const confirmed = await twice(fixture, [op.putfh(filehandle), confirm]);
  owner.settle(confirmed.status);
  const second = await twice(fixture, [
    ROOT,
    openOp(fixture, "new", { deny: Share.DENY_NONE }),
    op.getfh(),
  ]);
  assertEquals(second.get("GETFH").filehandle, filehandle);
  // Closed once, it is closed: nothing was opened twice.
  owner.settle(0);
  const { stateid } = second.get("OPEN");
  await fixture.ok(op.putfh(filehandle), op.close(stateid, owner.seqid));
  const deny = Share.DENY_BOTH;
  assertEquals(await fixture.openStatus("new", { owner: "2", deny }), "OK");
});

Deno.test("an OPEN that failed fails again, whatever came since (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  await fixture.open("new");
  const owner = fixture.client.owner();
  const missing = [ROOT, openOp(fixture, "missing")];
  assertEquals(statusOf(await twice(fixture, missing)), "NOENT");
  await fixture.open("missing", { owner: "2" });
  assertEquals(await fixture.status(...missing), "NOENT");
  owner.settle(0);
  for (
    const [name, status] of [["dir", "ISDIR"], ["link", "SYMLINK"]] as const
  ) {
    const ops = [ROOT, openOp(fixture, name, { access: Share.ACCESS_READ })];
    assertEquals(statusOf(await twice(fixture, ops)), status);
    owner.settle(0);
  }
  assertEquals(await fixture.openStatus("missing"), "OK");
});

Deno.test("the first OPEN of an owner that fails is remembered (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  for (const name of ["missing", "dir"]) {
    const owner = fixture.client.owner(name);
    const ops = [
      ROOT,
      op.open({
        seqid: 1,
        owner,
        create: undefined,
        claim: { claim: "null", name },
      }),
      op.getfh(),
    ];
    await twice(fixture, ops);
    if (name === "dir") continue;
    await fixture.ok(ROOT, createOp("dir", name));
    assertEquals(await fixture.status(...ops), "NOENT");
  }
});

Deno.test("an answer outlives the file that the owner had opened before (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  await fixture.open("keep");
  const file = await fixture.open("new");
  assertEquals(await fixture.close(file), "OK");
  await fixture.ok(ROOT, op.remove("new"));
  const missing = [ROOT, openOp(fixture, "new")];
  assertEquals(statusOf(await twice(fixture, missing)), "NOENT");
});

Deno.test("OPEN_CONFIRM, OPEN_DOWNGRADE and CLOSE that failed fail again, and the next seqid goes on (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const owner = fixture.client.owner();
  const opened = await fixture.ok(
    ROOT,
    openOp(fixture, "new", { create: CREATE, access: Share.ACCESS_READ }),
    op.getfh(),
  );
  owner.settle(0);
  const { stateid } = opened.get("OPEN");
  const at = op.putfh(opened.get("GETFH").filehandle);
  const next = async (request: (seqid: number) => Request, status: string) => {
    const reply = await twice(fixture, [at, request(owner.seqid)]);
    assertEquals(statusOf(reply), status);
    owner.settle(reply.status);
    return reply;
  };
  await next((seqid) => op.openConfirm(old(stateid), seqid), "OLD_STATEID");
  const confirmed = await next((seqid) => op.openConfirm(stateid, seqid), "OK");
  const now = confirmed.get("OPEN_CONFIRM").stateid;
  const access = Share.ACCESS_WRITE;
  await next(
    (seqid) => op.openDowngrade({ stateid: now, seqid, access }),
    "INVAL",
  );
  await next((seqid) => op.close(old(now), seqid), "OLD_STATEID");
  await next((seqid) => op.close(now, seqid), "OK");
});

Deno.test("a seqid that is not the next one is BAD_SEQID, again and again, and uses up nothing (RFC 7530 9.1.9)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const { seqid } = fixture.client.owner();
  const at = op.putfh(file.filehandle);
  const { stateid } = file;
  const owner = fixture.lockOwner("locker");
  const wrong: Request[][] = [seqid + 1, seqid + 50, 0].flatMap((seqid) => [
    [at, op.close(stateid, seqid)],
    [at, op.openDowngrade({ stateid, seqid, access: 1 })],
    [at, op.openConfirm(stateid, seqid)],
    [
      at,
      op.lock({ locker: { openStateid: stateid, openSeqid: seqid, owner } }),
    ],
    [
      ROOT,
      op.open({
        seqid,
        owner: fixture.client.owner(),
        claim: { claim: "null", name: "new" },
      }),
    ],
  ]);
  for (const ops of wrong) {
    assertEquals(statusOf(await twice(fixture, ops)), "BAD_SEQID");
  }
  assertEquals(await fixture.close(file), "OK");
});

async function locked(fixture: Fixture): Promise<[OpenedFile, Stateid]> {
  const file = await fixture.open("new");
  return [file, await fixture.lock(file, { offset: 20n, length: 100n })];
}

Deno.test("LOCK, granted or denied, and LOCKU sent again are answered as the first time (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const [file, lockStateid] = await locked(fixture);
  await fixture.lock(file, { locker: "2", offset: 0n, length: 10n });
  const at = op.putfh(file.filehandle);
  const lock = (lockSeqid: number, offset: bigint) =>
    op.lock({ offset, length: 10n, locker: { lockStateid, lockSeqid } });
  assertEquals(statusOf(await twice(fixture, [at, lock(1, 0n)])), "DENIED");
  const granted = await twice(fixture, [at, lock(2, 200n)]);
  const { stateid } = granted.get("LOCK");
  const unlock = (stateid: Stateid, seqid: number) =>
    op.locku({ stateid, seqid, type: LockType.READ });
  const failed = await twice(fixture, [at, unlock(old(stateid), 3)]);
  assertEquals(statusOf(failed), "OLD_STATEID");
  assertEquals(statusOf(await twice(fixture, [at, unlock(stateid, 4)])), "OK");
  for (const seqid of [0, 2, 6]) {
    const status = await fixture.status(at, unlock(stateid, seqid));
    assertEquals(status, "BAD_SEQID");
  }
});

Deno.test("the first LOCK of an owner sent again, granted or denied by an owner of any length (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const sequence = fixture.client.owner();
  const at = op.putfh(file.filehandle);
  const lock = async (name: string, offset: bigint) => {
    const owner = fixture.lockOwner(name);
    const openSeqid = sequence.seqid;
    const locker = { openStateid: file.stateid, openSeqid, owner };
    const reply = await twice(fixture, [
      at,
      op.lock({ offset, length: 10n, locker }),
    ]);
    sequence.settle(reply.status);
    return statusOf(reply);
  };
  assertEquals(await lock("first", 0n), "OK");
  assertEquals(await lock("loser", 0n), "DENIED");
  assertEquals(await lock("L".repeat(1000), 100n), "OK");
  assertEquals(await lock("another loser", 100n), "DENIED");
  assertEquals(await lock("another loser", 200n), "OK");
});

Deno.test("another operation under the last seqid is no retransmission (RFC 7530 9.1.9)", async () => {
  await using fixture = await startFixture();
  const [file, lockStateid] = await locked(fixture);
  const at = op.putfh(file.filehandle);
  const reply = await fixture.ok(
    at,
    op.lock({
      offset: 200n,
      length: 1n,
      locker: { lockStateid, lockSeqid: 1 },
    }),
  );
  const { stateid } = reply.get("LOCK");
  const unlock = op.locku({ stateid, seqid: 1 });
  assertEquals(await fixture.status(at, unlock), "BAD_SEQID");
});

/** What a client sends that has lost its connection before the answer came: the same record, from the same port or another. */
interface Resend {
  readonly fixture: Fixture;
  readonly ops: readonly Request[];
  readonly xid: number;
}

async function resend(
  connection: ClientConnection,
  { fixture, ops, xid }: Resend,
): Promise<CompoundReply> {
  return await sendCompound(connection, { minorVersion: 0, ops }, {
    credential: fixture.client.credential,
    expect: "any",
    xid,
  });
}

/** What must not be done twice. */
const once: [string, (fixture: Fixture) => Request[]][] = [
  ["CREATE", () => [ROOT, createOp("dir", "made")]],
  ["REMOVE", () => [ROOT, op.remove("fifo")]],
  ["RENAME", () => [ROOT, op.savefh(), op.rename("fifo", "moved")]],
  ["LINK", () => [...walk(["file"]), op.savefh(), ROOT, op.link("made")]],
];

for (const [name, ops] of once) {
  Deno.test(`${name} sent again under the same xid is answered as the first time (RFC 5531 8, RFC 7530 3.1)`, async () => {
    await using fixture = await startFixture();
    const xid = 0x4711;
    const again = { fixture, ops: ops(fixture), xid };
    const first = await resend(fixture.client.connection, again);
    assertEquals(statusOf(first), "OK");
    for (let i = 0; i < 2; i++) {
      const reply = await resend(fixture.client.connection, again);
      assertEquals(reply.bytes, first.bytes);
    }
    // A new request, though it says the same, is carried out.
    const anew = await resend(fixture.client.connection, {
      ...again,
      xid: xid + 1,
    });
    assertNotEquals(statusOf(anew), "OK");
    // And so is another one that happens to have the same xid.
    const other = [ROOT, createOp("dir", "another")];
    const fresh = await resend(fixture.client.connection, {
      fixture,
      ops: other,
      xid,
    });
    assertEquals(statusOf(fresh), "OK");
    assertEquals(await fixture.status(...walk(["another"])), "OK");
  });
}

Deno.test("OPEN_CONFIRM with a wrong seqid, sent again under the same xid, is BAD_SEQID again (RFC 7530 9.1.9, 16.18.5)", async () => {
  await using fixture = await startFixture();
  const owner = fixture.client.owner();
  const opened = await fixture.ok(
    ROOT,
    openOp(fixture, "new", { create: CREATE }),
    op.getfh(),
  );
  const { stateid } = opened.get("OPEN");
  const at = op.putfh(opened.get("GETFH").filehandle);
  const ops = [at, op.openConfirm(stateid, owner.seqid + 7)];
  const again = { fixture, ops, xid: 0x4711 };
  const { connection } = fixture.client;
  for (let i = 0; i < 3; i++) {
    assertEquals(statusOf(await resend(connection, again)), "BAD_SEQID");
  }
});

/** Has `fs` answer "busy" to REMOVE and to whatever opens a file, until that is ended. */
function keepBusy(fixture: Fixture): () => void {
  const { fs } = fixture.server;
  const busy = () => {
    throw new FsError("busy");
  };
  const own = { remove: busy, open: busy };
  Object.assign(fs, own);
  return () => {
    for (const name of Object.keys(own)) {
      Reflect.deleteProperty(fs, name);
    }
  };
}

Deno.test("a new request in the same words as one that was DELAYed is carried out, a retransmission is not (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const { connection } = fixture.client;
  await fixture.open("new");
  const end = keepBusy(fixture);
  const opening = [ROOT, openOp(fixture, "file")];
  const removing = [ROOT, op.remove("fifo")];
  const send = async (ops: Request[], xid: number) =>
    statusOf(await resend(connection, { fixture, ops, xid }));
  assertEquals(await send(removing, 1), "DELAY");
  assertEquals(await send(opening, 2), "DELAY");
  assertEquals(await send(opening, 3), "DELAY");
  end();
  // Its client may have read the answer already, and gone on.
  assertEquals(await send(removing, 1), "DELAY");
  assertEquals(await send(opening, 3), "DELAY");
  assertEquals(await send(removing, 4), "OK");
  const done = { fixture, ops: opening, xid: 5 };
  const { bytes } = await resend(connection, done);
  // From then on it is an answer as any other, under whatever xid.
  for (const xid of [5, 6]) {
    const again = await resend(connection, { ...done, xid });
    assertEquals(again.bytes, bytes);
    assertEquals(statusOf(again), "OK");
  }
});

Deno.test("what failed and has changed nothing is not remembered: sent again it is carried out, once", async () => {
  await using fixture = await startFixture();
  const ops = [ROOT, op.remove("later")];
  const again = { fixture, ops, xid: 0x4711 };
  const { connection } = fixture.client;
  assertEquals(statusOf(await resend(connection, again)), "NOENT");
  await fixture.ok(ROOT, createOp("dir", "later"));
  assertEquals(statusOf(await resend(connection, again)), "OK");
  assertEquals(statusOf(await resend(connection, again)), "OK");
});

Deno.test("reading again reads again: LOOKUP and GETATTR are not remembered", async () => {
  await using fixture = await startFixture();
  const again = { fixture, ops: walk(["later"]), xid: 0x4711 };
  const { connection } = fixture.client;
  assertEquals(statusOf(await resend(connection, again)), "NOENT");
  await fixture.ok(ROOT, createOp("dir", "later"));
  assertEquals(statusOf(await resend(connection, again)), "OK");
});

Deno.test("another client's request under the same xid is its own", async () => {
  await using fixture = await startFixture();
  const peer = await fixture.peer();
  const ops = [ROOT, createOp("dir", "made")];
  const again = { fixture, ops, xid: 0x4711 };
  const first = await resend(fixture.client.connection, again);
  assertEquals(statusOf(first), "OK");
  const second = await resend(peer.client.connection, again);
  assertEquals(statusOf(second), "EXIST");
});

Deno.test("who has lost its connection asks on a new one, from whatever port (RFC 7530 3.1.1)", async () => {
  await using fixture = await startFixture();
  const peer = await fixture.peer();
  const again = { fixture, ops: [ROOT, createOp("dir", "made")], xid: 0x4711 };
  const first = await resend(peer.client.connection, again);
  await peer.client.connection[Symbol.asyncDispose]();
  const { port } = fixture.server;
  await using connection = await ClientConnection.connect({ port });
  // The server may hear of the end of the first connection later than of the second.
  for (let tries = 0; tries < 200; tries++) {
    const reply = await resend(connection, again);
    if (statusOf(reply) === "OK") {
      assertEquals(reply.bytes, first.bytes);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("carried out again");
});

Deno.test("EXCLUSIVE creates need no such memory: the verifier is one (RFC 7530 16.16.5)", async () => {
  await using fixture = await startFixture();
  const verifier = new Uint8Array(8).fill(3);
  const create = { mode: CreateMode.EXCLUSIVE, verifier };
  const first = await fixture.open("new", { create });
  const again = await fixture.open("new", { create });
  assertEquals(again.filehandle, first.filehandle);
});
