/** NFSv4.0: a request comes again on another connection while the first is being carried out. */

import { assert, assertEquals } from "@std/assert";
import net from "node:net";
import { memory } from "../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import {
  anonymousStateid,
  ClientConnection,
  encodeCall,
  frame,
  op,
  readCompound,
  rootCredential,
  writeCompound,
} from "../support/client/mod.ts";
import { startServer } from "../support/server.ts";
import { Gate, waiting } from "./fixture.ts";

const XID = 0x1234;
const compound = {
  minorVersion: 0,
  ops: [op.putrootfh(), op.lookup("d"), op.remove("x")],
};
const REQUEST = frame(encodeCall({
  xid: XID,
  program: 100_003,
  version: 4,
  procedure: 1,
  credential: rootCredential,
}, (xdr) => writeCompound(xdr, compound)));

for (const end of ["closes", "resets"] as const) {
  for (const method of ["lookup", "remove"]) {
    Deno.test(`a REMOVE that waits in ${method} is carried out once, though its client ${end} the connection and sends it again`, async () => {
      const gate = new Gate(method);
      const served = waiting(
        memory({ d: { x: "1" } }) as FileSystem,
        gate.hold,
      );
      await using server = await startServer({ served });
      const first = net.connect(server.port, "127.0.0.1");
      await new Promise<void>((resolve) => first.once("connect", resolve));
      gate.shut();
      first.write(REQUEST);
      await gate.reached(1);
      const closed = new Promise<void>((resolve) =>
        first.once("close", () => resolve())
      );
      if (end === "closes") first.destroy();
      else first.resetAndDestroy();
      await closed;
      await using again = await ClientConnection.connect({ port: server.port });
      // The server hears of the end before it hears of the next connection's call.
      const reply = again.call(1, (xdr) => writeCompound(xdr, compound), {
        xid: XID,
        read: (outcome) => {
          assert(outcome.kind === "success");
          return readCompound(outcome.body, compound);
        },
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      gate.open();
      assertEquals((await reply).status, 0);
      assertEquals(gate.arrivals, 1);
    });
  }
}

Deno.test("a request whose answer is too long to be given twice is carried out again", async () => {
  const gate = new Gate("lookup");
  const served = waiting(
    memory({ f: "x".repeat(20_000) }) as FileSystem,
    gate.hold,
  );
  await using server = await startServer({ served });
  const { port } = server;
  await using first = await ClientConnection.connect({ port });
  const reading = {
    minorVersion: 0,
    ops: [
      op.putrootfh(),
      op.lookup("f"),
      op.read({ stateid: anonymousStateid, count: 20_000 }),
    ],
  };
  gate.shut();
  const ask = (connection: ClientConnection) =>
    connection.call(1, (xdr) => writeCompound(xdr, reading), {
      xid: XID,
      read: (outcome) => {
        assert(outcome.kind === "success");
        return readCompound(outcome.body, reading);
      },
    });
  const replies = [ask(first)];
  await gate.reached(1);
  await using second = await ClientConnection.connect({ port });
  first.closeWrite();
  replies.push(ask(second));
  await new Promise((resolve) => setTimeout(resolve, 20));
  gate.open();
  for (const reply of replies) {
    assertEquals((await reply).get("READ").data.length, 20_000);
  }
});
