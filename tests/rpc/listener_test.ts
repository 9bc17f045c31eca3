import { assert, assertEquals, assertThrows } from "@std/assert";
import { toldClock } from "../support/fake_clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { connect } from "../../src/rpc/client.ts";
import type {
  CallRefusal,
  CloseReason,
  TransportObserver,
} from "../../src/rpc/handlers.ts";
import { decodeReply, encodeCall } from "../../src/rpc/message.ts";
import { listenTcp } from "../../src/rpc/listen.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { acceptorOf } from "../../src/rpc/transport.ts";
import { CallTurns } from "../../src/rpc/call_turns.ts";
import { TestAcceptor } from "./in_process.ts";
import {
  call,
  echo,
  Peer,
  Procedure,
  PROGRAM,
  serve,
  TestHandlers,
  type TestListener,
  until,
  VERSION,
} from "./support.ts";

const MIB = 1024 * 1024;

class CountingObserver implements TransportObserver {
  opened = 0;
  refused = 0;
  received = 0;
  sent = 0;
  readonly closed: CloseReason[] = [];
  readonly refusals: CallRefusal[] = [];
  connectionOpened = () => void this.opened++;
  connectionRefused = () => void this.refused++;
  connectionClosed = (reason: CloseReason) => void this.closed.push(reason);
  bytesReceived = (bytes: number) => void (this.received += bytes);
  bytesSent = (bytes: number) => void (this.sent += bytes);
  callRefused = (reason: CallRefusal) => void this.refusals.push(reason);
}

/** A peer whose first call was answered. */
async function established(listener: TestListener): Promise<Peer> {
  const peer = await Peer.connect(listener);
  await peer.send(echo(1));
  await peer.reply();
  return peer;
}

Deno.test("a port that is taken is named", async () => {
  await using listener = serve(new TestHandlers());
  const { port } = listener.address;
  assertThrows(
    () => listenTcp("127.0.0.1", port),
    Deno.errors.AddrInUse,
    `port ${port} of 127.0.0.1 is taken`,
  );
});

Deno.test("the observer hears of connections, bytes and refusals", async () => {
  const observer = new CountingObserver();
  await using listener = serve(new TestHandlers(), { observer });
  const peer = await Peer.connect(listener);
  const request = call({ xid: 1, procedure: Procedure.ECHO });
  await peer.send(request);
  await peer.reply();
  peer[Symbol.dispose]();
  await until(() => listener.size === 0);
  assertEquals(observer.opened, 1);
  assertEquals(observer.received, request.length);
  assertEquals(observer.sent, 28);
  assertEquals(observer.refusals, ["garbage_args"]);
  assertEquals(observer.closed, ["peer"]);
});

Deno.test("a connection without a call in time is closed, the others stay", async () => {
  let now = 0;
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    clock: toldClock(() => now),
    handshakeTimeout: 1000,
  });
  using silent = await Peer.connect(listener);
  using partial = await Peer.connect(listener);
  await partial.send(echo(1).subarray(0, 20));
  using good = await established(listener);
  now = 500;
  using late = await Peer.connect(listener);
  await until(() => listener.size === 4);
  listener.sweep();
  assertEquals(handlers.closes, []);
  now = 1000;
  listener.sweep();
  assertEquals(handlers.closes, ["handshake", "handshake"]);
  assert(await silent.closed());
  assert(await partial.closed());
  now = 1400;
  listener.sweep();
  for (const peer of [good, late]) {
    await peer.send(echo(2));
    assertEquals((await peer.reply()).xid, 2);
  }
});

Deno.test("of many connections without a call in time some are closed in each turn", async () => {
  let now = 0;
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    clock: toldClock(() => now),
    handshakeTimeout: 1000,
  });
  const silent = await Promise.all(
    Array.from({ length: 100 }, () => Peer.connect(listener)),
  );
  await until(() => listener.size === 100);
  now = 1000;
  listener.sweep();
  assert(handlers.closes.length < 20, `${handlers.closes.length} at once`);
  await until(() => handlers.closes.length === 100);
  for (const peer of silent) peer[Symbol.dispose]();
});

