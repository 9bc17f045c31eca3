import { assert, assertEquals } from "@std/assert";
import { toldClock } from "../support/fake_clock.ts";
import { looksOf } from "../support/looks.ts";
import { BufferBudget } from "../../src/rpc/buffer_budget.ts";
import { ROOT } from "../../src/rpc/party.ts";
import { ConnectionWatch } from "../../src/rpc/connection_watch.ts";
import {
  call,
  echo,
  Peer,
  Procedure,
  serve,
  TestHandlers,
  until,
} from "./support.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const STEP = 128 * KIB;

const budgetOf = (limit: number) => new BufferBudget({ limit, step: STEP });

/** Asks for a reply of `STEP` bytes. */
const fill = call({
  xid: 1,
  procedure: Procedure.FILL,
  args: (xdr) => xdr.uint32(STEP),
});

/** Waits until the budget no longer changes. */
async function settled(budget: BufferBudget): Promise<void> {
  for (let last = -1; last !== budget.used;) {
    last = budget.used;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Sends far more than the sockets hold the answers of. */
async function flood(peer: Peer, part: Uint8Array): Promise<void> {
  try {
    for (let i = 0; i < 400; i++) await peer.send(part);
  } catch {
    // Closed at the end of the test.
  }
}

async function assertServed(peer: Peer): Promise<void> {
  await peer.send(echo(7));
  assertEquals((await peer.reply()).xid, 7);
}

Deno.test("readers who read nothing share the budget, and a quiet client is served throughout", async () => {
  const budget = budgetOf(4 * MIB);
  const handlers = new TestHandlers();
  // Time stands still: nobody is cut, however slow the machine is.
  const listener = serve(handlers, { budget, clock: toldClock(() => 0) });
  using quiet = await Peer.connect(listener);
  const deaf = await Promise.all(
    Array.from({ length: 20 }, () => Peer.connect(listener)),
  );
  let most = 0;
  const answer = handlers.call;
  handlers.call = (...args) => {
    most = Math.max(most, budget.used);
    return answer(...args);
  };
  const floods = deaf.map((peer) => flood(peer, fill));
  for (let i = 0; i < 5; i++) {
    await settled(budget);
    await assertServed(quiet);
  }
  assert(budget.used > budget.limit / 4, `${budget.used} bytes`);
  assert(most <= budget.limit, `${most} bytes`);
  assert(budget.waits > 0);
  // Once somebody reads again, everybody goes on.
  const one = deaf[0]!;
  for (let i = 0; i < 40; i++) await one.reply();
  for (const peer of deaf) peer[Symbol.dispose]();
  await Promise.all(floods);
  await listener[Symbol.asyncDispose]();
  assertEquals(budget.used, 0);
});

Deno.test("partial records share the budget, and whoever does not get on makes room", async () => {
  let now = 0;
  const budget = budgetOf(4 * MIB);
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    budget,
    clock: toldClock(() => now),
    hoardTimeout: 1000,
  });
  using quiet = await Peer.connect(listener);
  const record = new Uint8Array(MIB);
  new DataView(record.buffer).setUint32(0, 0x8000_0000 + MIB);
  const peers = await Promise.all(
    Array.from({ length: 16 }, () => Peer.connect(listener)),
  );
  const sends = peers.map((peer) => peer.send(record).catch(() => {}));
  await until(() => budget.isTight);
  await settled(budget);
  assert(budget.used <= budget.limit, `${budget.used} bytes`);
  await assertServed(quiet);
  listener.sweep();
  now = 999;
  listener.sweep();
  assertEquals(budget.cuts, 0);
  now = 1999;
  listener.sweep();
  // Those that were cut are still ending.
  listener.sweep();
  assert(budget.cuts > 0);
  assertEquals(handlers.closes, Array(budget.cuts).fill("stalled"));
  // Those that waited go on, as far as there is room, until their time is up too.
  for (let rounds = 0; rounds < 10; rounds++) {
    await settled(budget);
    if (budget.used <= budget.limit * 0.75) break;
    now += 1000;
    listener.sweep();
  }
  assert(budget.used <= budget.limit * 0.75, `${budget.used} bytes`);
  await assertServed(quiet);
  for (const peer of peers) peer[Symbol.dispose]();
  await Promise.all(sends);
});

