import { assert, assertEquals } from "@std/assert";
import { nextTurn } from "../../src/base/turn.ts";
import { systemClock } from "../../src/base/clock.ts";
import { CallTurns } from "../../src/rpc/call_turns.ts";
import { Loopback } from "../../src/rpc/loopback.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { TestAcceptor } from "./in_process.ts";
import { echo, Peer, TestHandlers, until } from "./support.ts";

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
    for (let i = 0; i < 2; i++) order.push(`${name}${await turns.next("")}`);
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
    turns.next("").then((calls) => {
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

Deno.test("connections are accepted in turns, and fewer while calls wait", async () => {
  const looks = new Looks();
  const turns = new CallTurns(looks.look);
  const acceptAll = () => {
    let accepted = 0;
    for (;; accepted++) {
      const others = turns.accept();
      if (others !== undefined) return { accepted, others };
    }
  };
  const first = acceptAll();
  assertEquals([first.accepted, looks.underWay], [24, 1]);
  await looks.end();
  await first.others;
  assertEquals(acceptAll().accepted, 23);
  takeAll(turns);
  for (let i = 0; i < 5; i++) turns.next("");
  await looks.end();
  // With one that has waited already.
  assertEquals(acceptAll().accepted, 3);
});

Deno.test("a read that leaves some of what came is no sign that input was looked for", () => {
  const turns = new CallTurns(new Looks().look);
  const share = turns.join("");
  const isRationed = (isAll: boolean): boolean => {
    for (let i = 0; i < 200; i++) {
      share.came(isAll);
      if (share.begin() !== undefined) return true;
    }
    return false;
  };
  assertEquals(isRationed(true), false);
  assertEquals(isRationed(false), true);
});

Deno.test("a party's crowd keeps no other party waiting, and its reads not its calls", async () => {
  const looks = new Looks();
  const turns = new CallTurns(looks.look);
  takeAll(turns);
  const order: string[] = [];
  const wait = (name: string, wait: Promise<void> | undefined) =>
    wait!.then(() => order.push(name));
  for (let i = 0; i < 100; i++) {
    wait("read", turns.join("a").beginRead());
    wait("call", turns.join("a").begin());
  }
  wait("other", turns.join("b").begin());
  await looks.end();
  assertEquals(order.slice(0, 5), ["read", "call", "other", "read", "call"]);
});

for (const isDraining of [false, true]) {
  const when = isDraining ? "of a server that ends" : "of a record's parts";
  Deno.test(`reads ${when} are shared out as calls are`, async () => {
    const acceptor = new TestAcceptor();
    const looks = new Looks();
    const handlers = new TestHandlers();
    let reads = 0;
    await using listener = new RpcListener({
      ...{ acceptor, handlers, clock: systemClock },
      callTurns: new CallTurns(looks.look),
      observer: { bytesReceived: () => reads++ },
    });
    const peers = Array.from({ length: 20 }, () => acceptor.connect());
    await until(() => listener.size === 20);
    const ending = new AbortController();
    const ended = isDraining ? listener.drain(ending.signal) : undefined;
    // A mark of a record of a MiB, and half of it.
    const part = new Uint8Array(512 * 1024);
    new DataView(part.buffer).setUint32(0, 0x8010_0000);
    for (const peer of peers) await peer.write(part);
    for (let i = 0; i < 1000; i++) await undefined;
    // Of 2560: two turns, a little over, and one read that each had under way.
    assert(reads < 130, `${reads}`);
    const before = reads;
    await looks.end();
    for (let i = 0; i < 1000; i++) await undefined;
    assert(reads > before && reads <= before + 96, `${reads - before}`);
    ending.abort();
    const rest = setInterval(() => looks.end(), 1);
    for (const peer of peers) peer.close();
    await ended;
    await until(() => listener.size === 0);
    clearInterval(rest);
  });
}

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