Deno.test("the timer sweeps", async () => {
  await using listener = serve(new TestHandlers(), {
    handshakeTimeout: 5,
    sweepInterval: 1,
  });
  using silent = await Peer.connect(listener);
  assert(await silent.closed());
});

Deno.test("a peer that takes none of its replies for too long is closed", async () => {
  let now = 0;
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    clock: toldClock(() => now),
    stallTimeout: 1000,
  });
  using peer = await Peer.connect(listener);
  const fill = call({
    xid: 1,
    procedure: Procedure.FILL,
    args: (xdr) => xdr.uint32(8 * MIB),
  });
  await peer.send(fill, fill, fill);
  await until(() => handlers.calls.length > 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  listener.sweep();
  now = 999;
  listener.sweep();
  assertEquals(handlers.closes, []);
  now = 1000;
  listener.sweep();
  assertEquals(handlers.closes, ["stalled"]);
});

Deno.test("a client that doesn't read doesn't grow memory, and others are served", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers, { maxPending: 2 * MIB });
  using deaf = await Peer.connect(listener);
  const fill = call({
    xid: 1,
    procedure: Procedure.FILL,
    args: (xdr) => xdr.uint32(MIB),
  });
  let stuck = false;
  const flood = (async () => {
    try {
      for (;;) await deaf.send(fill);
    } catch {
      // Closed at the end of the test.
    }
  })();
  let executed = -1;
  while (!stuck) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    stuck = executed === handlers.calls.length;
    executed = handlers.calls.length;
  }
  const connection = [...listener.connections][0]!;
  assert(connection.bytesQueued <= 3 * MIB + 1024);
  assert(connection.receiveMemory <= 256 * 1024);
  using other = await established(listener);
  await other.send(echo(2));
  assertEquals((await other.reply()).xid, 2);
  deaf[Symbol.dispose]();
  await flood;
});

Deno.test("at the limit the oldest silent connection gives way", async () => {
  const observer = new CountingObserver();
  await using listener = serve(new TestHandlers(), {
    maxConnections: 3,
    observer,
  });
  using good = await established(listener);
  using silent = await Peer.connect(listener);
  using younger = await Peer.connect(listener);
  await until(() => listener.size === 3);
  using newcomer = await established(listener);
  assert(await silent.closed());
  assertEquals(observer.closed, ["evicted"]);
  for (const peer of [good, younger, newcomer]) {
    await peer.send(echo(2));
    assertEquals((await peer.reply()).xid, 2);
  }
  using refused = await Peer.connect(listener);
  assert(await refused.closed());
  assertEquals(observer.refused, 1);
  assertEquals(listener.size, 3);
  good[Symbol.dispose]();
  await until(() => listener.size === 2);
  using again = await established(listener);
  assert(again);
});

Deno.test("a peer that begins a record and does not end it is closed, however slowly it goes on", async () => {
  let now = 0;
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    clock: toldClock(() => now),
    stallTimeout: 1000,
  });
  using slow = await established(listener);
  using quick = await established(listener);
  const connection = [...listener.connections][0]!;
  await slow.send(echo(2).subarray(0, 10));
  await until(() => connection.isReceiving);
  listener.sweep();
  now = 999;
  const { bytesSent } = connection;
  await slow.send(echo(2).subarray(10, 12));
  await quick.send(echo(2));
  await quick.reply();
  listener.sweep();
  assertEquals(handlers.closes, []);
  now = 1000;
  listener.sweep();
  assertEquals(handlers.closes, ["stalled"]);
  assert(await slow.closed());
  assertEquals(connection.bytesSent, bytesSent);
  await quick.send(echo(3));
  assertEquals((await quick.reply()).xid, 3);
});

