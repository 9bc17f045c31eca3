import { assertEquals } from "@std/assert";
import { currentStateid, op } from "../../support/client/mod.ts";
import { AT_FILE, StateFixture } from "../state_fixture.ts";

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
