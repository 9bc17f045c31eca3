import { assert, assertEquals } from "@std/assert";
import { NamelessFiles } from "../../../src/backends/local/nameless_files.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";

const fileOf = (uid: number) => ({ told: { uid } }) as LocalNode;

Deno.test("local: the files without a name of one owner leave room for others'", () => {
  const files = new NamelessFiles();
  files.most = 8;
  const own = Array.from({ length: 6 }, () => fileOf(1));
  for (const file of own) {
    assert(files.hasRoomFor(1, 0));
    assertEquals(files.add(file), undefined);
  }
  assert(!files.hasRoomFor(1, 0));
  assert(files.hasRoomFor(2, 1) && !files.hasRoomFor(2, 2));
  files.delete(own[0]!);
  assert(files.hasRoomFor(1, 0));
  assertEquals([...files], own.slice(1));
});

Deno.test("local: an owner of whose files the host takes too many names gives one up, and leaves room", () => {
  const files = new NamelessFiles();
  files.most = 8;
  const own = Array.from({ length: 20 }, () => fileOf(1));
  for (const [i, file] of own.entries()) {
    const givenUp = files.add(file);
    assertEquals(givenUp, i < 6 ? undefined : own[i - 6]);
    if (givenUp !== undefined) files.delete(givenUp);
  }
  assert(files.hasRoomFor(2, 0));
});

Deno.test("local: where the host takes too many names of several owners, the one who has most gives one up", () => {
  const files = new NamelessFiles();
  files.most = 8;
  const precious = fileOf(3);
  files.add(precious);
  const first = fileOf(1);
  for (const file of [first, ...Array.from({ length: 4 }, () => fileOf(1))]) {
    assertEquals(files.add(file), undefined);
  }
  for (let i = 0; i < 2; i++) assertEquals(files.add(fileOf(2)), undefined);
  assertEquals(files.add(fileOf(2)), first);
  assert(files.has(precious));
});