Deno.test("a record that waits for ours is not the peer's delay", async () => {
  let now = 0;
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    clock: toldClock(() => now),
    stallTimeout: 1000,
    maxCalls: 1,
  });
  using peer = await established(listener);
  const wait = call({
    xid: 2,
    procedure: Procedure.WAIT,
    args: (xdr) => xdr.string("x"),
  });
  await peer.send(wait, echo(3));
  await until(() => handlers.calls.length === 2);
  listener.sweep();
  now = 5000;
  listener.sweep();
  handlers.waiter(2).resolve();
  assertEquals((await peer.reply()).xid, 2);
  assertEquals((await peer.reply()).xid, 3);
});

Deno.test("at the limit whoever has been idle for longest gives way, if it was long", async () => {
  let now = 0;
  const observer = new CountingObserver();
  await using listener = serve(new TestHandlers(), {
    clock: toldClock(() => now),
    maxConnections: 2,
    idleTimeout: 1000,
    observer,
  });
  using older = await established(listener);
  using idle = await established(listener);
  listener.sweep();
  now = 500;
  await older.send(echo(2));
  await older.reply();
  listener.sweep();
  now = 999;
  using early = await Peer.connect(listener);
  assert(await early.closed());
  now = 1000;
  using newcomer = await established(listener);
  assert(await idle.closed());
  assertEquals(observer.closed, ["evicted"]);
  for (const peer of [older, newcomer]) {
    await peer.send(echo(3));
    assertEquals((await peer.reply()).xid, 3);
  }
});

Deno.test("an address may have its share of connections", async () => {
  const observer = new CountingObserver();
  await using listener = serve(new TestHandlers(), {
    maxPerAddress: 1,
    observer,
  });
  using good = await established(listener);
  using second = await Peer.connect(listener);
  assert(await second.closed());
  assertEquals(observer.refused, 1);
  await good.send(echo(2));
  assertEquals((await good.reply()).xid, 2);
});

Deno.test("hundreds of half-open connections that announce a megabyte cost little", async () => {
  const handlers = new TestHandlers();
  await using listener = serve(handlers);
  using good = await established(listener);
  const peers: Peer[] = [];
  const announcement = new Uint8Array(100);
  new DataView(announcement.buffer).setUint32(0, 0x8000_0000 + MIB);
  for (let i = 0; i < 300; i++) {
    const peer = await Peer.connect(listener);
    await peer.send(announcement);
    peers.push(peer);
  }
  await until(() => listener.size === 301);
  for (const connection of listener.connections) {
    assertEquals(connection.receiveMemory, 4096);
    assertEquals(connection.bytesQueued, 0);
  }
  await good.send(echo(2));
  assertEquals((await good.reply()).xid, 2);
  for (const peer of peers) peer[Symbol.dispose]();
});

Deno.test("draining answers what is in flight, takes nothing new and closes", async () => {
  const handlers = new TestHandlers();
  const listener = serve(handlers);
  using peer = await established(listener);
  using idle = await Peer.connect(listener);
  await peer.send(call({
    xid: 2,
    procedure: Procedure.WAIT,
    args: (xdr) => xdr.string("x"),
  }));
  await until(() => handlers.calls.length === 2);
  const drained = listener.drain(new AbortController().signal);
  await peer.send(echo(3));
  handlers.waiter(2).resolve();
  assertEquals((await peer.reply()).xid, 2);
  assert(await peer.closed());
  assert(await idle.closed());
  peer[Symbol.dispose]();
  idle[Symbol.dispose]();
  await drained;
  assertEquals(handlers.calls.length, 2);
  assertEquals(handlers.closes, ["shutdown", "shutdown"]);
  assertEquals(listener.size, 0);
  await assertRefused(listener);
});

Deno.test("draining ends when its signal says so", async () => {
  const handlers = new TestHandlers();
  const listener = serve(handlers);
  using peer = await established(listener);
  await peer.send(call({
    xid: 2,
    procedure: Procedure.WAIT,
    args: (xdr) => xdr.string("x"),
  }));
  await until(() => handlers.calls.length === 2);
  const controller = new AbortController();
  const drained = listener.drain(controller.signal);
  controller.abort();
  await drained;
  assertEquals(handlers.closes, ["shutdown"]);
  assert(await peer.closed());
  handlers.waiter(2).resolve();
});

