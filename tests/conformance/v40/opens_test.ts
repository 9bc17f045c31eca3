import { assertEquals, assertNotEquals } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import {
  authSys,
  bypassStateid,
  bytesOf,
  CreateMode,
  op,
  type OpenedFile,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { CREATE, type Fixture, startFixture } from "./fixture.ts";

const { ACCESS_READ, ACCESS_WRITE, ACCESS_BOTH } = Share;
const { DENY_NONE, DENY_READ, DENY_WRITE, DENY_BOTH } = Share;
const GUARDED = { ...CREATE, mode: CreateMode.GUARDED };
const verifier = (text: string) => bytesOf(text.padEnd(8).slice(0, 8));
const exclusive = (text: string) => ({
  mode: CreateMode.EXCLUSIVE,
  verifier: verifier(text),
});

async function attributes(fixture: Fixture, filehandle: Uint8Array) {
  const reply = await fixture.ok(
    op.putfh(filehandle),
    op.getattr(["mode", "size"]),
  );
  return reply.get("GETATTR").attributes;
}

Deno.test("UNCHECKED: attributes count for a new file; of an old one only a size of 0 does (16.16.5)", async () => {
  await using fixture = await startFixture();
  const open = (mode: number, size: bigint) =>
    fixture.open("new", {
      create: { mode: CreateMode.UNCHECKED, attributes: { mode, size } },
    });
  const { filehandle } = await open(0o644, 32n);
  assertEquals(await attributes(fixture, filehandle), {
    mode: 0o644,
    size: 32n,
  });
  await open(0o600, 16n);
  assertEquals(await attributes(fixture, filehandle), {
    mode: 0o644,
    size: 32n,
  });
  await open(0o600, 0n);
  assertEquals(await attributes(fixture, filehandle), {
    mode: 0o644,
    size: 0n,
  });
});

Deno.test("GUARDED: a file that is there is EXIST (16.16.5)", async () => {
  await using fixture = await startFixture();
  await fixture.open("new", { create: GUARDED });
  assertEquals(await fixture.openStatus("new", { create: GUARDED }), "EXIST");
});

Deno.test("EXCLUSIVE: the same verifier finds the same file, another one is EXIST (16.16.5)", async () => {
  await using fixture = await startFixture();
  const first = await fixture.open("new", { create: exclusive("one") });
  const create = exclusive("two");
  assertEquals(await fixture.openStatus("new", { create }), "EXIST");
  assertEquals(await fixture.openStatus("file", { create }), "EXIST");
  const again = await fixture.open("new", { create: exclusive("one") });
  assertEquals(again.filehandle, first.filehandle);
});

Deno.test("every pair of access and deny: what the one has, the other must not deny (9.9, 16.16.6)", async () => {
  await using fixture = await startFixture();
  const accesses = [ACCESS_READ, ACCESS_WRITE, ACCESS_BOTH];
  const denials = [DENY_NONE, DENY_READ, DENY_WRITE, DENY_BOTH];
  let n = 0;
  for (const access of accesses) {
    for (const deny of denials) {
      const name = `f${++n}`;
      await fixture.open(name, { access, deny });
      for (const access2 of accesses) {
        for (const deny2 of denials) {
          const owner = `${n} ${access2} ${deny2}`;
          const status = await fixture.openStatus(name, {
            access: access2,
            deny: deny2,
            owner,
          });
          const clash = (access & deny2) !== 0 || (access2 & deny) !== 0;
          assertEquals(status, clash ? "SHARE_DENIED" : "OK", owner);
          // What was opened is given back for the next pair.
          if (!clash) await closeUnconfirmed(fixture, name, owner);
        }
      }
    }
  }
});

/** A new OPEN of an owner that never confirmed takes the place of the first (RFC 7530 16.18.5). */
async function closeUnconfirmed(fixture: Fixture, name: string, owner: string) {
  const opened = await fixture.open("other", { owner });
  assertEquals(await fixture.close(opened, owner), "OK", name);
}

Deno.test("an owner's own deny is in its way too (9.9)", async () => {
  await using fixture = await startFixture();
  await fixture.open("r", { deny: DENY_READ });
  const read = await fixture.openStatus("r", { access: ACCESS_READ });
  assertEquals(read, "SHARE_DENIED");
  await fixture.open("w", { deny: DENY_WRITE });
  const write = await fixture.openStatus("w", { access: ACCESS_WRITE });
  assertEquals(write, "SHARE_DENIED");
});

Deno.test("what is denied to opens is LOCKED to anonymous stateids (9.1.4.3, 9.1.6)", async () => {
  await using fixture = await startFixture();
  const noRead = await fixture.open("r", { deny: DENY_READ });
  const noWrite = await fixture.open("w", { deny: DENY_WRITE, owner: "w" });
  const at = ({ filehandle }: OpenedFile) => op.putfh(filehandle);
  const write = op.write({ data: "x" });
  assertEquals(await fixture.status(at(noRead), op.read()), "LOCKED");
  assertEquals(await fixture.status(at(noRead), write), "OK");
  assertEquals(await fixture.status(at(noWrite), op.read()), "OK");
  assertEquals(await fixture.status(at(noWrite), write), "LOCKED");
  // RFC 7530 9.1.4.3: all ones read past it, and write like all zeros.
  const stateid = bypassStateid;
  assertEquals(await fixture.status(at(noRead), op.read({ stateid })), "OK");
  const around = op.write({ stateid, data: "x" });
  assertEquals(await fixture.status(at(noWrite), around), "LOCKED");
});

Deno.test("another owner reads what it may, writes what it may, under the deny of the first (9.9)", async () => {
  await using fixture = await startFixture();
  const one = await fixture.open("new", { owner: "1", deny: DENY_READ });
  await fixture.ok(
    op.putfh(one.filehandle),
    op.write({ stateid: one.stateid, data: "data" }),
  );
  const two = await fixture.open("new", { owner: "2", access: ACCESS_WRITE });
  const { stateid, filehandle } = two;
  const write = op.write({ stateid, data: "DATA" });
  assertEquals(await fixture.status(op.putfh(filehandle), write), "OK");
  const read = op.read({ stateid });
  const reading = await fixture.status(op.putfh(filehandle), read);
  // RFC 7530 9.1.6: allowed or OPENMODE; here the first denies it.
  assertEquals(reading, "OPENMODE");
});

Deno.test("an open for reading does not write (9.1.6)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new", {
    access: ACCESS_READ,
  });
  const write = op.write({ stateid, data: "x" });
  assertEquals(await fixture.status(op.putfh(filehandle), write), "OPENMODE");
});

