import { assertEquals } from "@std/assert";
import {
  anonymousStateid,
  bypassStateid,
  currentStateid,
  op,
  type Stateid,
} from "../../support/client/mod.ts";
import { AT_FILE, StateFixture, statuses, uses } from "../state_fixture.ts";

const READ = 1;
const WRITE = 2;

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`stateids 4.${minor}: ${name}`, body);

  test("bad, old and future ones are told apart (RFC 8881 8.2.4, RFC 7530 9.1.4.4)", async () => {
    const client = await new StateFixture().client(minor);
    await client.open("file", { seqid: 1 });
    const stateid = await client.open("file", { seqid: 3 });
    const other = stateid.other.slice();
    other[9]! ^= 1;
    const status = async (stateid: Stateid) => {
      const all = new Set(await statuses(client, uses(stateid)));
      return [...all].join();
    };
    assertEquals(await status(stateid), "OK");
    assertEquals(await status({ seqid: stateid.seqid, other }), "BAD_STATEID");
    const old = { ...stateid, seqid: stateid.seqid - 1 };
    assertEquals(await status(old), "OLD_STATEID");
    const future = { ...stateid, seqid: stateid.seqid + 1 };
    assertEquals(await status(future), "BAD_STATEID");
    // RFC 8881 8.2.2: 0 is the current one; RFC 7530 9.1.4.4: it is an old one.
    const zero = minor === 0 ? "OLD_STATEID" : "OK";
    assertEquals(await status({ ...stateid, seqid: 0 }), zero);
  });

  test("those of another file (RFC 8881 8.2.4)", async () => {
    const fixture = new StateFixture({ tree: { file: "", more: "" } });
    const client = await fixture.client(minor);
    const stateid = await client.open("more", { seqid: 1 });
    const expected = Array(3).fill("BAD_STATEID");
    assertEquals(await statuses(client, uses(stateid)), expected);
    const close = await client.status(...AT_FILE, op.close(stateid, 3));
    assertEquals(close, "BAD_STATEID");
  });

  test("special ones in no other place, and invalid ones nowhere (RFC 8881 8.2.3)", async () => {
    const client = await new StateFixture().client(minor);
    const invalid = [
      { seqid: 2, other: new Uint8Array(12) },
      { seqid: 0xffff_ffff, other: new Uint8Array(12) },
      { seqid: 1, other: new Uint8Array(12).fill(255) },
      // No stateid has been returned yet.
      currentStateid,
    ];
    for (const stateid of invalid) {
      const expected = Array(3).fill("BAD_STATEID");
      assertEquals(await statuses(client, uses(stateid)), expected);
    }
    for (const stateid of [anonymousStateid, bypassStateid, ...invalid]) {
      const locker = { openStateid: stateid, owner: client.owner() };
      const requests = [
        op.close(stateid),
        op.openDowngrade({ stateid, access: 1 }),
        op.lock({ locker }),
        op.lock({ locker: { lockStateid: stateid } }),
        op.locku({ stateid }),
        op.delegreturn(stateid),
      ];
      const expected = Array(6).fill("BAD_STATEID");
      assertEquals(await statuses(client, requests), expected);
    }
  });

  test("OPEN_DOWNGRADE to what some of the OPENs came to (RFC 8881 18.18.3, RFC 7530 16.19.4)", async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    let seqid = 1;
    await client.open("file", { access: READ, seqid });
    seqid += 2;
    let stateid = await client.open("file", { access: 3, deny: 0, seqid });
    const down = async (access: number, deny: number) => {
      const args = { stateid, seqid: ++seqid, access, deny };
      const reply = await client.call(...AT_FILE, op.openDowngrade(args));
      if (!reply.has("OPEN_DOWNGRADE")) return reply.describe();
      const next = reply.get("OPEN_DOWNGRADE").stateid;
      assertEquals(next.seqid, stateid.seqid + 1);
      stateid = next;
      return "OK";
    };
    const refused = (await down(WRITE, 0)).endsWith("OPEN_DOWNGRADE INVAL");
    assertEquals(refused, true);
    for (const [access, deny] of [[0, 0], [4, 0], [1, 4], [3, 1]] as const) {
      const status = await down(access, deny);
      assertEquals(
        status.endsWith("INVAL"),
        true,
        `${access} ${deny} ${status}`,
      );
    }
    assertEquals(await down(READ, 0), "OK");
    const other = await fixture.client(minor);
    const deny = { access: READ, deny: WRITE, seqid: 1 };
    assertEquals(await other.openStatus("file", deny), "OK");
    assertEquals((await down(3, 0)).endsWith("INVAL"), true);
  });
}

