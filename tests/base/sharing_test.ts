import { assert, assertEquals, assertRejects } from "@std/assert";
import { constants } from "node:os";
import { type Asker, workFor } from "../../src/base/asker.ts";
import type { Clock } from "../../src/base/clock.ts";
import { EvenShares } from "../../src/base/even_shares.ts";
import { LineQueue, type LineSink } from "../../src/base/line_queue.ts";
import { GivenUp, OngoingCall } from "../../src/base/ongoing_call.ts";
import { isOutOfRoom, withRoom } from "../../src/base/out_of_room.ts";
import { SharedPlaces } from "../../src/base/shared_places.ts";

function fill(shares: EvenShares<string>, name: string): number {
  let taken = 0;
  for (; !shares.isFull(name); taken++) shares.take(name);
  return taken;
}

Deno.test("one has as many as are left, however many take all that they may", () => {
  const shares = new EvenShares<string>(96);
  assertEquals(fill(shares, "a"), 48);
  assertEquals(fill(shares, "b"), 24);
  assertEquals(fill(shares, "c"), 12);
  assert(shares.isFull("d", 1 / 2) === false);
  for (let i = 0; i < 24; i++) shares.give("a");
  assert(!shares.isFull("c"));
});

Deno.test("where others have more than there are one still has a few, up to twice as many in all", () => {
  const shares = new EvenShares<string>(32);
  for (let i = 0; i < 40; i++) shares.take("host user");
  assertEquals(fill(shares, "a"), 2);
  let parties = 1;
  while (fill(shares, `${parties}`) > 1) parties++;
  assertEquals(shares.size, 65);
  assertEquals(fill(shares, "newcomer"), 1);
  for (let i = 0; i < 40; i++) shares.give("host user");
  assert(!shares.isFull("a"));
});

