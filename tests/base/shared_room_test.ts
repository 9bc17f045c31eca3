import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { SharedRoom } from "../../src/base/shared_room.ts";

class Room extends SharedRoom<string> {
  readonly gone: string[];

  constructor(most: number, besides?: number) {
    const gone: string[] = [];
    super(most, { giveUp: (key) => gone.push(key), besides });
    this.gone = gone;
  }
}

Deno.test("one party alone has all of the room, and gives up what it used longest ago", () => {
  const room = new Room(4);
  for (const key of ["a", "b", "c", "d"]) room.keep(key, "me", 1);
  assertEquals(room.gone, []);
  assert(room.use("a"));
  room.keep("e", "me", 1);
  room.keep("f", "me", 1);
  assertEquals(room.gone, ["b", "c"]);
  assert(!room.use("b"));
  assertEquals([...room.keys()], ["a", "d", "e", "f"]);
});

Deno.test("what takes no more than an equal share is pushed out by no flood of another party's", () => {
  const room = new Room(100);
  for (let i = 0; i < 50; i++) room.keep(`mine ${i}`, "me", 1);
  for (let i = 0; i < 1000; i++) room.keep(`theirs ${i}`, "they", 1 + i % 7);
  assertEquals(room.gone.filter((key) => key.startsWith("mine")), []);
  assertLessOrEqual(room.weight, 100);
});

Deno.test("of those who have as much another gives way, so that each has its equal share", () => {
  const room = new Room(12);
  for (const party of ["a", "b", "c"]) {
    for (let i = 0; i < 12; i++) room.keep(`${party}${i}`, party, 1);
  }
  const kept = [...room.keys()].map(([party]) => party);
  assertEquals(kept.join(""), "aaaabbbbcccc");
});

Deno.test("it stays the party's that had it made, whoever uses it", () => {
  const room = new Room(4);
  room.keep("a", "me", 2);
  room.keep("b", "they", 2);
  room.use("a");
  room.keep("c", "me", 1);
  assertEquals(room.gone, ["a"]);
  room.keep("b", "me", 2);
  room.keep("d", "they", 1);
  assertEquals(room.gone, ["a"]);
});

Deno.test("what takes more than the others leave pushes out none of theirs, and goes with the next such one", () => {
  const room = new Room(10, 1);
  for (const party of ["a", "b", "c"]) room.keep(party, party, 3);
  room.keep("large", "d", 4);
  assertEquals(room.gone, []);
  assertEquals(room.weight, 13);
  for (const party of ["a", "b", "c"]) room.use(party);
  assertEquals(room.gone, []);
  room.keep("huge", "e", 600);
  assertEquals(room.gone, ["large"]);
  room.use("huge");
  room.keep("small", "e", 1);
  assertEquals(room.gone, ["large"]);
  room.delete("huge");
  assertEquals(room.weight, 10);
});

Deno.test("as many as have places beside the room may be larger than that", () => {
  const room = new Room(10, 2);
  room.keep("a", "me", 11);
  room.keep("b", "me", 12);
  room.use("a");
  assertEquals(room.gone, []);
  room.keep("c", "they", 13);
  assertEquals(room.gone, ["b"]);
});

Deno.test("where there is no place beside the room, what takes more than the others leave goes itself", () => {
  const room = new Room(10);
  for (const party of ["a", "b"]) room.keep(party, party, 3);
  room.keep("c", "c", 4);
  room.grow("c", 1);
  assertEquals(room.gone, ["c"]);
  room.keep("d", "d", 600);
  assertEquals(room.gone, ["c", "d"]);
  assertEquals(room.weight, 6);
});

Deno.test("what grows counts for what it weighs by then", () => {
  const room = new Room(10);
  room.keep("a", "me", 1);
  room.keep("b", "me", 1);
  room.keep("c", "they", 4);
  room.grow("b", 4);
  assertEquals(room.gone, []);
  room.keep("d", "they", 1);
  assertEquals(room.gone, ["a"]);
  room.grow("b", -4);
  assertEquals(room.weight, 6);
});

Deno.test("a limit that falls is kept to by and by, as what is kept is used", () => {
  const room = new Room(100);
  for (let i = 0; i < 100; i++) room.keep(`${i}`, "me", 1);
  room.most = 10;
  room.use("99");
  assertEquals(room.gone.length, 2);
  for (let i = 0; i < 100; i++) room.use("99");
  assertEquals(room.weight, 10);
  assert([...room.keys()].includes("99"));
});
