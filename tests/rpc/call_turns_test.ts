import { assert, assertEquals } from "@std/assert";
import { nextTurn } from "../../src/base/turn.ts";
import { systemClock } from "../../src/base/clock.ts";
import { CallTurns } from "../../src/rpc/call_turns.ts";
import { Loopback } from "../../src/rpc/loopback.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { TestAcceptor } from "./in_process.ts";
import { echo, Peer, TestHandlers } from "./support.ts";

/** Looks for input that a test ends. */
class Looks {
  #ends: (() => void)[] = [];

  readonly look = (): Promise<void> =>
    new Promise((end) => this.#ends.push(end));

  get underWay(): number {
    return this.#ends.length;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    for (let i = 0; i < 4; i++) await undefined;
  }
}

/** Takes until there is nothing to be had; returns how many calls that were. */
function takeAll(turns: CallTurns): number {
  for (let taken = 0;;) {
    const calls = turns.take();
    if (calls === 0) return taken;
    taken += calls;
  }
}

Deno.test("connections that wait have their turn one after the other, few calls each", async () => {
  const looks = new Looks();
  const turns = new CallTurns(looks.look);
  takeAll(turns);
  const order: string[] = [];
  const busy = async (name: string) => {
    for (let i = 0; i < 2; i++) order.push(`${name}${await turns.next()}`);
  };
  for (let i = 0; i < 10; i++) busy(`${i} `);
  // It has just begun to look.
  assertEquals(looks.underWay, 1);
  await looks.end();
  assertEquals(order, [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `${i} 6`));
  await looks.end();
  assertEquals(order.slice(8, 12), ["8 6", "9 6", "0 6", "1 6"]);
  await looks.end();
  // Four are left, and share the turn.
  assertEquals(order.slice(16), [6, 7, 8, 9].map((i) => `${i} 12`));
});

Deno.test("no call waits while input is looked for often enough", async () => {
  const looks = new Looks();
  const turns = new CallTurns(looks.look);
  for (let i = 0; i < 1000; i++) {
    assert(turns.take() > 0, `${i}`);
    // One call came, as of a client that sends one at a time.
    turns.giveBack(5);
    if (i % 60 === 0) await looks.end();
  }
});

Deno.test("calls that were given back are others'", async () => {
  const looks = new Looks();
  const turns = new CallTurns(looks.look);
  const taken = takeAll(turns);
  turns.giveBack(taken);
  assertEquals(takeAll(turns), taken);
  await looks.end();
  assert(turns.take() > 0);
});

Deno.test("connections with one call each share a turn of as many calls", async () => {
  const looks = new Looks();
  const turns = new CallTurns(looks.look);
  takeAll(turns);
  let served = 0;
  for (let i = 0; i < 200; i++) {
    turns.next().then((calls) => {
      served++;
      turns.giveBack(calls - 1);
    });
  }
  await looks.end();
  for (let i = 0; i < 200; i++) await undefined;
  assert(served >= 40 && served <= 48, `${served}`);
  for (let turn = 0; turn < 5; turn++) {
    await looks.end();
    for (let i = 0; i < 200; i++) await undefined;
  }
  assertEquals(served, 200);
});

Deno.test("a client with one call is served among others' hundreds, and these in turns", async () => {
  const acceptor = new TestAcceptor();
  const handlers = new TestHandlers();
  const served: number[] = [];
  const { call } = handlers;
  handlers.call = (given, results, connection) => {
    served.push(given.xid);
    return call(given, results, connection);
  };
  const callTurns = new CallTurns(nextTurn);
  await using _listener = new RpcListener({
    ...{ acceptor, handlers, callTurns, clock: systemClock },
  });
  const busy = [1, 2, 3].map((i) => {
    const peer = new Peer(acceptor.connect());
    const calls = Array.from({ length: 300 }, (_, k) => echo(1000 * i + k));
    return { peer, sent: peer.send(...calls) };
  });
  for (const { sent } of busy) await sent;
  while (served.length === 0) await nextTurn();
  const before = served.length;
  using quiet = new Peer(acceptor.connect());
  await quiet.send(echo(1));
  assertEquals((await quiet.reply()).xid, 1);
  // Those of two turns at most.
  const waited = served.indexOf(1) - before;
  assert(waited <= 150, `${waited} calls before it`);
  for (const { peer } of busy) {
    for (let k = 0; k < 300; k++) await peer.reply();
  }
  // In between, none is far ahead of another.
  const counts = [0, 0, 0, 0];
  for (const xid of served.filter((xid) => xid >= 1000).slice(96, 600)) {
    counts[Math.floor(xid / 1000)]!++;
  }
  const [, ...each] = counts;
  const lead = Math.max(...each) - Math.min(...each);
  assert(lead <= 48, `${each}`);
  for (const { peer } of busy) peer[Symbol.dispose]();
});

Deno.test("a look for input comes to its end when other input was looked for, also without its connection", async () => {
  const loopback = await Loopback.open(systemClock);
  assert(loopback !== undefined);
  for (let i = 0; i < 3; i++) await loopback.look();
  const [one, other] = [loopback.look(), loopback.look()];
  assertEquals(one, other);
  await one;
  const last = loopback.look();
  loopback[Symbol.dispose]();
  await last;
  await loopback.look();
});

Deno.test("a look for input whose byte is lost ends, and so do those after it", async () => {
  const { connect } = Deno;
  const deaf = async (options: Deno.ConnectOptions) => {
    const conn = await connect(options);
    conn.write = () => Promise.resolve(1);
    return conn;
  };
  Deno.connect = deaf as typeof Deno.connect;
  const clock = new FakeClock();
  let loopback: Loopback | undefined;
  try {
    loopback = await Loopback.open(clock);
  } finally {
    Deno.connect = connect;
  }
  let isOver = false;
  const look = loopback!.look().then(() => isOver = true);
  await nextTurn();
  clock.advance(999);
  await nextTurn();
  assertEquals(isOver, false);
  clock.advance(1);
  await look;
  await loopback!.look();
});

Deno.test({
  name: "without the permission to connect to the own host there is none",
  permissions: { net: false },
  async fn() {
    assertEquals(await Loopback.open(systemClock), undefined);
  },
});
