/** OPEN and what is done with it, by owners whose clientid is 0 as NFSv4.1 wants it. */

import { assertEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  anonymousStateid,
  attributeNumber,
  bypassStateid,
  bytesOf,
  type Component,
  CreateMode,
  currentStateid,
  LockType,
  op,
  type Request,
  type Session,
  Stable,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import {
  closeFile,
  created,
  Fixture,
  makeFile,
  NOT_WANTED,
  statusOfOpen,
  stranger,
} from "./fixture.ts";

const BOTH = Share.ACCESS_BOTH | NOT_WANTED;

/** An owner of a session: its clientid is 0 (RFC 8881 18.16.3). */
function ownerOf(name: Component) {
  return { clientid: 0n, owner: bytesOf(name) };
}

/** OPEN that creates `name` in the current folder. */
function create(name: string, access: number = BOTH): Request<"OPEN"> {
  return op.open({
    access,
    owner: ownerOf(name),
    create: created,
    claim: { claim: "null", name },
  });
}

/** WRITE at 5, then READ of all of it. */
async function writeAndRead(
  session: Session,
  filehandle: Uint8Array,
  stateid: Stateid,
): Promise<void> {
  const data = "write test data";
  await session.compound([
    op.putfh(filehandle),
    op.write({ stateid, offset: 5n, stable: Stable.FILE_SYNC, data }),
  ]);
  const read = await session.compound([
    op.putfh(filehandle),
    op.read({ stateid, count: 1000 }),
  ]);
  const expected = { eof: true, data: bytesOf("\0\0\0\0\0" + data) };
  assertEquals(read.get("READ"), expected);
}

Deno.test("OPEN begins its stateid's seqid with 1 and adds one for each OPEN more (RFC 8881 8.2.2)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const seqids = [];
  for (const access of [Share.ACCESS_WRITE, Share.ACCESS_READ]) {
    const file = await session.open(["f"], {
      access: access | NOT_WANTED,
      create: access === Share.ACCESS_WRITE ? created : undefined,
    });
    seqids.push(file.stateid.seqid);
  }
  assertEquals(seqids, [1, 2]);
});

Deno.test("a file is written and read with its open's stateid of seqid 0, closed with it too (RFC 8881 8.2.2)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const opened = await session.compound([
    op.putrootfh(),
    create("f"),
    op.getfh(),
  ]);
  const { filehandle } = opened.get("GETFH");
  const stateid = { ...opened.get("OPEN").stateid, seqid: 0 };
  await writeAndRead(session, filehandle, stateid);
  await closeFile(session, { filehandle, stateid });
});

Deno.test("a file that nobody has open is written and read with the anonymous stateid (RFC 8881 8.2.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const filehandle = await makeFile(session, ["f"]);
  await writeAndRead(session, filehandle, anonymousStateid);
});

Deno.test("OPEN by filehandle opens what was closed (RFC 8881 18.16.3, CLAIM_FH)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const filehandle = await makeFile(session, ["f"]);
  const opened = await session.compound([
    op.putfh(filehandle),
    op.open({ access: BOTH, owner: ownerOf("2"), claim: { claim: "fh" } }),
  ]);
  const stateid = { ...opened.get("OPEN").stateid, seqid: 0 };
  await writeAndRead(session, filehandle, stateid);
  await closeFile(session, { filehandle, stateid });
});

Deno.test("OPEN with EXCLUSIVE4_1 knows its own verifier and no other (RFC 8881 18.16.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const exclusive = (verifier: string) => {
    const mode = CreateMode.EXCLUSIVE4_1;
    const attributes = { mode: 0o640 };
    return {
      access: BOTH,
      create: { mode, verifier: bytesOf(verifier), attributes },
    };
  };
  const first = await session.open(["f"], exclusive("verifier"));
  assertEquals(first.attrset.includes(attributeNumber("mode")), true);
  const again = await session.open(["f"], exclusive("verifier"));
  assertEquals(again.filehandle, first.filehandle);
  const other = await statusOfOpen(session, ["f"], exclusive("Justtest"));
  assertEquals(other, Status.EXIST);
});

Deno.test("what an exclusive create can set is a part of what is supported (RFC 8881 5.8.1.14)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const asked = ["supported_attrs", "suppattr_exclcreat"] as const;
  const reply = await session.compound([op.putrootfh(), op.getattr(asked)]);
  const { supported_attrs, suppattr_exclcreat } =
    reply.get("GETATTR").attributes;
  const supported = new Set(supported_attrs);
  assertEquals(suppattr_exclcreat!.filter((n) => !supported.has(n)), []);
  assertEquals(supported.has(attributeNumber("suppattr_exclcreat")), true);
});

/** COMPOUNDs that use the stateid of the operation before (RFC 8881 16.2.3.1.2). */
const close = op.close(currentStateid);
const write = op.write({ stateid: currentStateid, offset: 5n, data: "data" });
const atOnce: Record<string, readonly Request[]> = {
  "closed": [close],
  "written and closed": [op.getfh(), write, close],
  "cut to a size and closed": [
    op.setattr({ size: 8n }, currentStateid),
    close,
  ],
  "left and restored before it is closed": [
    op.savefh(),
    op.putrootfh(),
    op.restorefh(),
    close,
  ],
};

