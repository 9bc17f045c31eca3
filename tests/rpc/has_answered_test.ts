import { assertEquals } from "@std/assert";
import type { Settler } from "../../src/rpc/reliance.ts";
import { call, echo, Peer, Procedure, serve, TestHandlers } from "./support.ts";

/** Echoes, and notes of each call whether all before it had been answered. */
class NotingHandlers extends TestHandlers {
  readonly noted: boolean[] = [];
  /** What the replies rely on. */
  settler: Settler | undefined;

  constructor() {
    super();
    const { call: answer } = this;
    this.call = (call, results, connection) => {
      this.noted.push(connection.hasAnswered);
      const status = answer(call, results, connection);
      const { settler } = this;
      if (settler !== undefined) {
        const settlers = [settler];
        call.reliance = { settlers, settled() {}, refuse() {} };
      }
      return status;
    };
  }
}

Deno.test("a call that comes after each answer finds all answered", async () => {
  const handlers = new NotingHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  for (const xid of [1, 2, 3]) {
    await peer.send(echo(xid, "x".repeat(100_000)));
    await peer.reply();
  }
  assertEquals(handlers.noted, [true, true, true]);
});

Deno.test("of calls that come together the first alone finds all answered", async () => {
  const handlers = new NotingHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(echo(1), echo(2));
  await peer.reply();
  await peer.reply();
  await peer.send(echo(3));
  await peer.reply();
  assertEquals(handlers.noted, [true, false, true]);
});

Deno.test("a call finds not all answered while another is being answered", async () => {
  const handlers = new NotingHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const args = (xdr: { string(text: string): void }) => xdr.string("x");
  await peer.send(call({ xid: 1, procedure: Procedure.WAIT, args }));
  await peer.send(echo(2));
  await peer.reply();
  handlers.waiter(1).resolve();
  await peer.reply();
  assertEquals(handlers.noted, [true, false]);
});

Deno.test("a call finds not all answered while an answer waits for what it relies on", async () => {
  const handlers = new NotingHandlers();
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  const gate = Promise.withResolvers<void>();
  handlers.settler = { settle: () => gate.promise };
  await peer.send(echo(1));
  await peer.send(call({ xid: 2, procedure: Procedure.NULL }));
  while (handlers.noted.length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  gate.resolve();
  await peer.reply();
  await peer.reply();
  assertEquals(handlers.noted, [true, false]);
});
