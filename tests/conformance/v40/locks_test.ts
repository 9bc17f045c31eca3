import { assertEquals } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import {
  authSys,
  bytesOf,
  LockType,
  op,
  type OpenedFile,
  TO_END,
} from "../../support/client/mod.ts";
import { CREATE, type Fixture, type Peer, startFixture } from "./fixture.ts";

const { READ, WRITE, READW, WRITEW } = LockType;

interface Range {
  readonly offset?: bigint;
  readonly length?: bigint;
  readonly type?: number;
}

/** What LOCKT by another owner of the same client answers. */
async function test(
  fixture: Peer,
  { filehandle }: OpenedFile,
  { owner = "tester", ...range }: Range & { readonly owner?: string } = {},
) {
  const reply = await fixture.client.compound([
    op.putfh(filehandle),
    op.lockt({ ...range, owner: fixture.lockOwner(owner) }),
  ], { expect: "any" });
  return reply.last!.value as { denied?: Record<string, unknown> };
}

async function held(fixture: Fixture, file: OpenedFile) {
  const { denied } = await test(fixture, file);
  return denied && [denied.offset, denied.length, denied.type];
}

Deno.test("a lock is in everybody's way but its owner's, until LOCKU (16.10.5, 16.11.5, 16.12.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  assertEquals(await held(fixture, file), undefined);
  const stateid = await fixture.lock(file);
  assertEquals(await held(fixture, file), [0n, TO_END, WRITE]);
  const { denied } = await test(fixture, file);
  assertEquals(
    [denied?.clientid, denied?.owner],
    [fixture.client.clientid, bytesOf("locker")],
  );
  assertEquals(await test(fixture, file, { owner: "locker" }), {});
  const unlock = op.locku({ stateid, seqid: 1, type: READ });
  assertEquals(await fixture.status(op.putfh(file.filehandle), unlock), "OK");
  assertEquals(await held(fixture, file), undefined);
});

Deno.test("ranges: what touches, overlaps and lies within (16.11.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  await fixture.lock(file, { offset: 100n, length: 50n });
  const free = async (offset: bigint, length: bigint) =>
    (await test(fixture, file, { offset, length })).denied === undefined;
  assertEquals(await free(0n, 50n), true);
  assertEquals(await free(0n, 100n), true);
  assertEquals(await free(150n, TO_END), true);
  assertEquals(await free(125n, 50n), false);
  assertEquals(await free(99n, 2n), false);
  assertEquals(await free(149n, 1n), false);
  assertEquals(await free(0n, TO_END), false);
  // A range beyond 32 bits.
  assertEquals(await free(0n, 0xffff_ffff_ffffn), false);
  assertEquals(await free(1n << 40n, 1n << 40n), true);
});

Deno.test("locks of one owner join, split and change their type (16.10.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  let stateid = await fixture.lock(file, { offset: 25n, length: 75n });
  let seqid = 1;
  const at = op.putfh(file.filehandle);
  const lock = async (range: Range) => {
    const locker = { lockStateid: stateid, lockSeqid: seqid++ };
    const reply = await fixture.ok(at, op.lock({ ...range, locker }));
    ({ stateid } = reply.get("LOCK"));
  };
  const unlock = async (range: Range) => {
    const reply = await fixture.ok(
      at,
      op.locku({ ...range, stateid, seqid: seqid++ }),
    );
    ({ stateid } = reply.get("LOCKU"));
  };
  await lock({ offset: 50n, length: 75n });
  assertEquals(await held(fixture, file), [25n, 100n, WRITE]);
  await lock({ offset: 25n, length: 100n, type: READ });
  assertEquals(await held(fixture, file), [25n, 100n, READ]);
  await lock({ offset: 25n, length: 100n, type: WRITE });
  assertEquals(await held(fixture, file), [25n, 100n, WRITE]);
  await unlock({ offset: 50n, length: 50n });
  assertEquals(await held(fixture, file), [25n, 25n, WRITE]);
  await unlock({ offset: 0n, length: 20n });
  await unlock({ offset: 0n, length: 50n });
  assertEquals(await held(fixture, file), [100n, 25n, WRITE]);
  await unlock({ offset: 0n, length: 0xffff_ffff_ffffn });
  assertEquals(await held(fixture, file), undefined);
});

Deno.test("a length of 0 and one beyond 2^64 are INVAL (16.10.4, 16.11.4, 16.12.4)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const stateid = await fixture.lock(file, { length: 10n });
  const at = op.putfh(file.filehandle);
  let seqid = 1;
  for (const [offset, length] of [[25n, 0n], [100n, TO_END - 1n]] as const) {
    const range = { offset, length };
    const locker = `${offset}`;
    assertEquals(await fixture.lockStatus(file, { ...range, locker }), "INVAL");
    const owner = fixture.lockOwner("tester");
    const lockt = op.lockt({ ...range, owner });
    assertEquals(await fixture.status(at, lockt), "INVAL");
    const locku = op.locku({ ...range, stateid, seqid: seqid++ });
    assertEquals(await fixture.status(at, locku), "INVAL");
  }
});

Deno.test("a write lock wants the file open for writing, a read lock for reading: OPENMODE (16.10.5)", async () => {
  await using fixture = await startFixture();
  const reading = await fixture.open("r", { access: Share.ACCESS_READ });
  assertEquals(await fixture.lockStatus(reading, { type: WRITE }), "OPENMODE");
  assertEquals(await fixture.lockStatus(reading, { type: READ }), "OK");
  const writing = await fixture.open("w", { access: Share.ACCESS_WRITE });
  assertEquals(
    await fixture.lockStatus(writing, { type: READ, locker: "2" }),
    "OPENMODE",
  );
});