Deno.test("a mode that forbids it is ACCESS, deny or no deny, and the first open goes on (16.16.6)", async () => {
  await using fixture = await startFixture();
  const file = await fixture.open("new", { deny: DENY_WRITE });
  await fixture.ok(op.putfh(file.filehandle), op.setattr({ mode: 0o700 }));
  const user = await fixture.peer({ credential: authSys(1, 1) });
  const denied = await user.openStatus("new", {
    access: ACCESS_READ,
    deny: DENY_WRITE,
  });
  assertEquals(denied, "ACCESS");
  const lock = await fixture.lock(file);
  const { filehandle, stateid } = file;
  const went = await fixture.status(
    op.putfh(filehandle),
    op.write({ stateid, data: "data" }),
    op.locku({ stateid: lock, seqid: 1 }),
  );
  assertEquals(went, "OK");
  assertEquals(await fixture.close(file), "OK");
});

Deno.test("somebody else's stateid opens no file that is not theirs (16.23.5, 16.36.5)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new", {
    create: { ...CREATE, attributes: { mode: 0o600 } },
  });
  const options = { credential: authSys(3912, 2422), expect: "any" } as const;
  for (
    const request of [op.read({ stateid }), op.write({ stateid, data: "x" })]
  ) {
    const { client } = fixture;
    const reply = await client.compound(
      [op.putfh(filehandle), request],
      options,
    );
    assertEquals(reply.describe().split(" ").at(-1), "ACCESS", request.name);
  }
});

