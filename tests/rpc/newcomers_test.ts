/** Connections of which it is yet to be found out whose they are. */

import { assert, assertEquals } from "@std/assert";
import { createLogger } from "../../src/base/log.ts";
import type { Introduction } from "../../src/rpc/introduction.ts";
import { type ListenerOptions, RpcListener } from "../../src/rpc/listener.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { TestAcceptor } from "./in_process.ts";
import { echo, Peer, TestHandlers, until } from "./support.ts";

const MOST = 256;

/** A listener that is told by the test whose its connections are. */
class Door implements AsyncDisposable {
  readonly listener: RpcListener;
  readonly handlers = new TestHandlers();
  /** Those that wait, the oldest first. */
  readonly waiting: PromiseWithResolvers<Introduction>[] = [];
  refused = 0;
  readonly #acceptor = new TestAcceptor();

  constructor(options: Partial<ListenerOptions> = {}) {
    this.listener = new RpcListener({
      acceptor: this.#acceptor,
      handlers: this.handlers,
      clock: new FakeClock(),
      observer: { connectionRefused: () => this.refused++ },
      introduce: () => {
        const introduction = Promise.withResolvers<Introduction>();
        this.waiting.push(introduction);
        return introduction.promise;
      },
      ...options,
    });
  }

  /** The end of a peer on this host. */
  knock(): Peer {
    return new Peer(this.#acceptor.connect("127.0.0.1"));
  }

  /** A peer that a user holds; whether its call was answered. */
  async comes(uid: number): Promise<boolean> {
    const peer = this.knock();
    await until(() => this.waiting.length > 0);
    this.waiting.shift()!.resolve({ uid });
    await peer.send(echo(1));
    return await peer.receive() !== undefined;
  }

  /** Connections of each user. */
  sizes(): Record<string, number> {
    const sizes: Record<string, number> = {};
    for (const { party } of this.listener.connections) {
      sizes[party] = (sizes[party] ?? 0) + 1;
    }
    return sizes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.listener[Symbol.asyncDispose]();
  }
}

Deno.test("a user of this host who has its share keeps none of the others out", async () => {
  await using door = new Door({ maxPerAddress: 2, maxConnections: 8 });
  const isIn: boolean[] = [];
  for (const uid of [7, 7, 7, 0, 0, 8]) isIn.push(await door.comes(uid));
  assertEquals(isIn, [true, true, false, true, true, true]);
  assertEquals(door.sizes(), { "user 7": 2, "user 0": 2, "user 8": 1 });
  assertEquals(door.refused, 1);
});

Deno.test("where all connections are taken, the user who has most gives way", async () => {
  await using door = new Door({ maxPerAddress: 3, maxConnections: 5 });
  for (const uid of [7, 7, 7, 8, 8]) assert(await door.comes(uid));
  assertEquals(await door.comes(7), false);
  assert(await door.comes(0));
  assertEquals(door.sizes(), { "user 7": 2, "user 8": 2, "user 0": 1 });
});

Deno.test("who is not introduced yet counts nowhere, is not read from, and so many of them leave the others in the host's line", async () => {
  await using door = new Door({ maxPerAddress: 1 });
  const [first] = Array.from({ length: MOST + 10 }, () => door.knock());
  await first!.send(echo(1));
  await until(() => door.waiting.length === MOST);
  assertEquals([door.listener.size, door.handlers.calls.length], [0, 0]);
  door.waiting[0]!.resolve({ uid: 0 });
  assertEquals((await first!.reply()).xid, 1);
  await until(() => door.waiting.length === MOST + 1);
  assertEquals(door.sizes(), { "user 0": 1 });
  for (const each of door.waiting) each.resolve({});
});

Deno.test("who is gone before it was found out who it is makes room at once", async () => {
  let lost = 0;
  await using door = new Door({ observer: { connectionLost: () => lost++ } });
  const gone = Array.from({ length: 3 * MOST }, () => door.knock());
  for (const peer of gone) peer.conn.close();
  await until(() => lost === gone.length);
  // None of them was found out.
  const before = door.waiting.length;
  const peer = door.knock();
  await peer.send(echo(1));
  await until(() => door.waiting.length > before);
  door.waiting.at(-1)!.resolve({ uid: 0 });
  assertEquals((await peer.reply()).xid, 1);
  for (const each of door.waiting) each.resolve({});
});

Deno.test("who has sent something and is gone is found out, and its call carried out", async () => {
  await using door = new Door();
  const peer = door.knock();
  await peer.send(echo(1));
  await peer.conn.closeWrite();
  await until(() => door.waiting.length > 0);
  for (let i = 0; i < 20; i++) await undefined;
  door.waiting[0]!.resolve({ uid: 7 });
  assertEquals((await peer.reply()).xid, 1);
});

Deno.test("who can't be introduced is turned away, and no other with it", async () => {
  const lines: string[] = [];
  await using door = new Door({
    logger: createLogger({ write: (line) => void lines.push(line) }),
  });
  const peer = door.knock();
  await until(() => door.waiting.length > 0);
  door.waiting.shift()!.reject(new Error("no descriptors"));
  assert(await peer.closed());
  assertEquals([door.refused, lines.length], [1, 1]);
  assert(await door.comes(0));
});

Deno.test("a listener that ends closes who is not introduced yet, and waits for what is being found out", async () => {
  const door = new Door();
  const peer = door.knock();
  await until(() => door.waiting.length > 0);
  let isEnded = false;
  const ending = door[Symbol.asyncDispose]().then(() => isEnded = true);
  assert(await peer.closed());
  assertEquals(isEnded, false);
  door.waiting[0]!.resolve({ uid: 0 });
  await ending;
  assertEquals([door.listener.size, door.refused], [0, 0]);
});
