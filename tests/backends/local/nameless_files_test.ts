import { assert, assertEquals } from "@std/assert";
import { NamelessFiles } from "../../../src/backends/local/nameless_files.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";

const fileOf = (uid: number) => ({ told: { uid } }) as LocalNode;

Deno.test("local: none of the owners of files without a name has more than are left", () => {
  const files = new NamelessFiles();
  files.most = 12;
  const give = (uid: number, count: number) =>
    Array.from({ length: count }, () => {
      const file = fileOf(uid);
      assert(files.hasRoomFor(uid));
      assertEquals(files.add(file), undefined);
      return file;
    });
  const own = give(1, 6);
  assert(!files.hasRoomFor(1));
  give(2, 3);
  assert(!files.hasRoomFor(2));
  give(3, 2);
  assert(!files.hasRoomFor(3));
  assert(files.hasRoomFor(4));
  for (let i = 0; i < 4; i++) files.delete(own[i]!);
  assert(files.hasRoomFor(1));
  assertEquals([...files].slice(0, 2), own.slice(4));
});

Deno.test("local: an owner keeps a few files without a name while there is room for any, however little is left", () => {
  const files = new NamelessFiles();
  files.most = 32;
  for (let i = 0; i < 16; i++) files.add(fileOf(1));
  for (let uid = 2; uid < 16; uid++) files.add(fileOf(uid));
  for (let i = 0; i < 2; i++) {
    assert(files.hasRoomFor(100));
    files.add(fileOf(100));
  }
  assert(!files.hasRoomFor(101), "there are no more descriptors");
});

Deno.test("local: an owner of whose files the host takes too many names gives one up, and leaves room", () => {
  const files = new NamelessFiles();
  files.most = 12;
  const precious = fileOf(3);
  files.add(precious);
  const own = Array.from({ length: 20 }, () => fileOf(1));
  let next = 0;
  for (const file of own) {
    const hasRoom = files.hasRoomFor(1);
    const givenUp = files.add(file);
    assertEquals(givenUp, hasRoom ? undefined : own[next++]);
    if (givenUp !== undefined) files.delete(givenUp);
  }
  assertEquals(next, 14);
  assert(files.has(precious));
  assert(files.hasRoomFor(2));
});

Deno.test("local: a file that a client is only trusted with is given up before those that are open", () => {
  const files = new NamelessFiles();
  files.most = 6;
  const open = () => ({ ...fileOf(1), isOpen: true }) as LocalNode;
  const [first, second] = [open(), open()];
  const trusted = fileOf(1);
  for (const file of [first, second, trusted]) {
    assertEquals(files.add(file), undefined);
  }
  assertEquals(files.add(open()), trusted);
  files.delete(trusted);
  // There is no room for it.
  assertEquals(files.add(trusted), trusted);
  files.delete(trusted);
  assertEquals(files.add(open()), first);
});
