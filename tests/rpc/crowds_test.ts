/** What a connection costs among many others: counted, not timed. */

import { assert, assertEquals } from "@std/assert";
import { BufferBudget } from "../../src/rpc/buffer_budget.ts";
import { PATIENCE } from "../../src/rpc/connection_watch.ts";
import { type ListenerOptions, RpcListener } from "../../src/rpc/listener.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { looksOf } from "../support/looks.ts";
import { TestAcceptor } from "./in_process.ts";
import { echo, Peer, TestHandlers, until } from "./support.ts";

const FEW = 20;
const MANY = 200;
/** Of things that are not connections: buffers, headers. */
const OWN_LOOKS = 40;

/** A listener with `count` connections, which have just made a call if they are `busy`, and what is measured on it. */
class Crowd implements AsyncDisposable {
  readonly listener: RpcListener;
  readonly #acceptor = new TestAcceptor();
  readonly #peers: Peer[] = [];
  #opened = 0;
  #refused = 0;

  private constructor(options: Partial<ListenerOptions>) {
    this.listener = new RpcListener({
      acceptor: this.#acceptor,
      handlers: new TestHandlers(),
      // No timer of the listener looks at anything meanwhile.
      clock: new FakeClock(),
      observer: {
        connectionOpened: () => this.#opened++,
        connectionRefused: () => this.#refused++,
      },
      ...options,
    });
  }

  static async gather(
    { count, busy, ...options }: Partial<ListenerOptions> & {
      readonly count: number;
      readonly busy: boolean;
    },
  ): Promise<Crowd> {
    const crowd = new Crowd(options);
    // From as many hosts.
    for (let i = 0; i < count; i++) crowd.#comes(`host ${i}`);
    await crowd.#areThere();
    if (busy) await Promise.all(crowd.#peers.map((peer) => ask(peer)));
    return crowd;
  }

  /** Looks that a newcomer costs, and whether it was let in. */
  async newcomer(hostname: string): Promise<{ looks: number; isIn: boolean }> {
    const before = this.#opened;
    const looks = await looksOf(() => {
      this.#comes(hostname);
      return this.#areThere();
    });
    return { looks, isIn: this.#opened > before };
  }

  /** Whether a newcomer that makes a call was let in. */
  async comes(hostname: string): Promise<boolean> {
    const { isIn } = await this.newcomer(hostname);
    if (isIn) await this.use();
    return isIn;
  }

  /** Connections of each host. */
  sizes(): Record<string, number> {
    const sizes: Record<string, number> = {};
    for (const { peer: { hostname } } of this.listener.connections) {
      sizes[hostname] = (sizes[hostname] ?? 0) + 1;
    }
    return sizes;
  }

  /** Has the newest connection make a call, so that it is no stranger. */
  use(): Promise<void> {
    return ask(this.#peers.at(-1)!);
  }

  /** Looks that a call on the oldest connection costs. */
  call(): Promise<number> {
    return looksOf(() => ask(this.#peers[0]!));
  }

  #comes(hostname: string): void {
    this.#peers.push(new Peer(this.#acceptor.connect(hostname)));
  }

  #areThere(): Promise<void> {
    return until(() => this.#opened + this.#refused === this.#peers.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer[Symbol.dispose]();
    await this.listener[Symbol.asyncDispose]();
  }
}

async function ask(peer: Peer): Promise<void> {
  await peer.send(echo(1));
  await peer.reply();
}

/** Looks at each of the connections that are more. */
function each(few: number, many: number): number {
  return (many - few) / (MANY - FEW);
}

/** What `measure` says of few connections, and of many. */
async function ofBoth<T>(
  measure: (count: number) => Promise<T>,
): Promise<[T, T]> {
  return [await measure(FEW), await measure(MANY)];
}

const budget = () => new BufferBudget({ limit: 2 ** 26, step: 2 ** 20 });

for (const busy of [false, true]) {
  const others = busy ? "busy" : "silent";
  Deno.test(`below the limits a newcomer costs the same among few ${others} connections and many`, async () => {
    const [few, many] = await ofBoth(async (count) => {
      await using crowd = await Crowd.gather({ count, busy, budget: budget() });
      return await crowd.newcomer("new");
    });
    assertEquals(few, many);
    assert(many.isIn && many.looks < OWN_LOOKS, `${many.looks} looks`);
  });
}

Deno.test("at the limit a newcomer takes the place of the oldest silent connection without a look at others", async () => {
  const [few, many] = await ofBoth(async (count) => {
    await using crowd = await Crowd.gather({
      ...{ count, busy: false, maxConnections: count },
    });
    return await crowd.newcomer("new");
  });
  assertEquals(few, many);
  assert(many.isIn && many.looks < OWN_LOOKS, `${many.looks} looks`);
});

Deno.test("at the limit a newcomer is turned away after one walk over the busy ones, and one over their networks", async () => {
  const [few, many] = await ofBoth(async (count) => {
    await using crowd = await Crowd.gather({
      ...{ count, busy: true, maxConnections: count },
    });
    return await crowd.newcomer("new");
  });
  assertEquals([few.isIn, many.isIn], [false, false]);
  // An entry of a map is three: itself, its key and its value.
  assert(each(few.looks, many.looks) <= 6);
});

Deno.test("at the limit the host that has most gives way to one that has fewer, and not to itself", async () => {
  await using crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxPerAddress: 2, maxConnections: 5 },
  });
  for (const host of ["a", "a", "b", "b", "c"]) assert(await crowd.comes(host));
  const isIn: boolean[] = [];
  for (const host of ["a", "d", "e", "f", "d"]) {
    isIn.push(await crowd.comes(host));
  }
  assertEquals(isIn, [false, true, true, false, false]);
  assertEquals(crowd.sizes(), { a: 1, b: 1, c: 1, d: 1, e: 1 });
});

Deno.test("a host has half of the connections to loopback, whatever addresses its users take", async () => {
  await using crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxPerAddress: 2, maxConnections: 8 },
  });
  const isIn: boolean[] = [];
  for (const n of [1, 1, 2, 2, 3, 3]) {
    isIn.push(await crowd.comes(`127.0.0.${n}`));
  }
  assertEquals(isIn, [true, true, true, true, true, false]);
  assertEquals(crowd.listener.size, 4);
});