Deno.test("no reclaim outside of a grace period: NO_GRACE (9.6.3)", async () => {
  await using fixture = await startFixture();
  const { filehandle } = await fixture.open("new");
  const owner = fixture.client.owner();
  const reclaim = op.open({
    seqid: owner.seqid,
    owner,
    claim: { claim: "previous", delegate: 0 },
  });
  assertEquals(await fixture.status(op.putfh(filehandle), reclaim), "NO_GRACE");
});

Deno.test("an upgrade changes the stateid's seqid, a downgrade goes back to what was opened (9.11, 16.19.5)", async () => {
  await using fixture = await startFixture();
  const read = await fixture.open("new", { access: ACCESS_READ });
  const both = await fixture.open("new", { access: ACCESS_BOTH });
  assertEquals(both.stateid.other, read.stateid.other);
  assertNotEquals(both.stateid.seqid, read.stateid.seqid);
  const { filehandle, stateid } = both;
  const downgrade = async (stateid: Stateid, access: number, deny = 0) => {
    const owner = fixture.client.owner();
    const reply = await fixture.client.compound([
      op.putfh(filehandle),
      op.openDowngrade({ stateid, seqid: owner.seqid, access, deny }),
    ], { expect: "any" });
    owner.settle(reply.status);
    return reply;
  };
  const last = (reply: { describe(): string }) =>
    reply.describe().split(" ").at(-1);
  // Never opened for that alone, or not with that deny.
  assertEquals(last(await downgrade(stateid, ACCESS_WRITE)), "INVAL");
  assertEquals(last(await downgrade(stateid, ACCESS_READ, DENY_READ)), "INVAL");
  assertEquals(last(await downgrade(stateid, 0)), "INVAL");
  assertEquals(last(await downgrade(stateid, 4)), "INVAL");
  const less = await downgrade(stateid, ACCESS_READ);
  const now = less.get("OPEN_DOWNGRADE").stateid;
  assertEquals(now.seqid, stateid.seqid + 1);
  assertEquals(last(await downgrade(stateid, ACCESS_READ)), "OLD_STATEID");
  const write = op.write({ stateid: now, data: "x" });
  assertEquals(await fixture.status(op.putfh(filehandle), write), "OPENMODE");
  assertEquals(await fixture.close({ filehandle, stateid: now }), "OK");
});

Deno.test("a downgrade of an open that was opened with more only is INVAL (16.19.5)", async () => {
  await using fixture = await startFixture();
  const { filehandle, stateid } = await fixture.open("new");
  const owner = fixture.client.owner();
  const less = op.openDowngrade({
    stateid,
    seqid: owner.seqid,
    access: ACCESS_READ,
  });
  assertEquals(await fixture.status(op.putfh(filehandle), less), "INVAL");
});

Deno.test("up and down and up again, and one CLOSE closes it all (16.19.5, 16.2.5)", async () => {
  await using fixture = await startFixture();
  const owner = fixture.client.owner();
  let { filehandle, stateid } = await fixture.open("new", {
    access: ACCESS_READ,
  });
  for (const left of [ACCESS_READ, ACCESS_READ, ACCESS_WRITE]) {
    const more = left === ACCESS_WRITE ? ACCESS_READ : ACCESS_WRITE;
    ({ stateid } = await fixture.open("new", { access: ACCESS_WRITE }));
    ({ stateid } = await fixture.open("new", { access: more }));
    const reply = await fixture.ok(
      op.putfh(filehandle),
      op.openDowngrade({ stateid, seqid: owner.seqid, access: left }),
    );
    owner.settle(reply.status);
    ({ stateid } = reply.get("OPEN_DOWNGRADE"));
  }
  assertEquals(await fixture.close({ filehandle, stateid }), "OK");
  const free = await fixture.openStatus("new", { deny: DENY_BOTH, owner: "2" });
  assertEquals(free, "OK");
  await fixture.ok(...walk([]), op.remove("new"));
});
