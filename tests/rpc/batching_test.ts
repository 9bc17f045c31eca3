import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import { systemClock } from "../../src/base/clock.ts";
import type { RpcHandlers } from "../../src/rpc/handlers.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import { RpcConnection } from "../../src/rpc/connection.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { WriterPool } from "../../src/rpc/pools.ts";
import { LoopTurn, nextTurnOfWorker, type Turn } from "../../src/base/turn.ts";
import { call, echo, Procedure, readReply, TestHandlers } from "./support.ts";

const KIB = 1024;

const ENDS = {
  local: { hostname: "127.0.0.1", port: 1 },
  peer: { hostname: "127.0.0.1", port: 2 },
};

/** A transport that says how it was used; a write takes `grain` bytes at most. */
class FakeTransport implements Transport {
  readonly writes: Uint8Array[] = [];
  readonly #reads: (Uint8Array | null)[] = [];
  #arrived = Promise.withResolvers<void>();
  reads = 0;
  grain = Infinity;
  closed = false;
  /** When set, no write is taken before it resolves. */
  full: Promise<void> | undefined;

  /** Lets the connection's next read see `bytes`; null is the end. */
  arrive(bytes: Uint8Array | null): void {
    this.#reads.push(bytes);
    this.#arrived.resolve();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#reads.length === 0) {
      if (this.closed) throw new Deno.errors.Interrupted();
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
    this.reads++;
    const bytes = this.#reads.shift()!;
    if (bytes === null) return null;
    const length = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, length));
    if (length < bytes.length) this.#reads.unshift(bytes.subarray(length));
    return length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.full;
    const length = Math.min(bytes.length, this.grain);
    this.writes.push(bytes.slice(0, length));
    return length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#arrived.resolve();
  }

  /** The xids of the replies written so far. */
  get replies(): number[] {
    const bytes = concat(this.writes);
    const view = new DataView(bytes.buffer);
    const xids: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = view.getUint32(at) - 0x8000_0000;
      xids.push(readReply(bytes.subarray(at + 4, at + 4 + length)).xid);
      at += 4 + length;
    }
    return xids;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function connected(
  options: { maxPending?: number; maxCalls?: number; turn?: Turn } = {},
) {
  const transport = new FakeTransport();
  const handlers = new TestHandlers();
  const writers = new WriterPool();
  const connection = new RpcConnection({ transport, ...ENDS }, {
    clock: systemClock,
    handlers,
    writers,
    ...options,
  });
  const running = connection.run();
  return { transport, handlers, writers, connection, running };
}

const echoes = (from: number, to: number) =>
  concat(Array.from({ length: to - from }, (_, i) => echo(from + i)));

const fill = (xid: number, size: number) =>
  call({ xid, procedure: Procedure.FILL, args: (xdr) => xdr.uint32(size) });

const wait = (xid: number) =>
  call({ xid, procedure: Procedure.WAIT, args: (xdr) => xdr.string("x") });

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => from + i);

Deno.test("all the replies to one read leave in one write", async () => {
  const { transport, connection, running } = connected();
  transport.arrive(echoes(0, 40));
  await turn();
  assertEquals(transport.writes.length, 1);
  assertEquals(transport.replies, range(0, 40));
  connection.close("shutdown");
  await running;
});

Deno.test("calls that came at once and take long are spread over turns of the event loop, their replies with them", async () => {
  let begun = 0;
  const next: (() => void)[] = [];
  const asked = new Set<object | undefined>();
  const long: Turn = {
    get isOver() {
      return ++begun % 3 === 0;
    },
    next: (who) => {
      asked.add(who);
      return new Promise((resolve) => next.push(resolve));
    },
  };
  const { transport, connection, running } = connected({ turn: long });
  transport.arrive(echoes(0, 8));
  for (const answered of [2, 5, 8]) {
    await turn();
    assertEquals(transport.replies, range(0, answered));
    next.pop()?.();
  }
  assertEquals([...asked], [connection]);
  connection.close("shutdown");
  await running;
});