Deno.test("a connection that is closed gives back what it held for its peer, while a call is in hand", async () => {
  const budget = budgetOf(64 * MIB);
  const handlers = new TestHandlers();
  const listener = serve(handlers, { budget });
  const peer = await Peer.connect(listener);
  const wait = call({
    xid: 2,
    procedure: Procedure.WAIT,
    args: (xdr) => xdr.opaque(new Uint8Array(4)),
  });
  await peer.send(wait);
  const sending = flood(peer, fill);
  await settled(budget);
  assert(budget.used > 8 * MIB, `${budget.used} bytes`);
  const [connection] = listener.connections;
  connection!.close("stalled");
  await sending;
  await settled(budget);
  assertEquals(connection!.callsInFlight, 1);
  // The buffer that the call lies in, and its reply.
  assert(budget.used < 256 * 1024, `${budget.used} bytes`);
  handlers.waiter(2).resolve();
  peer[Symbol.dispose]();
  await listener[Symbol.asyncDispose]();
  assertEquals(budget.used, 0);
});

for (const isTight of [false, true]) {
  const what = isTight
    ? "a small one where half of the budget is used"
    : "the large one that was used before while there is room";
  Deno.test(`a call gets a buffer for its reply: ${what}`, async () => {
    const budget = budgetOf(64 * MIB);
    const handlers = new TestHandlers();
    const listener = serve(handlers, { budget, hoardTimeout: 1e9 });
    using peer = await Peer.connect(listener);
    const floods: Promise<void>[] = [];
    const deaf: Peer[] = [];
    while (isTight && budget.used <= budget.limit / 2) {
      const other = await Peer.connect(listener);
      deaf.push(other);
      floods.push(flood(other, fill));
      await settled(budget);
    }
    await peer.send(fill);
    await peer.reply();
    await settled(budget);
    const before = budget.used;
    const wait = call({
      xid: 2,
      procedure: Procedure.WAIT,
      args: (xdr) => xdr.opaque(new Uint8Array(4)),
    });
    await peer.send(wait);
    await until(() => handlers.calls.at(-1)!.procedure === Procedure.WAIT);
    await settled(budget);
    const taken = budget.used - before;
    assertEquals(taken < STEP, isTight, `${taken} bytes`);
    handlers.waiter(2).resolve();
    for (const other of deaf) other[Symbol.dispose]();
    await listener[Symbol.asyncDispose]();
    await Promise.all(floods);
  });
}

Deno.test("a large record gets through where others hold half of the budget and take nothing", async () => {
  let now = 0;
  const budget = budgetOf(4 * MIB);
  const handlers = new TestHandlers();
  await using listener = serve(handlers, {
    budget,
    clock: toldClock(() => now),
    hoardTimeout: 1000,
  });
  using writer = await Peer.connect(listener);
  // Many share the half, so that an equal part of it is small.
  const idle = await Promise.all(
    Array.from({ length: 60 }, () => Peer.connect(listener)),
  );
  const deaf: Peer[] = [];
  const floods: Promise<void>[] = [];
  while (budget.used <= budget.limit / 2) {
    const peer = await Peer.connect(listener);
    deaf.push(peer);
    floods.push(flood(peer, fill));
    await settled(budget);
  }
  // More than an equal share of half of the budget.
  const sent = writer.send(echo(9, "x".repeat(512 * KIB))).catch(() => {});
  await settled(budget);
  const reply = writer.reply();
  let isAnswered = false;
  reply.then(() => isAnswered = true, () => {});
  for (now = 0; now <= 5_000 && !isAnswered; now += 500) {
    listener.sweep();
    await settled(budget);
  }
  assert(isAnswered, `it waits, with ${budget.used} bytes in hand`);
  assertEquals((await reply).xid, 9);
  assert(budget.cuts <= deaf.length, "it is not the writer that is cut");
  for (const peer of [...deaf, ...idle]) peer[Symbol.dispose]();
  await Promise.all([...floods, sent]);
});

