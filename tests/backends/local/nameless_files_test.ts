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

Deno.test("local: where the host takes too many names, the owner who has most gives one up", () => {
  const files = new NamelessFiles();
  files.most = 4;
  const precious = fileOf(2);
  files.add(precious);
  const own = Array.from({ length: 9 }, () => fileOf(1));
  for (const [i, file] of own.entries()) {
    const givenUp = files.add(file);
    assertEquals(givenUp, i < 3 ? undefined : own[i - 3]);
    if (givenUp !== undefined) files.delete(givenUp);
  }
  assert(files.has(precious));
  assertEquals(files.size, 4);
});
