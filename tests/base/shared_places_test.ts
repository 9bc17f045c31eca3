import { assertEquals, assertRejects } from "@std/assert";
import { type Asker, workFor } from "../../src/base/asker.ts";
import { GivenUp, OngoingCall } from "../../src/base/ongoing_call.ts";
import { SharedPlaces } from "../../src/base/shared_places.ts";

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