Deno.test("who holds more than their share waits first, at two thirds whoever holds anything", () => {
  const budget = budgetOf(8 * MIB);
  const shares = Array.from({ length: 4 }, () => budget.join("a", () => {}));
  const heavy = shares[0]!;
  const light = shares[1]!;
  heavy.hold(3 * MIB);
  assert(heavy.admits(false, KIB));
  heavy.hold(4 * MIB);
  assert(!heavy.admits(false, KIB));
  light.hold(64 * KIB);
  assert(light.admits(false, KIB));
  shares[2]!.hold(2 * MIB);
  assert(!light.admits(false, KIB));
  assert(shares[3]!.admits(true, 0));
  shares[2]!.hold(4 * MIB);
  assert(!shares[3]!.admits(true, 0));
});

Deno.test("who waits is told when there is room, and not after the end", () => {
  const budget = budgetOf(8 * MIB);
  let told = 0;
  const big = budget.join("a", () => {});
  const first = budget.join("a", () => told++);
  const second = budget.join("a", () => told += 100);
  big.hold(8 * MIB);
  for (const share of [first, second]) {
    assert(!share.admits(true, 0));
  }
  assertEquals(budget.waits, 2);
  second.end();
  big.hold(8 * MIB - 1);
  assertEquals(told, 0);
  big.hold(3 * MIB);
  assertEquals(told, 1);
});

Deno.test("of those who wait, who took least lately is told first", () => {
  const budget = budgetOf(8 * MIB);
  const told: string[] = [];
  const greedy = budget.join("a", () => told.push("greedy"));
  const modest = budget.join("a", () => told.push("modest"));
  const big = budget.join("a", () => {});
  greedy.hold(MIB);
  greedy.hold(0);
  big.hold(8 * MIB);
  for (const share of [greedy, modest]) {
    assert(!share.admits(true, 0));
  }
  big.hold(0);
  assertEquals(told, ["modest", "greedy"]);
});

Deno.test("who has half sent a request is told before who does not take replies", () => {
  const budget = budgetOf(8 * MIB);
  const told: string[] = [];
  const big = budget.join("a", () => {});
  const deaf = budget.join("a", () => told.push("deaf"));
  const writer = budget.join("a", () => told.push("writer"));
  // Both more than their share.
  writer.hold(2 * MIB);
  deaf.hold(1.5 * MIB);
  big.hold(8 * MIB);
  assert(!deaf.admits(false, MIB));
  assert(!writer.admits(false, 0));
  // Room for the rest of a large request and its reply, and for nothing else.
  big.hold(0.5 * MIB - 3 * STEP);
  assertEquals(told, ["writer"]);
});

/** As many connections of a party as ask, of which each holds what it was admitted for. */
function crowd(
  budget: BufferBudget,
  { party, count, bytes }: {
    readonly party: string;
    readonly count: number;
    readonly bytes: number;
  },
): number {
  let admitted = 0;
  for (let i = 0; i < count; i++) {
    const share = budget.join(party, () => {});
    if (!share.admits(true, 0)) continue;
    share.hold(bytes);
    admitted++;
  }
  return admitted;
}

Deno.test("however many connections a party has, another has room for a large request and its reply", () => {
  const budget = budgetOf(16 * MIB);
  const crowded = { party: "crowd", count: 1_000, bytes: 64 * KIB };
  const admitted = crowd(budget, crowded);
  assert(admitted * crowded.bytes > budget.limit * 0.8, `${admitted}`);
  const other = budget.join("other", () => {});
  assert(other.admits(true, 0));
  other.hold(2 * STEP);
  assert(other.admits(false, 0));
  assert(other.hasRoom(STEP));
  const another = budget.join("crowd", () => {});
  assert(!another.admits(true, 0));
  assert(!another.hasRoom(64 * KIB));
});

