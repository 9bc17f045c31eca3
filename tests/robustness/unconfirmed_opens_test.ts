import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { op, V40Client } from "../support/client/mod.ts";
import { startServer } from "../support/server.ts";
import { Gate, waiting } from "./fixture.ts";

const BOTH = 3;

Deno.test("of two opens under way of an owner that has confirmed none the last one stays (RFC 7530 16.18.5)", async () => {
  const gate = new Gate("open");
  const served = waiting(memory({ f: "1", g: "2" }) as FileSystem, gate.hold);
  await using server = await startServer({ served, delegations: false });
  await using client = await V40Client.connect({ port: server.port });
  await client.register();
  const owner = {
    clientid: client.clientid,
    owner: new TextEncoder().encode("new"),
  };
  const opened = (name: string, seqid: number) =>
    client.compound([
      op.putrootfh(),
      op.open({
        seqid,
        access: BOTH,
        deny: BOTH,
        owner,
        claim: { claim: "null", name },
      }),
      op.getfh(),
    ]);
  gate.shut();
  const both = [opened("f", 1), opened("g", 2)];
  await gate.reached(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  gate.open();
  const [first, last] = await Promise.all(both);
  for (
    const [reply, status] of [[first, Status.BAD_STATEID], [
      last,
      Status.OK,
    ]] as const
  ) {
    const { filehandle } = reply!.get("GETFH");
    const { stateid } = reply!.get("OPEN");
    const confirmed = await client.expectStatus("any", [
      op.putfh(filehandle),
      op.openConfirm(stateid, 3),
    ]);
    assertEquals(confirmed.status, status);
  }
});
