/** What NFSv4.0 carries out once although what stands before it in its COMPOUND would fail by then. */
import { assert, assertEquals } from "@std/assert";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import {
  type CompoundReply,
  LockType,
  op,
  type Request,
  walk,
} from "../../support/client/mod.ts";
import { CREATE, createOp, type Fixture, startFixture } from "./fixture.ts";

const ROOT = op.putrootfh();

/** Sends operations, by the owner's next seqid, and the same under the same xid when `meanwhile` has happened. */
async function twice(
  fixture: Fixture,
  ops: readonly Request[],
  meanwhile: () => Promise<unknown>,
): Promise<readonly [CompoundReply, CompoundReply]> {
  const { client } = fixture;
  const options = { expect: "any", xid: 0x4711 } as const;
  const first = await client.compound(ops, options);
  await meanwhile();
  return [first, await client.compound(ops, options)];
}

/** An open of the file "new", and what an operation on it begins with. */
async function opened(fixture: Fixture) {
  const { stateid, filehandle } = await fixture.open("new");
  const { seqid } = fixture.client.owner();
  return { stateid, seqid, at: op.putfh(filehandle) };
}

async function locked(fixture: Fixture) {
  const file = await fixture.open("new");
  const lockStateid = await fixture.lock(file, { offset: 0n, length: 9n });
  return { lockStateid, at: op.putfh(file.filehandle) };
}

/** An OPEN of "new" that is yet to be confirmed. */
async function unconfirmed(fixture: Fixture) {
  const owner = fixture.client.owner();
  const reply = await fixture.ok(ROOT, openNew(fixture), op.getfh());
  owner.settle(0);
  const { stateid } = reply.get("OPEN");
  const at = op.putfh(reply.get("GETFH").filehandle);
  return { stateid, seqid: owner.seqid, at };
}

function openNew({ client }: Fixture): Request {
  const owner = client.owner();
  const claim = { claim: "null", name: "new" } as const;
  return op.open({
    access: 3,
    seqid: owner.seqid,
    owner,
    create: CREATE,
    claim,
  });
}

/** A read delegation of "file"; the server has to have tried the way back first. */
async function delegated(fixture: Fixture) {
  await fixture.client.register();
  while (true) {
    const file = await fixture.open("file", { access: 1 });
    const { delegation } = file;
    if ("stateid" in delegation) {
      return { stateid: delegation.stateid, at: op.putfh(file.filehandle) };
    }
    await fixture.close(file);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** By operation: requests that succeed; those that use up a seqid do so also where they fail. */
const REQUESTS: Record<
  string,
  (fixture: Fixture) => Request[] | Promise<Request[]>
> = {
  "CREATE": () => [ROOT, createOp("dir", "made")],
  "REMOVE": () => [ROOT, op.remove("fifo")],
  "RENAME": () => [ROOT, op.savefh(), op.rename("fifo", "moved")],
  "LINK": () => [...walk(["file"]), op.savefh(), ROOT, op.link("made")],
  "SETATTR": () => [...walk(["file"]), op.setattr({ mode: 0o600 })],
  "OPEN": (fixture) => [ROOT, openNew(fixture), op.getfh()],
  "OPEN_CONFIRM": async (fixture) => {
    const { at, stateid, seqid } = await unconfirmed(fixture);
    return [at, op.openConfirm(stateid, seqid)];
  },
  "OPEN_DOWNGRADE": async (fixture) => {
    const { at, stateid, seqid } = await opened(fixture);
    return [at, op.openDowngrade({ stateid, seqid, access: 3 })];
  },
  "CLOSE": async (fixture) => {
    const { at, stateid, seqid } = await opened(fixture);
    return [at, op.close(stateid, seqid)];
  },
  "LOCK": async (fixture) => {
    const { at, stateid, seqid } = await opened(fixture);
    const owner = fixture.lockOwner("locker");
    const locker = { openStateid: stateid, openSeqid: seqid, owner };
    return [at, op.lock({ type: LockType.WRITE, length: 9n, locker })];
  },
  "LOCKU": async (fixture) => {
    const { at, lockStateid: stateid } = await locked(fixture);
    return [at, op.locku({ stateid, seqid: 1 })];
  },
  "DELEGRETURN": async (fixture) => {
    const { at, stateid } = await delegated(fixture);
    return [at, op.delegreturn(stateid)];
  },
};

for (const [name, request] of Object.entries(REQUESTS)) {
  Deno.test(`${name} is answered as the first time, whatever else has changed (RFC 7530 3.1.1)`, async () => {
    await using fixture = await startFixture();
    const peer = await fixture.peer();
    await fixture.ok(ROOT, createOp("dir", "gate"));
    const ops = [...walk(["gate"]), ...await request(fixture)];
    const [first, again] = await twice(
      fixture,
      ops,
      () => peer.ok(ROOT, op.remove("gate")),
    );
    assertEquals(first.status, 0, first.describe());
    assertEquals(again.bytes, first.bytes);
  });
}

Deno.test("whatever must not be carried out twice is asked twice", () => {
  const once = OPERATIONS.filter((row) => row?.isOnce).map((row) => row!.name);
  assertEquals(once.sort(), Object.keys(REQUESTS).sort());
});

Deno.test("CLOSE of a removed file, which ends it, is answered as the first time, and the seqid goes on (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const peer = await fixture.peer();
  const { at, stateid, seqid } = await opened(fixture);
  await peer.ok(ROOT, op.remove("new"));
  const close = [at, op.close(stateid, seqid)];
  const [first, again] = await twice(fixture, close, async () => {});
  assertEquals(first.status, 0);
  assertEquals(again.bytes, first.bytes);
  // By now it is gone, and the owner's next request is in sequence.
  assertEquals(await fixture.status(at), "STALE");
  fixture.client.owner().settle(0);
  assertEquals(await fixture.openStatus("file"), "OK");
});

Deno.test("a request that uses up its seqid and fails is answered as the first time (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const peer = await fixture.peer();
  await fixture.open("new");
  await fixture.ok(ROOT, createOp("dir", "gate"));
  const owner = fixture.client.owner();
  const claim = { claim: "null", name: "missing" } as const;
  const open = op.open({ access: 1, seqid: owner.seqid, owner, claim });
  const [first, again] = await twice(
    fixture,
    [...walk(["gate"]), open],
    () => peer.ok(ROOT, op.remove("gate")),
  );
  assert(first.describe().endsWith("OPEN NOENT"), first.describe());
  assertEquals(again.bytes, first.bytes);
});

Deno.test("LOCK of what is no file uses up the seqid, as its client believes (RFC 7530 9.1.7)", async () => {
  await using fixture = await startFixture();
  const { at, stateid, seqid } = await opened(fixture);
  const lock = (openSeqid: number) => {
    const owner = fixture.lockOwner("locker");
    return op.lock({ locker: { openStateid: stateid, openSeqid, owner } });
  };
  assertEquals(await fixture.status(...walk(["dir"]), lock(seqid)), "ISDIR");
  assertEquals(await fixture.status(at, lock(seqid + 1)), "OK");
});