Deno.test("what a party gives back is for those of others who wait before its own", () => {
  const budget = budgetOf(8 * MIB);
  const told: string[] = [];
  const large = budget.join("large", () => {});
  const own = budget.join("large", () => told.push("large"));
  const small = budget.join("small", () => told.push("small"));
  large.hold(7 * MIB);
  small.hold(MIB - 64 * KIB);
  for (const share of [own, small]) assert(!share.admits(false, 0));
  large.hold(2 * MIB);
  assertEquals(told, ["small", "large"]);
});

for (const keepsForRoot of [true, false]) {
  const what = keepsForRoot ? "a sixteenth is kept for" : "nothing is kept for";
  Deno.test(`of many parties that take all they may ${what} root${keepsForRoot ? "" : " where the host does not tell who that is"}`, () => {
    const budget = new BufferBudget({
      ...{ limit: 8 * MIB, step: STEP, keepsForRoot },
    });
    for (let i = 0; i < 200; i++) {
      crowd(budget, { party: `user ${1 + i}`, count: 130, bytes: 64 * KIB });
    }
    const root = budget.join(ROOT, () => {});
    assertEquals(root.admits(true, 0), keepsForRoot);
    assertEquals(root.hasRoom(STEP), keepsForRoot);
    root.hold(STEP);
    assertEquals(root.admits(false, 0), keepsForRoot);
    root.hold(budget.limit / 16);
    assert(!root.admits(false, 0));
  });
}

/** What the peers of a crowd send, who read nothing. */
const attacks: Record<string, Uint8Array> = {
  "all of a record but its end": (() => {
    const bytes = new Uint8Array(STEP - 4);
    new DataView(bytes.buffer).setUint32(0, 0x8000_0000 + STEP);
    return bytes;
  })(),
  "requests whose replies they don't take": fill,
};

for (const [what, part] of Object.entries(attacks)) {
  Deno.test(`a crowd of one user, who all send ${what}, has no client of another user wait, nor is any cut for it`, async () => {
    const budget = budgetOf(4 * MIB);
    let uid = 1_000;
    const listener = serve(new TestHandlers(), {
      ...{ budget, introduce: () => ({ uid }), clock: toldClock(() => 0) },
    });
    // With 64 KiB each they would have taken all of it.
    const peers = await Promise.all(
      Array.from({ length: 80 }, () => Peer.connect(listener)),
    );
    await until(() => listener.size === peers.length);
    const floods = peers.map((peer) => flood(peer, part));
    uid = 0;
    for (let i = 0; i < 3; i++) {
      await until(() => budget.used > budget.limit / 2);
      await settled(budget);
      using quiet = await Peer.connect(listener);
      await assertServed(quiet);
      await quiet.send(echo(9, "x".repeat(100 * KIB)));
      assertEquals((await quiet.reply()).xid, 9);
    }
    assertEquals(budget.cuts, 0);
    for (const peer of peers) peer[Symbol.dispose]();
    await Promise.all(floods);
    await listener[Symbol.asyncDispose]();
    assertEquals(budget.used, 0);
  });
}

