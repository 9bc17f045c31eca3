import { assertEquals } from "@std/assert";
import { AcceptStatus } from "../../src/rpc/message.ts";
import type { Failures, Reliance, Settler } from "../../src/rpc/reliance.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import type { XdrWriter } from "../../src/xdr/writer.ts";
import {
  call,
  echo,
  Peer,
  Procedure,
  serve,
  TestHandlers,
  until,
} from "./support.ts";

/** Something durable whose settling a test decides. */
class Store implements Settler {
  settles = 0;
  outcome: () => void | Promise<void> = () => {};

  settle(): void | Promise<void> {
    this.settles++;
    return this.outcome();
  }
}

/** ECHO whose argument names the stores that its reply relies on, by their letters. */
class RelyingHandlers extends TestHandlers {
  readonly stores = { a: new Store(), b: new Store() };
  readonly told: string[] = [];

  constructor() {
    super();
    const { call: answer } = this;
    this.call = (call, results, connection) => {
      const at = call.body.position;
      const text = call.body.string(100);
      call.body.position = at;
      const settlers: Settler[] = [];
      if (text.includes("a")) settlers.push(this.stores.a);
      if (text.includes("b")) settlers.push(this.stores.b);
      if (settlers.length > 0) call.reliance = this.#rely(text, settlers);
      const status = answer(call, results, connection);
      return text.endsWith("later")
        ? new Promise((resolve) => setTimeout(resolve, 1, AcceptStatus.SUCCESS))
        : status;
    };
  }

  #rely(text: string, settlers: Settler[]): Reliance {
    return {
      settlers,
      settled: () => void this.told.push(`kept ${text}`),
      refuse: (
        _failures: Failures,
        reply?: { written: Uint8Array; results: XdrWriter },
      ) => {
        this.told.push(`refused ${text}`);
        if (reply === undefined) return;
        const { written, results } = reply;
        results.string(`not ${new XdrReader(written).string(100)}!`);
      },
    };
  }
}

const disk = () => Promise.reject(new Error("disk"));

async function answers(peer: Peer, count: number): Promise<string[]> {
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    texts.push((await peer.reply()).results.string(100));
  }
  return texts;
}

Deno.test("a reply waits for what it relies on, and replies of one batch for one settling", async () => {
  const handlers = new RelyingHandlers();
  const { a, b } = handlers.stores;
  const gate = Promise.withResolvers<void>();
  a.outcome = () => gate.promise;
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(echo(1, "a1"), echo(2, "a2"));
  await until(() => a.settles > 0);
  const connection = [...listener.connections][0]!;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(connection.bytesSent, 0);
  // What relies on nothing, or on something else, does not wait with it.
  await peer.send(echo(3, "x"));
  assertEquals(await answers(peer, 1), ["x"]);
  gate.resolve();
  assertEquals(await answers(peer, 2), ["a1", "a2"]);
  assertEquals([a.settles, b.settles], [1, 0]);
  assertEquals(handlers.told, ["kept a1", "kept a2"]);
});

Deno.test("what can't be kept is refused, and only that, whether it fails at once or later", async () => {
  for (
    const outcome of [disk, () => {
      throw new Error("disk");
    }]
  ) {
    const handlers = new RelyingHandlers();
    handlers.stores.a.outcome = outcome;
    await using listener = serve(handlers);
    using peer = await Peer.connect(listener);
    await peer.send(echo(1, "x"), echo(2, "a"), echo(3, "b"), echo(4, "ab"));
    assertEquals(await answers(peer, 4), ["x", "not a!", "b", "not ab!"]);
    assertEquals(handlers.told.sort(), [
      "kept b",
      "refused a",
      "refused ab",
    ]);
    await peer.send(echo(5, "y"));
    assertEquals(await answers(peer, 1), ["y"]);
  }
});

Deno.test("a reply that comes later, and one too large to share a write, are refused as well", async () => {
  const handlers = new RelyingHandlers();
  handlers.stores.a.outcome = disk;
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(echo(1, "a later"));
  assertEquals(await answers(peer, 1), ["not a later!"]);
});

Deno.test("what nobody waits for any more is settled all the same", async () => {
  const handlers = new RelyingHandlers();
  const { a } = handlers.stores;
  await using listener = serve(handlers);
  const peer = await Peer.connect(listener);
  const gate = Promise.withResolvers<void>();
  a.outcome = () => gate.promise;
  await peer.send(echo(1, "a1"), echo(2, "a later"));
  await until(() => a.settles > 0);
  const connection = [...listener.connections][0]!;
  connection.close("shutdown");
  gate.resolve();
  await until(() => handlers.told.length === 2);
  peer[Symbol.dispose]();
  assertEquals(handlers.told.sort(), ["kept a later", "kept a1"]);
});

Deno.test("two stores that fail, one at once and one later, end nobody", async () => {
  const handlers = new RelyingHandlers();
  handlers.stores.a.outcome = disk;
  handlers.stores.b.outcome = () => {
    throw new Error("disk");
  };
  await using listener = serve(handlers);
  using peer = await Peer.connect(listener);
  await peer.send(echo(1, "ab"));
  assertEquals(await answers(peer, 1), ["not ab!"]);
  await peer.send(
    call({ xid: 2, procedure: Procedure.NULL, args: (xdr) => xdr.string("x") }),
  );
  assertEquals((await peer.reply()).xid, 2);
});
