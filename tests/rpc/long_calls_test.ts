/** Calls that take long, of many connections with one each: how they share the turns of the event loop. */

import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import type { Turn } from "../../src/base/turn.ts";
import { CallTurns } from "../../src/rpc/call_turns.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { TestAcceptor } from "./in_process.ts";
import { echo, Peer, TestHandlers, until } from "./support.ts";

/** Turns that a single call is enough for; a test lets them begin. */
class ShortTurns implements Turn {
  isOver = false;
  readonly #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  next(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  /** The next turn begins, for one of those that wait. */
  begin(): void {
    this.isOver = false;
    this.#waiting.shift()?.();
  }
}

/** As many connections as have calls begun between two looks for input. */
const CONNECTIONS = 48;

/** Connections with one call each that came at the same time. */
async function crowd() {
  const acceptor = new TestAcceptor();
  const turn = new ShortTurns();
  const handlers = new TestHandlers();
  const begun: number[] = [];
  const { call } = handlers;
  handlers.call = (given, results, connection) => {
    begun.push(given.xid);
    turn.isOver = true;
    return call(given, results, connection);
  };
  const callTurns = new CallTurns(() => Promise.resolve());
  const listener = new RpcListener({
    ...{ acceptor, handlers, callTurns, turn, clock: systemClock },
  });
  const peers = Array.from(
    { length: CONNECTIONS },
    () => new Peer(acceptor.connect()),
  );
  await until(() => listener.size === CONNECTIONS);
  for (const [i, peer] of peers.entries()) await peer.send(echo(i));
  await until(() => begun.length + turn.waiting >= CONNECTIONS);
  return {
    ...{ turn, begun, peers, listener },
    async [Symbol.asyncDispose]() {
      for (const peer of peers) peer[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

Deno.test("calls that take a turn each are begun one in a turn, of however many connections", async () => {
  await using all = await crowd();
  const { turn, begun, peers } = all;
  for (let turns = 1; turns <= CONNECTIONS; turns++) {
    await until(() => begun.length === turns);
    assertEquals(turn.waiting, CONNECTIONS - turns);
    turn.begin();
  }
  for (const [i, peer] of peers.entries()) {
    assertEquals((await peer.reply()).xid, i);
  }
});

Deno.test("a call that waits for its turn is not begun once its connection is closed", async () => {
  await using all = await crowd();
  const { turn, begun, listener } = all;
  const atOnce = new AbortController();
  atOnce.abort();
  await listener.drain(atOnce.signal);
  while (turn.waiting > 0) turn.begin();
  await until(() => listener.size === 0);
  assertEquals(begun.length, 1);
});