/** A reader that takes what is written when a test says so. */
class Pipe implements LineSink {
  text = "";
  writes = 0;
  /** Bytes that a write takes, at most. */
  most = Infinity;
  #reading = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    await this.#reading.promise;
    const taken = bytes.subarray(0, this.most);
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }

  /** The reader is there from now on. */
  read(): void {
    this.#reading.resolve();
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

const leftOut = (count: number) => `left out ${count}`;

Deno.test("lines reach a reader who comes late in their order, and few writes", async () => {
  const pipe = new Pipe();
  const queue = new LineQueue(pipe, { leftOut });
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}`);
  for (const line of lines) queue.write(line);
  pipe.read();
  await queue.flush(1000);
  assertEquals(pipe.lines, lines);
  assertEquals(pipe.writes, 2);
  assertEquals(queue.dropped, 0);
});

Deno.test("beyond the bound lines are left out, and one line says how many", async () => {
  const pipe = new Pipe();
  const queue = new LineQueue(pipe, { maxBytes: 10, leftOut });
  for (const line of ["aaaa", "bbbb", "cccc", "dddd"]) queue.write(line);
  assertEquals(queue.dropped, 2);
  pipe.read();
  await queue.flush(1000);
  queue.write("eeee");
  await queue.flush(1000);
  assertEquals(pipe.lines, ["aaaa", "bbbb", "left out 2", "eeee"]);
});

Deno.test("a pipe that takes less than it is given gets the rest", async () => {
  const pipe = new Pipe();
  pipe.most = 3;
  const queue = new LineQueue(pipe, { leftOut });
  queue.write("one");
  queue.write("two");
  pipe.read();
  await queue.flush(1000);
  assertEquals(pipe.lines, ["one", "two"]);
});

Deno.test("flush does not wait longer than it may for a reader who is gone", async () => {
  const queue = new LineQueue(new Pipe(), { leftOut });
  queue.write("nobody reads this");
  await queue.flush(1);
});

Deno.test("a stream that has ended costs its lines, and no error", async () => {
  const sink = { write: () => Promise.reject(new Deno.errors.BrokenPipe()) };
  const queue = new LineQueue(sink, { leftOut });
  queue.write("lost");
  await queue.flush(1000);
  assertEquals(queue.dropped, 1);
});

Deno.test("a stream that takes nothing for the moment is asked again", async () => {
  let refusals = 2;
  let text = "";
  const queue = new LineQueue({
    write(bytes) {
      if (refusals-- > 0) return Promise.reject(new Deno.errors.WouldBlock());
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  }, { leftOut });
  queue.write("late");
  await queue.flush(1000);
  assertEquals(text, "late\n");
});

/** Nobody waits by it. */
const atOnce: Clock = {
  now: () => 0,
  schedule(run) {
    queueMicrotask(run);
    return () => {};
  },
};

function failure(code: string): Error {
  return Object.assign(new Error("failed"), { code });
}

Deno.test("descriptors have run out however the host says it", () => {
  const { EMFILE, EACCES } = constants.errno;
  assertEquals(isOutOfRoom(failure("EMFILE")), true);
  // Deno gives a number alone where it has no name.
  assertEquals(isOutOfRoom(new Error(`no (os error ${EMFILE})`)), true);
  assertEquals(isOutOfRoom(new Error(`no (os error ${EACCES})`)), false);
  assertEquals(isOutOfRoom(failure("EACCES")), false);
  assertEquals(isOutOfRoom(undefined), false);
});

Deno.test("what the host has no room for is tried again, and nothing else is", async () => {
  let tries = 0;
  const open = () =>
    ++tries < 5 ? Promise.reject(failure("EMFILE")) : Promise.resolve("open");
  assertEquals(await withRoom(atOnce, open), "open");
  for (const [code, count] of [["EMFILE", 20], ["EACCES", 1]] as const) {
    tries = 0;
    await assertRejects(() =>
      withRoom(atOnce, () => {
        tries++;
        return Promise.reject(failure(code));
      })
    );
    assertEquals(tries, count);
  }
});

/** Lets `count` works of each party in, and tells in which order they began. */
function crowd(limit: number, party = 1 / 2, connection = 1 / 8) {
  const shares = { party, connection };
  const underWay = new SharedPlaces(limit, shares);
  const began: string[] = [];
  const askers = new Map<string, Asker>();
  /** One connection for each name; its first letter is its party. */
  const askerOf = (name: string): Asker => {
    const asker = askers.get(name) ?? { party: name[0]! };
    askers.set(name, asker);
    return asker;
  };
  const enter = async (party: string, count = 1) => {
    for (let i = 0; i < count; i++) {
      underWay.enter(askerOf(party))?.then(() => began.push(party)) ??
        began.push(party);
    }
    await Promise.resolve();
  };
  const leave = async (party: string) => {
    underWay.leave(askerOf(party));
    await Promise.resolve();
  };
  return { underWay, began, enter, leave };
}

Deno.test("of the works under way a party has half, a connection an eighth", async () => {
  const { underWay, began, enter, leave } = crowd(16);
  await enter("a1", 5);
  assertEquals(began.splice(0), ["a1", "a1"]);
  assertEquals([underWay.count, underWay.waiting], [2, 3]);
  for (const other of ["a2", "a3", "a4", "a5"]) await enter(other, 2);
  assertEquals(began.splice(0), ["a2", "a2", "a3", "a3", "a4", "a4"]);
  await enter("b");
  await leave("b");
  assertEquals(began.splice(0), ["b"]);
  await leave("a4");
  await leave("a4");
  // The first has what a connection may have.
  assertEquals(began, ["a5", "a5"]);
});

Deno.test("where all are under way that may be, the parties that wait have their turns", async () => {
  const { underWay, began, enter, leave } = crowd(4);
  for (const party of ["a", "b", "c", "d"]) await enter(party, 3);
  await enter("e", 2);
  assertEquals(began, ["a", "b", "c", "d"]);
  // It was the first to wait, and is behind the others now; b to d have what
  // a party may have.
  await leave("a");
  await leave("a");
  assertEquals(began.slice(4), ["a", "e"]);
  await leave("b");
  await leave("e");
  assertEquals(began.slice(6), ["b", "a"]);
  assertEquals([underWay.count, underWay.waiting], [4, 6]);
});

Deno.test("parties that take all they may leave others a place each", async () => {
  const { underWay, began, enter } = crowd(18, 5 / 6, 5 / 6);
  for (const party of ["a", "b", "c", "d"]) await enter(party, 20);
  assertEquals(began, [...Array(15).fill("a"), "b", "c", "d"]);
  assertEquals([underWay.count, underWay.waiting], [18, 62]);
});

Deno.test("parties that have more to do than there are places come to have as many each", async () => {
  const { began, enter, leave } = crowd(18, 5 / 6, 5 / 6);
  await enter("a", 90);
  await enter("b", 90);
  assertEquals(began, [...Array(15).fill("a"), "b"]);
  for (let i = 0; i < 60; i++) await leave(began.shift()!);
  assertEquals(began.toSorted().join(""), "aaaaaaaabbbbbbbb");
});

Deno.test("a work whose call is given up leaves the line, and the others move on", async () => {
  const places = new SharedPlaces(1, { party: 1, connection: 1 });
  const asker = { party: "a" };
  const gate = Promise.withResolvers<void>();
  const done: string[] = [];
  const run = (name: string, call?: OngoingCall) =>
    workFor(asker, () =>
      places.run(async () => {
        await gate.promise;
        done.push(name);
      }, call));
  const call = new OngoingCall();
  const first = run("first", call);
  const second = run("second", call);
  const third = run("third");
  assertEquals([places.count, places.waiting], [1, 2]);
  call.giveUp();
  await assertRejects(() => second, GivenUp);
  assertEquals([places.count, places.waiting], [1, 1]);
  gate.resolve();
  await Promise.all([first, third]);
  assertEquals(done, ["first", "third"]);
  call.giveUp();
  // Not even where there is a place: it may have done a part, and come back for more.
  await assertRejects(() => run("fourth", call), GivenUp);
  assertEquals(done.length, 2);
  assertEquals([places.count, places.waiting], [0, 0]);
});