Deno.test("a connection that waits for a turn is closed and drained without it", async () => {
  const never: Turn = { isOver: true, next: () => new Promise(() => {}) };
  for (const signal of [AbortSignal.abort(), new AbortController().signal]) {
    const { transport, connection, running } = connected({ turn: never });
    transport.arrive(echoes(0, 8));
    await turn();
    assertEquals(transport.replies, []);
    await connection.drain(signal);
    await running;
  }
  const { transport, connection, running } = connected({ turn: never });
  transport.arrive(echoes(0, 8));
  await turn();
  connection.close("evicted");
  await running;
});

/** Keeps the event loop for so many milliseconds. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("connections with many calls at once take as many turns as others that ask, and no more", async () => {
  const longTurn = new LoopTurn(2);
  const had = [0, 0];
  const connections = had.map((_, i) => {
    const transport = new FakeTransport();
    const handlers: RpcHandlers = {
      call() {
        work(0.5);
        had[i]!++;
        return AcceptStatus.SUCCESS;
      },
      reply() {},
      closed() {},
    };
    const party = `${i}`;
    const options = { clock: systemClock, handlers, turn: longTurn, party };
    const connection = new RpcConnection({ transport, ...ENDS }, options);
    const running = connection.run();
    transport.arrive(echoes(0, 1_000));
    return { connection, running };
  });
  const asker = { party: "asker" };
  const pieces = 60;
  for (let i = 0; i < pieces; i++) {
    await longTurn.next(asker);
    work(0.5);
  }
  for (const { connection } of connections) connection.close("shutdown");
  await Promise.all(connections.map(({ running }) => running));
  const most = Math.max(...had);
  assert(most < 4 * pieces, `${had} calls, ${pieces} pieces`);
  assert(most < 4 * Math.min(...had), `${had} calls`);
});

Deno.test("who sends a call at a time, alone, never waits for a turn, however long its calls take", async () => {
  class Alone extends LoopTurn {
    override next(): Promise<void> {
      throw new Error("asked");
    }
  }
  const slice = 1;
  const { transport, handlers, connection, running } = connected({
    turn: new Alone(slice),
  });
  const { call } = handlers;
  handlers.call = (...given) => {
    work(2 * slice);
    return call(...given);
  };
  for (let xid = 0; xid < 4; xid++) {
    transport.arrive(echo(xid));
    await turn();
    await nextTurnOfWorker();
  }
  assertEquals(transport.replies, range(0, 4));
  connection.close("shutdown");
  await running;
});

Deno.test("a write that takes only a part goes on with the rest", async () => {
  const { transport, running } = connected();
  transport.grain = 7;
  transport.arrive(echoes(0, 5));
  transport.arrive(null);
  await running;
  assertEquals(transport.replies, range(0, 5));
  assert(transport.writes.every((bytes) => bytes.length <= 7));
});

Deno.test("while a write is under way the next replies gather for one more", async () => {
  const { transport, connection, running } = connected();
  const gate = Promise.withResolvers<void>();
  transport.full = gate.promise;
  for (let i = 0; i < 10; i++) {
    transport.arrive(echoes(10 * i, 10 * i + 10));
    await turn();
  }
  assertEquals(transport.reads, 10);
  gate.resolve();
  await turn();
  assertEquals(transport.writes.length, 2);
  assertEquals(transport.replies, range(0, 100));
  connection.close("shutdown");
  await running;
});

Deno.test("calls that end together are answered together", async () => {
  const { transport, handlers, connection, running } = connected();
  transport.arrive(concat(range(0, 20).map(wait)));
  await turn();
  assertEquals(transport.writes.length, 0);
  assertEquals(connection.callsInFlight, 20);
  for (const xid of range(0, 20)) handlers.waiter(xid).resolve();
  await turn();
  assertEquals(transport.writes.length, 1);
  assertEquals(transport.replies, range(0, 20));
  connection.close("shutdown");
  await running;
});

Deno.test("a peer that reads nothing is not read from, nor executed for", async () => {
  const maxPending = 256 * KIB;
  const { transport, handlers, connection, running } = connected({
    maxPending,
  });
  const gate = Promise.withResolvers<void>();
  transport.full = gate.promise;
  const calls = range(0, 200).map((xid) => fill(xid, 32 * KIB));
  transport.arrive(concat(calls));
  transport.arrive(concat(calls));
  await turn();
  const before = handlers.calls.length;
  assert(before < 12, `${before} calls executed`);
  assert(connection.bytesQueued < maxPending + 40 * KIB);
  assertEquals(connection.sendCall(() => {}), false);
  await turn();
  assertEquals(handlers.calls.length, before);
  gate.resolve();
  await turn();
  assertEquals(transport.replies.length, 400);
  connection.close("shutdown");
  await running;
});

Deno.test("no more calls are in flight than allowed", async () => {
  const { transport, handlers, connection, running } = connected({
    maxCalls: 3,
  });
  transport.arrive(concat(range(0, 8).map(wait)));
  transport.arrive(concat(range(8, 10).map(wait)));
  await turn();
  assertEquals(handlers.calls.length, 3);
  handlers.waiter(1).resolve();
  await turn();
  assertEquals(handlers.calls.length, 4);
  for (const xid of range(0, 10)) handlers.waiter(xid).resolve();
  await turn();
  assertEquals(transport.replies.toSorted((a, b) => a - b), range(0, 10));
  connection.close("shutdown");
  await running;
});

Deno.test("memory that waiting calls hold counts as pending", async () => {
  const { transport, handlers, connection, running } = connected({
    maxPending: 200 * KIB,
  });
  const large = (xid: number) =>
    call({
      xid,
      procedure: Procedure.WAIT,
      args: (xdr) => xdr.opaque(new Uint8Array(50_000)),
    });
  transport.arrive(concat(range(0, 20).map(large)));
  await turn();
  assert(handlers.calls.length < 8, `${handlers.calls.length} calls`);
  assert(connection.receiveMemory < 500 * KIB);
  for (const xid of range(0, 20)) handlers.waiter(xid).resolve();
  await turn();
  assertEquals(transport.replies.length, 20);
  connection.close("shutdown");
  await running;
});

Deno.test("writers come back to the pool, but for one that grew too large", async () => {
  const { transport, handlers, writers, running } = connected();
  transport.arrive(echoes(0, 10));
  transport.arrive(wait(10));
  await turn();
  assert(writers.kept > 0);
  handlers.waiter(10).resolve();
  transport.arrive(fill(11, 5 * 1024 * KIB));
  transport.arrive(null);
  await running;
  assertEquals(transport.replies, range(0, 12));
  assert(writers.kept > 0 && writers.kept < 64 * KIB, `${writers.kept} kept`);
});

Deno.test("a write that fails closes the connection", async () => {
  const { transport, handlers, running } = connected();
  transport.write = () => Promise.reject(new Deno.errors.BrokenPipe());
  transport.arrive(echoes(0, 3));
  await running;
  assertEquals(handlers.closes, ["transport"]);
  assert(transport.closed);
});

Deno.test("an answer is on its way when the socket has taken it, not while it is being given it", async () => {
  const { transport, connection, running } = connected();
  const gate = Promise.withResolvers<void>();
  transport.full = gate.promise;
  transport.arrive(echo(1));
  await turn();
  transport.arrive(echo(2));
  await turn();
  assertEquals(connection.hasAnswered, false);
  gate.resolve();
  await turn();
  transport.arrive(echo(3));
  await turn();
  assertEquals(connection.hasAnswered, true);
  connection.close("shutdown");
  await running;
});