for (const [what, requests] of Object.entries(atOnce)) {
  Deno.test(`a file is opened and, with the current stateid, ${what} (RFC 8881 16.2.3.1.2)`, async () => {
    await using fixture = await Fixture.open();
    const session = await fixture.session();
    await session.compound([op.putrootfh(), create("f"), ...requests]);
    await makeFile(session, ["g"]);
  });
}

Deno.test("a file is locked, written and unlocked with the current stateid (RFC 8881 16.2.3.1.2)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  for (const between of [[], [write]]) {
    const name = `f${between.length}`;
    const file = await session.open([name], { access: BOTH, create: created });
    await session.compound([
      op.putfh(file.filehandle),
      op.lock({
        type: LockType.WRITE,
        locker: { openStateid: file.stateid, owner: ownerOf("lock") },
      }),
      ...between,
      op.locku({ type: LockType.WRITE, stateid: currentStateid }),
      op.close(file.stateid),
    ]);
  }
});

Deno.test("without an operation that gave one there is no current stateid, and LOOKUP takes it away: BAD_STATEID (RFC 8881 16.2.3.1.2)", async () => {
  await using fixture = await Fixture.open({ tree: { home: {} } });
  const session = await fixture.session();
  const home = walk(["home"]);
  await session.expectStatus(Status.BAD_STATEID, [
    ...home,
    create("f"),
    op.getfh(),
    ...home,
    op.lookup("f"),
    close,
  ]);
  const file = await session.open(["home", "f"], { access: BOTH });
  const put = op.putfh(file.filehandle);
  await session.expectStatus(Status.BAD_STATEID, [put, close]);
  await closeFile(session, file);
});

Deno.test("FREE_STATEID of an open, by the current stateid too, is LOCKS_HELD (RFC 8881 18.38.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const free = op.freeStateid(currentStateid);
  const requests = [op.putrootfh(), create("f"), op.getfh(), free];
  await session.expectStatus(Status.LOCKS_HELD, requests);
});

Deno.test("nothing new before RECLAIM_COMPLETE, nothing reclaimed after it (RFC 8881 18.51.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ reclaimComplete: false });
  const opening = [op.putrootfh(), create("f"), op.getfh()];
  await session.expectStatus(Status.GRACE, opening);
  await session.compound([op.putrootfh(), op.reclaimComplete(true)]);
  await session.expectStatus(Status.GRACE, opening);
  await session.compound([op.reclaimComplete()]);
  await session.expectStatus(Status.COMPLETE_ALREADY, [op.reclaimComplete()]);
  const opened = await session.compound(opening);
  await session.expectStatus(Status.NO_GRACE, [
    op.putfh(opened.get("GETFH").filehandle),
    op.open({
      access: BOTH,
      owner: ownerOf("f"),
      claim: { claim: "previous", delegate: 0 },
    }),
  ]);
});

Deno.test("OPEN that wants no delegation is told that it did not want one (RFC 8881 18.16.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const opened = await session.compound([op.putrootfh(), create("f")]);
  const { delegation } = opened.get("OPEN");
  assertEquals(delegation, { type: "none_ext", why: 0 });
});

for (const stateid of [anonymousStateid, bypassStateid]) {
  const name = stateid === bypassStateid ? "READ bypass" : "anonymous";
  Deno.test(`WRITE takes the ${name} stateid beside an open for writing (RFC 8881 8.2.3)`, async () => {
    await using fixture = await Fixture.open();
    const session = await fixture.session();
    const access = Share.ACCESS_WRITE | NOT_WANTED;
    const file = await session.open(["f"], { access, create: created });
    const put = op.putfh(file.filehandle);
    await session.compound([put, op.write({ stateid, data: "x" })]);
    await closeFile(session, file);
  });
}

Deno.test("who has a file open may cut it, whatever its mode is by now (RFC 8881 18.30.3)", async () => {
  await using fixture = await Fixture.open();
  const owner = await fixture.session();
  const mode = {
    mode: CreateMode.GUARDED,
    attributes: { mode: 0o666 },
  } as const;
  const made = await owner.open(["f"], { access: BOTH, create: mode });
  const other = await fixture.session({ credential: stranger });
  const opened = await other.open(["f"], { access: BOTH });
  await owner.compound([
    op.putfh(made.filehandle),
    op.setattr({ mode: 0o600 }),
  ]);
  // As ftruncate does: the new size, and that it was now.
  const cut = { size: 10n, time_modify_set: "server" } as const;
  const putfh = op.putfh(opened.filehandle);
  await other.compound([putfh, op.setattr(cut, opened.stateid)]);
  const refused = [cut, { time_modify_set: "server" }] as const;
  for (const attributes of refused) {
    const setattr = op.setattr(attributes);
    await other.expectStatus(Status.ACCESS, [putfh, setattr]);
  }
});