Deno.test("at the limit of its host a newcomer is turned away after a walk over all, and one over the silent ones", async () => {
  for (const busy of [false, true]) {
    const [few, many] = await ofBoth(async (count) => {
      await using crowd = await Crowd.gather({ count, busy, maxPerAddress: 1 });
      // The one of its host is no stranger, so that it does not give way.
      await crowd.call();
      return await crowd.newcomer("host 0");
    });
    assertEquals([few.isIn, many.isIn], [false, false]);
    assert(each(few.looks, many.looks) <= (busy ? 3 : 4));
  }
});

/** A host of one IPv6 network. */
function host(number: number): string {
  return `2001:db8:1:2::${number}`;
}

Deno.test("an IPv6 network has half of the connections, however many addresses its hosts take", async () => {
  await using crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxPerAddress: 2, maxConnections: 8 },
  });
  const isIn: boolean[] = [];
  for (const n of [1, 1, 1, 2, 3, 4, 5]) isIn.push(await crowd.comes(host(n)));
  // The fourth host takes the place of the first one's second connection.
  assertEquals(isIn, [true, true, false, true, true, true, false]);
  assertEquals(crowd.listener.size, 4);
  for (let i = 0; i < 4; i++) {
    assert(await crowd.comes(`2001:db8:1:${10 + i}::1`));
  }
});

Deno.test("a host with several addresses of an IPv6 network leaves each neighbour as much as one of them", async () => {
  await using crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxPerAddress: 4, maxConnections: 16 },
  });
  for (const n of [1, 1, 1, 1, 2, 2, 2, 2]) assert(await crowd.comes(host(n)));
  const isIn: boolean[] = [];
  for (let i = 0; i < 3; i++) isIn.push(await crowd.comes(host(3)));
  assertEquals(isIn, [true, true, false]);
  assertEquals(crowd.sizes(), { [host(1)]: 3, [host(2)]: 3, [host(3)]: 2 });
  // Nor does it get them back.
  for (const n of [1, 2]) assert(!await crowd.comes(host(n)));
  assertEquals(crowd.sizes(), { [host(1)]: 3, [host(2)]: 3, [host(3)]: 2 });
});

Deno.test("a host that connects again and again ends no silent connection of a neighbour with fewer", async () => {
  await using crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxPerAddress: 4, maxConnections: 8 },
  });
  for (let i = 0; i < 4; i++) assert(await crowd.comes(host(1)));
  await crowd.newcomer(host(2));
  for (let i = 0; i < 9; i++) await crowd.newcomer(host(1));
  assertEquals(crowd.sizes(), { [host(1)]: 3, [host(2)]: 1 });
});

Deno.test("among hosts of an IPv6 network that has its share, connections that have long been idle go first", async () => {
  const clock = new FakeClock();
  await using crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxPerAddress: 4, maxConnections: 12, clock },
  });
  for (const n of [2, 2, 2]) assert(await crowd.comes(host(n)));
  clock.advance(PATIENCE.idle);
  for (const n of [1, 1, 1]) assert(await crowd.comes(host(n)));
  assert(await crowd.comes(host(3)));
  assertEquals(crowd.sizes(), { [host(1)]: 3, [host(2)]: 2, [host(3)]: 1 });
});

/** Root's connections and those of many other users of the host, whose numbers stand for addresses. */
async function ofUsers(ofRoot: number, users: number): Promise<Crowd> {
  const crowd = await Crowd.gather({
    ...{ count: 0, busy: false, maxConnections: 32, keepsForRoot: true },
    introduce: ({ peer }) => ({ uid: Number(peer.hostname) }),
  });
  for (let i = 0; i < ofRoot; i++) assert(await crowd.comes("0"));
  for (let i = 0; i < users; i++) await crowd.comes(`${100_000 + i}`);
  return crowd;
}

Deno.test("however many users of the host come, none of root's connections gives way, and its part is kept", async () => {
  await using crowd = await ofUsers(1, 40);
  assertEquals([crowd.listener.size, crowd.sizes()["0"]], [31, 1]);
  assert(await crowd.comes("0"));
  assertEquals([crowd.listener.size, crowd.sizes()["0"]], [32, 2]);
});

Deno.test("what root has beyond its part gives way to users who have fewer", async () => {
  await using crowd = await ofUsers(8, 40);
  assertEquals([crowd.listener.size, crowd.sizes()["0"]], [32, 2]);
});

Deno.test("a call costs the same among few connections and many", async () => {
  const [few, many] = await ofBoth(async (count) => {
    await using crowd = await Crowd.gather({
      ...{ count, busy: true, budget: budget() },
    });
    return await crowd.call();
  });
  assertEquals(few, many);
  assert(many < OWN_LOOKS, `${many} looks`);
});

Deno.test("a sweep is a walk over the connections, and one over what they took", async () => {
  const [few, many] = await ofBoth(async (count) => {
    await using crowd = await Crowd.gather({
      ...{ count, busy: true, budget: budget() },
    });
    return await looksOf(() => crowd.listener.sweep());
  });
  assert(each(few, many) <= 4);
});
