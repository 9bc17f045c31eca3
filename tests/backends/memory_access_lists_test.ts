import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import {
  memory,
  type MemoryFileSystem,
} from "../../src/backends/memory/mod.ts";
import { type Ace, acesOf } from "../../src/vfs/acl.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { liveHeap } from "../support/heap.ts";

const attributes = { mode: 0o644, uid: 0, gid: 0 };

function list(count: number): Ace[] {
  return Array.from({ length: count }, (_, i): Ace => ({
    ...{
      type: "allow",
      flags: 0,
      mask: 1 + i % 7,
      who: "user",
      id: 2 ** 31 + i,
    },
  }));
}

function make(fs: MemoryFileSystem, name: string, acl?: Ace[]) {
  const options = { attributes: { ...attributes, acl } };
  return fs.create(fs.root(), name, { type: "file" }, options).node;
}

Deno.test("access lists count as memory, at no less than they take, and come back", () => {
  const fs = memory({}, { maxBytes: 2 ** 28 });
  const { freeBytes } = fs.status();
  const file = make(fs, "a");
  const bare = fs.status().freeBytes;
  const heap = liveHeap();
  for (let i = 0; i < 200; i++) make(fs, `b${i}`, list(500));
  const grown = liveHeap() - heap;
  assertGreater(bare - fs.status().freeBytes, grown);
  for (let i = 0; i < 200; i++) fs.remove(fs.root(), `b${i}`);
  for (const acl of [list(100), list(3), "mode", list(7)] as const) {
    fs.setattr(file, { acl });
  }
  fs.open(file, { read: true, write: false });
  fs.remove(fs.root(), "a");
  fs.setattr(file, { acl: list(9) });
  fs.close(file, { read: true, write: false });
  assertEquals(fs.status().freeBytes, freeBytes);
});

Deno.test("an access list that does not fit into memory changes nothing", () => {
  const fs = memory({}, { maxBytes: 20_000 });
  const file = make(fs, "a", list(2));
  const { freeBytes } = fs.status();
  const { change } = file;
  for (
    const act of [
      () => fs.setattr(file, { acl: list(500), mode: 0 }),
      () => make(fs, "b", list(500)),
      // What comes with it is refused, and it is not set either.
      () => fs.setattr(file, { acl: list(3), size: -1 }),
    ]
  ) assertThrows(act, FsError);
  assertEquals(fs.status().freeBytes, freeBytes);
  assertEquals([file.change, file.mode, acesOf(file)], [
    change,
    0o644,
    list(2),
  ]);
});