Deno.test("stateids 4.1: another client's is refused (RFC 8881 8.2.4)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(1);
  const other = await fixture.client(1);
  const older = await fixture.client(0);
  const stateid = await client.open("file");
  const requests = [...uses(stateid), op.close(stateid)];
  const refused = Array(4).fill("BAD_STATEID");
  assertEquals(await statuses(other, requests), refused);
  assertEquals(await statuses(older, requests), refused);
});

Deno.test("TEST_STATEID 4.1: each kind (RFC 8881 18.48.3)", async () => {
  const fixture = new StateFixture();
  const client = await fixture.client(1);
  const other = await fixture.client(1);
  const open = await client.open("file");
  await client.open("file");
  const foreign = await other.open("file");
  const list = [
    { ...open, seqid: 2 },
    open,
    { ...open, seqid: 3 },
    { ...open, seqid: 0 },
    foreign,
    anonymousStateid,
    bypassStateid,
    currentStateid,
    { seqid: 1, other: new Uint8Array(12).fill(9) },
  ];
  const { statuses } = await client.ok("TEST_STATEID", op.testStateid(list));
  const [ok, old, bad] = [0, 10024, 10025];
  assertEquals(statuses, [ok, old, bad, ok, bad, bad, bad, bad, bad]);
});

Deno.test("FREE_STATEID 4.1: only what holds nothing (RFC 8881 18.38.3)", async () => {
  const client = await new StateFixture().client(1);
  const open = await client.open("file");
  const locker = { openStateid: open, owner: client.owner() };
  const lock = await client.ok("LOCK", ...AT_FILE, op.lock({ locker }));
  const free = (stateid: Stateid) => client.status(op.freeStateid(stateid));
  assertEquals(await free(open), "LOCKS_HELD");
  assertEquals(await free(lock.stateid), "LOCKS_HELD");
  const unlock = op.locku({ stateid: lock.stateid });
  const { stateid } = await client.ok("LOCKU", ...AT_FILE, unlock);
  assertEquals(await free(lock.stateid), "OLD_STATEID");
  assertEquals(await free(stateid), "OK");
  assertEquals(await free(stateid), "BAD_STATEID");
  assertEquals(await free(anonymousStateid), "BAD_STATEID");
});

for (const minor of [1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`current stateid 4.${minor}: ${name}`, body);
  const stateid = currentStateid;

  test("goes from OPEN through READ and WRITE to CLOSE (RFC 8881 16.2.3.1.2)", async () => {
    const client = await new StateFixture().client(minor);
    const reply = await client.call(
      op.putrootfh(),
      client.openOp("file"),
      op.write({ stateid, data: "x" }),
      op.read({ stateid }),
      op.setattr({ size: 2n }, stateid),
      op.openDowngrade({ stateid, access: 3 }),
      op.close(stateid),
    );
    assertEquals(reply.status, 0, reply.describe());
    // RFC 8881 18.2.4, 8.2.3
    const { seqid, other } = reply.get("CLOSE").stateid;
    assertEquals([seqid, ...other], [0xffff_ffff, ...new Uint8Array(12)]);
  });

  test("comes from LOCK and LOCKU too", async () => {
    const client = await new StateFixture().client(minor);
    const openStateid = await client.open("file");
    const locker = { openStateid, owner: client.owner() };
    const reply = await client.call(
      ...AT_FILE,
      op.lock({ locker }),
      op.write({ stateid, data: "x" }),
      op.locku({ stateid }),
      op.lock({ locker: { lockStateid: stateid } }),
      op.locku({ stateid }),
      op.freeStateid(stateid),
    );
    assertEquals(reply.status, 0, reply.describe());
  });

  test("goes with the filehandle through SAVEFH and RESTOREFH", async () => {
    const client = await new StateFixture().client(minor);
    const reply = await client.call(
      op.putrootfh(),
      client.openOp("file"),
      op.savefh(),
      op.putrootfh(),
      op.restorefh(),
      op.read({ stateid }),
    );
    assertEquals(reply.status, 0, reply.describe());
  });

  test("is gone with another filehandle, and after CLOSE (RFC 8881 8.2.3)", async () => {
    const client = await new StateFixture().client(minor);
    const open = [op.putrootfh(), client.openOp("file")];
    const moved = await client.status(
      ...open,
      ...AT_FILE,
      op.read({ stateid }),
    );
    assertEquals(moved, "BAD_STATEID");
    const close = op.close(stateid);
    const closed = await client.status(...open, close, op.read({ stateid }));
    assertEquals(closed, "BAD_STATEID");
  });
}
