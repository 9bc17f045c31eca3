/** SEQUENCE over TCP: order, sizes, and replays of what succeeded and what failed. */

import { assert, assertEquals } from "@std/assert";
import { Status } from "../../../src/nfs4/constants.ts";
import { op, type Request, sameBytes, walk } from "../../support/client/mod.ts";
import { created, Fixture, makeFile } from "./fixture.ts";

Deno.test("SEQUENCE echoes what it was sent, on any slot (RFC 8881 18.46.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ reclaimComplete: false });
  const reply = await session.compound([], { slotid: 2, highestSlotid: 3 });
  const { sessionid, sequenceid, slotid } = reply.get("SEQUENCE");
  assertEquals({ sessionid, sequenceid, slotid }, {
    sessionid: session.id,
    sequenceid: 1,
    slotid: 2,
  });
  for (const sequenceid of [3, 0]) {
    const options = { slotid: 2, sequenceid };
    await session.expectStatus(Status.SEQ_MISORDERED, [], options);
  }
  await session.compound([], { slotid: 2 });
});

Deno.test("SEQUENCE is first and only there, its slot and session exist (RFC 8881 18.46.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ fore: { maxrequests: 8 } });
  const again = op.sequence({
    sessionid: session.id,
    sequenceid: 1,
    slotid: 1,
    highestSlotid: 1,
  });
  await session.expectStatus(Status.SEQUENCE_POS, [again]);
  await session.expectStatus(Status.BADSLOT, [], { slotid: 8 });
  const unknown = op.sequence({
    sessionid: new Uint8Array(16).fill(0x42),
    sequenceid: 1,
    slotid: 0,
    highestSlotid: 0,
  });
  await session.client.compound([unknown], { expect: Status.BADSESSION });
});

Deno.test("SEQUENCE binds a connection that nobody bound (RFC 8881 2.10.3.1)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const connection = await session.client.newConnection();
  await session.compound([op.putrootfh()], { connection });
});

Deno.test("a request larger than the session's is REQ_TOO_BIG, with more operations TOO_MANY_OPS (RFC 8881 18.36.3)", async () => {
  await using fixture = await Fixture.open();
  const tight = await fixture.session({ fore: { maxrequestsize: 512 } });
  const long = "12345".repeat(100);
  await tight.expectStatus(Status.REQ_TOO_BIG, [
    op.putrootfh(),
    op.lookup(long),
  ]);
  const few = await fixture.session({ fore: { maxoperations: 4 } });
  const operations: Request[] = [op.putrootfh(), op.getfh()];
  while (operations.length < few.fore.maxoperations - 1) {
    operations.push(op.getattr([]));
  }
  await few.compound(operations);
  operations.push(op.getattr([]));
  await few.expectStatus(Status.TOO_MANY_OPS, operations);
  await few.compound([]);
});

const rename = [...walk(["home"]), op.savefh(), op.rename("a", "b")];
const replays: Record<string, readonly [readonly Request[], number]> = {
  "a lookup": [[op.putrootfh()], Status.OK],
  "nothing but SEQUENCE": [[], Status.OK],
  "a lookup that failed": [[op.putrootfh(), op.lookup("")], Status.INVAL],
  "a rename": [rename, Status.OK],
  "a rename that failed": [
    [...walk(["home"]), op.savefh(), op.rename("", "foo")],
    Status.INVAL,
  ],
  "an illegal operation": [[op.raw(10044)], Status.OP_ILLEGAL],
};

for (const [what, [operations, expect]] of Object.entries(replays)) {
  Deno.test(`${what} is replayed from the slot, byte by byte (RFC 8881 2.10.6.1)`, async () => {
    await using fixture = await Fixture.open({ tree: { home: {} } });
    const session = await fixture.session();
    await makeFile(session, ["home", "a"]);
    const prepared = session.prepare(operations, {
      slotid: 1,
      cacheThis: true,
      expect,
    });
    const first = await prepared.send();
    const again = await prepared.send();
    assert(sameBytes(first.bytes, again.bytes));
    // The sequence of the slot goes on behind it.
    await session.compound([], { slotid: 1 });
  });
}

Deno.test("a rename whose answer need not be kept is not carried out twice (RFC 8881 2.10.6.1.3)", async () => {
  await using fixture = await Fixture.open({ tree: { home: {} } });
  const session = await fixture.session();
  const file = await session.open(["home", "a"], { create: created });
  const options = { slotid: 1, cacheThis: false, expect: "any" } as const;
  const prepared = session.prepare(rename, options);
  assertEquals((await prepared.send()).status, Status.OK);
  const again = await prepared.send();
  assertEquals(again.status, Status.RETRY_UNCACHED_REP);
  await session.compound([op.putfh(file.filehandle), op.close(file.stateid)]);
});