Deno.test("closing twice is once", async () => {
  const listener = serve(new TestHandlers());
  await listener[Symbol.asyncDispose]();
  await listener[Symbol.asyncDispose]();
});

Deno.test("both ends of a connection call each other", async () => {
  const server = new TestHandlers();
  await using listener = serve(server);
  const client = new TestHandlers();
  const results: string[] = [];
  client.reply = (_connection, xid, xdr) => {
    client.replies.push(xid);
    assertEquals(decodeReply(xdr), { accepted: true, status: 0 });
    results.push(xdr.string(20));
  };
  const connection = await connect({
    hostname: "127.0.0.1",
    port: listener.address.port,
    handlers: client,
    clock: systemClock,
  });
  const ask =
    (xid: number, text: string) => (xdr: Parameters<typeof encodeCall>[0]) => {
      const procedure = Procedure.ECHO;
      encodeCall(xdr, { xid, program: PROGRAM, version: VERSION, procedure });
      xdr.string(text);
    };
  assert(connection.sendCall(ask(5, "there")));
  await until(() => client.replies.length === 1);
  assertEquals(results, ["there"]);
  const accepted = [...listener.connections][0]!;
  assert(accepted.sendCall(ask(6, "and back")));
  await until(() => server.replies.length === 1);
  assertEquals(client.calls.length, 1);
  assertEquals(server.replies, [6]);
  connection.close("shutdown");
  await connection.ended;
});

Deno.test("connecting can be given up, and to nobody fails", async () => {
  const listener = serve(new TestHandlers());
  const { port } = listener.address;
  const options = {
    hostname: "127.0.0.1",
    port,
    handlers: new TestHandlers(),
    clock: systemClock,
  };
  let reason: unknown;
  const signal = AbortSignal.abort(new Error("changed my mind"));
  await connect({ ...options, signal }).catch((error) => reason = error);
  assertEquals((reason as Error).message, "changed my mind");
  await listener[Symbol.asyncDispose]();
  await connect(options).catch((error) => reason = error);
  assert(reason instanceof Deno.errors.ConnectionRefused);
});

async function assertRefused(listener: TestListener): Promise<void> {
  let refused = false;
  try {
    (await Peer.connect(listener))[Symbol.dispose]();
  } catch (error) {
    refused = error instanceof Deno.errors.ConnectionRefused;
  }
  assert(refused);
}

Deno.test("a flood of connects is accepted in turns", async () => {
  const acceptor = new TestAcceptor();
  let endLook: (() => void) | undefined;
  const listener = new RpcListener({
    acceptor,
    handlers: new TestHandlers(),
    clock: systemClock,
    callTurns: new CallTurns(() =>
      new Promise<void>((resolve) => endLook = resolve)
    ),
  });
  for (let i = 0; i < 100; i++) acceptor.connect();
  await until(() => endLook !== undefined);
  assertEquals(listener.size, 24);
  endLook!();
  await until(() => listener.size > 24);
  assertEquals(listener.size, 48);
  const ended = listener.drain(AbortSignal.abort());
  endLook!();
  await ended;
});

Deno.test("out of descriptors, a connection gives way that had time for a call, not one that has just come", async () => {
  let refusals = 0;
  let isFull = false;
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { accept, close } = acceptorOf(tcp);
  const acceptor = {
    // The host says so before it looks whether any connection waits.
    accept: () => {
      if (!isFull) return accept();
      refusals++;
      return Promise.reject(Object.assign(new Error(), { code: "EMFILE" }));
    },
    close,
  };
  const handlers = new TestHandlers();
  let now = 0;
  await using _ = new RpcListener({
    acceptor,
    handlers,
    clock: toldClock(() => now),
  });
  isFull = true;
  using _peer = new Peer(await Deno.connect({ port: tcp.addr.port }));
  await until(() => refusals >= 2);
  assertEquals(handlers.closes, []);
  now = 250;
  await until(() => handlers.closes.length > 0);
  assertEquals(handlers.closes, ["evicted"]);
});
