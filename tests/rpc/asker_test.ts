import { assert, assertEquals } from "@std/assert";
import { askedBy } from "../../src/base/asker.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import { call, Peer, Procedure, serve, TestHandlers } from "./support.ts";

Deno.test("a call is carried out for the connection that it came on, also after it has waited", async () => {
  const handlers = new TestHandlers();
  const released = Promise.withResolvers<void>();
  const askers: (readonly [object, object | undefined])[] = [];
  handlers.call = (_call, _results, connection) => {
    askers.push([connection, askedBy()]);
    return released.promise.then(() => {
      askers.push([connection, askedBy()]);
      return AcceptStatus.SUCCESS;
    });
  };
  await using listener = serve(handlers);
  using one = await Peer.connect(listener);
  using other = await Peer.connect(listener);
  for (const peer of [one, other, one]) {
    await peer.send(call({ xid: 1, procedure: Procedure.NULL }));
  }
  while (askers.length < 3) await new Promise((go) => setTimeout(go, 1));
  released.resolve();
  for (const peer of [one, other, one]) await peer.reply();
  assertEquals(askers.length, 6);
  for (const [connection, asker] of askers) {
    for (const [other, otherAsker] of askers) {
      assertEquals(asker === otherAsker, connection === other);
    }
    // Work that outlives the connection keeps its asker, and not the connection.
    assert(asker !== undefined && asker !== connection);
  }
});