Deno.test("who holds much and does not get on is cut for others where its party has more than is left to them, and else not", async () => {
  let now = 0;
  const budget = budgetOf(4 * MIB);
  let uid = 1_000;
  await using listener = serve(new TestHandlers(), {
    ...{ budget, introduce: () => ({ uid }), clock: toldClock(() => now) },
    hoardTimeout: 1000,
  });
  const partial = Object.values(attacks)[0]!;
  using slow = await Peer.connect(listener);
  await until(() => listener.size === 1);
  await slow.send(partial);
  uid = 1_001;
  const peers = await Promise.all(
    Array.from({ length: 24 }, () => Peer.connect(listener)),
  );
  const sends = peers.map((peer) => peer.send(partial).catch(() => {}));
  await until(() => budget.isTight);
  await settled(budget);
  listener.sweep();
  for (let i = 0; i < 10; i++) {
    now += 1000;
    listener.sweep();
    await settled(budget);
  }
  assert(budget.cuts > 0);
  const left = [...listener.connections].map(({ party }) => party);
  assert(left.includes("user 1000"), "the slow one is cut");
  for (const peer of peers) peer[Symbol.dispose]();
  await Promise.all(sends);
});

Deno.test("a party whose next request is admitted has nothing to give back, however little is left", () => {
  const budget = budgetOf(4 * MIB);
  budget.join("large", () => {}).hold(3.25 * MIB);
  const small = budget.join("small", () => {});
  small.hold(STEP);
  assert(small.admits(false, 0));
  assertEquals(budget.excessOf("small"), 0);
  assert(budget.excessOf("large") > MIB);
});

/** A connection as a watch sees it. */
function watched() {
  const connection = {
    isEstablished: true,
    isIdle: false,
    isReceiving: false,
    records: 0,
    bytesSent: 0,
    bytesReceived: 0,
    bytesQueued: MIB,
    bytesHeld: MIB,
  };
  const patience = { handshake: 1, stall: 120, hoard: 10, idle: 1000 };
  const watch = new ConnectionWatch(connection, 0);
  return { connection, look: (now: number) => watch.look(now, patience) };
}

Deno.test("a byte now and then is no progress", () => {
  const { connection, look } = watched();
  let reason;
  for (let now = 0; now < 300 && reason === undefined; now += 60) {
    reason = look(now);
    connection.bytesSent++;
    connection.bytesQueued--;
  }
  assertEquals(reason, "stalled");
});

Deno.test("a peer that is slow but gets on is kept, with little to take as well", () => {
  const { connection, look } = watched();
  for (let now = 0; now < 3000; now += 60) {
    assertEquals(look(now), undefined);
    connection.bytesSent += 40 * KIB;
  }
  // Always something new for it, never much.
  connection.bytesQueued = 100;
  for (let now = 3000; now < 6000; now += 60) {
    assertEquals(look(now), undefined);
    connection.bytesSent += 100;
  }
});

Deno.test("of a thousand who wait those are told who find room, and no others", () => {
  const budget = budgetOf(8 * MIB);
  let told = 0;
  const hoarder = budget.join("a", () => {});
  const waiting = Array.from({ length: 1_000 }, () => {
    const share = budget.join("a", () => told++);
    share.hold(KIB);
    return share;
  });
  hoarder.hold(8 * MIB);
  for (const share of waiting) {
    assert(!share.admits(false, KIB));
  }
  // Room for three requests up to two thirds, of who holds no more than their share.
  hoarder.hold(8 * MIB * 2 / 3 - 1_000 * KIB - 3 * STEP);
  assertEquals(told, 3);
});

Deno.test("while those who wait find no room, none of them is looked at for each packet of a quiet client", async () => {
  const budget = budgetOf(8 * MIB);
  const waiting = Array.from({ length: 1_000 }, () => {
    const share = budget.join("a", () => {});
    share.hold((4 * MIB - STEP / 2) / 1_000);
    return share;
  });
  // Others that hold nothing: each of these holds more than its share.
  for (let i = 0; i < 100; i++) budget.join("a", () => {});
  for (const share of waiting) assert(!share.admits(false, KIB));
  const quiet = budget.join("a", () => {});
  const looks = await looksOf(() => {
    for (let i = 0; i < 10; i++) {
      quiet.hold(KIB);
      quiet.hold(0);
    }
  });
  assert(looks < 100, `${looks} looks`);
});