Deno.test("a clientid that was never given out is STALE_CLIENTID (16.10.4, 16.11.4)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const owner = { ...fixture.lockOwner("locker"), clientid: 0n };
  const at = op.putfh(filehandle);
  const openSeqid = fixture.client.owner().seqid;
  const locker = { openStateid: stateid, openSeqid, owner };
  assertEquals(await fixture.status(at, op.lock({ locker })), "STALE_CLIENTID");
  assertEquals(await fixture.status(at, op.lockt({ owner })), "STALE_CLIENTID");
});

for (const who of ["owners of one client", "clients"]) {
  Deno.test(`${who} take turns with a write lock, and share read locks (16.10.5)`, async () => {
    await using fixture = await startFixture();
    const other = who === "clients"
      ? await fixture.peer({ credential: authSys(1, 1) })
      : fixture;
    const create = { ...CREATE, attributes: { mode: 0o666 } };
    const one = await fixture.open("new", { owner: "1", create });
    const two = await other.open("new", { owner: "2", create });
    const mine = { owner: "1", locker: "l1" };
    const theirs = { owner: "2", locker: "l2" };
    const at = op.putfh(one.filehandle);
    let stateid = await fixture.lock(one, { ...mine, type: WRITE });
    assertEquals(
      await other.lockStatus(two, { ...theirs, type: READ }),
      "DENIED",
    );
    let reply = await fixture.ok(at, op.locku({ stateid, seqid: 1 }));
    ({ stateid } = reply.get("LOCKU"));
    assertEquals(await other.lockStatus(two, { ...theirs, type: READ }), "OK");
    const again = (type: number, lockSeqid: number) =>
      op.lock({ type, locker: { lockStateid: stateid, lockSeqid } });
    reply = await fixture.ok(at, again(READ, 2));
    ({ stateid } = reply.get("LOCK"));
    // RFC 7530 9.1.7: DENIED uses up the seqid, and is the same for a blocking lock.
    assertEquals(await fixture.status(at, again(WRITE, 3)), "DENIED");
    assertEquals(await fixture.status(at, again(WRITEW, 4)), "DENIED");
    assertEquals(await fixture.status(at, again(READW, 5)), "OK");
  });
}

Deno.test("a lock owner that was denied its first lock leaves no trace (9.1.10)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const stateid = await fixture.lock(file, { locker: "first" });
  for (let i = 0; i < 3; i++) {
    const waiting = { locker: "second", type: WRITEW };
    assertEquals(await fixture.lockStatus(file, waiting), "DENIED");
  }
  const at = op.putfh(file.filehandle);
  await fixture.ok(at, op.locku({ stateid, seqid: 1 }));
  assertEquals(await fixture.lockStatus(file, { locker: "second" }), "OK");
});

Deno.test("an owner that has unlocked everything may begin anew, its seqid going on (16.10.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const stateid = await fixture.lock(file);
  const at = op.putfh(file.filehandle);
  const begin = (lockSeqid: number) => {
    const { seqid: openSeqid } = fixture.client.owner();
    const owner = fixture.lockOwner("locker");
    const locker = { openStateid: file.stateid, openSeqid, lockSeqid, owner };
    return fixture.client.compound([at, op.lock({ locker })], {
      expect: "any",
    });
  };
  const last = (reply: { describe(): string }) => {
    const status = reply.describe().split(" ").at(-1);
    if (status === "OK") fixture.client.owner().settle(0);
    return status;
  };
  // While it holds something, it has a lock stateid that it must use.
  assertEquals(last(await begin(1)), "BAD_SEQID");
  await fixture.ok(at, op.locku({ stateid, seqid: 1 }));
  assertEquals(last(await begin(7)), "BAD_SEQID");
  const reply = await begin(2);
  assertEquals(last(reply), "OK");
  // The owner has one stateid for the file, which goes on.
  assertEquals(reply.get("LOCK").stateid, { ...stateid, seqid: 3 });
});

Deno.test("RELEASE_LOCKOWNER: not while it holds locks, and whatever became of the file (16.37.5)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new");
  const stateid = await fixture.lock(file);
  const release = op.releaseLockowner(fixture.lockOwner("locker"));
  assertEquals(await fixture.status(release), "LOCKS_HELD");
  const at = op.putfh(file.filehandle);
  await fixture.ok(at, op.locku({ stateid, seqid: 1 }));
  await fixture.ok(op.putrootfh(), op.remove("new"));
  assertEquals(await fixture.status(release), "OK");
  assertEquals(await fixture.status(release), "OK");
  const late = op.locku({ stateid: { ...stateid, seqid: 2 }, seqid: 2 });
  assertEquals(await fixture.status(at, late), "BAD_STATEID");
});

Deno.test("open, lock, open, downgrade, close (16.19.5)", async () => {
  await using fixture = await startFixture();
  const owner = fixture.client.owner();
  const first = await fixture.open("new");
  await fixture.lock(first, { type: READ });
  const file = await fixture.open("new", { access: Share.ACCESS_READ });
  const reply = await fixture.ok(
    op.putfh(file.filehandle),
    op.openDowngrade({
      stateid: file.stateid,
      seqid: owner.seqid,
      access: Share.ACCESS_READ,
    }),
  );
  owner.settle(reply.status);
  const { stateid } = reply.get("OPEN_DOWNGRADE");
  assertEquals(await fixture.close({ ...file, stateid }), "OK");
});
