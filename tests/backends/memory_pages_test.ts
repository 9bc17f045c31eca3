import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { MemoryFileSystem } from "../../src/backends/memory/memory_file_system.ts";
import type { MemoryNode } from "../../src/backends/memory/node.ts";

const attributes = { mode: 0o644, uid: 0, gid: 0 };

/** A folder with two files, and a clock that goes on with each look. */
function make() {
  let now = 0;
  const fs = new MemoryFileSystem({
    now: () => ({ seconds: ++now, nanoseconds: 0 }),
  });
  const root = fs.root();
  const add = (name: string) =>
    fs.create(root, name, { type: "file" }, { attributes }).node;
  return { fs, root, add, a: add("a"), b: add("b") };
}

type Made = ReturnType<typeof make>;

/** Whatever may change what a listing tells. */
const changes: Record<string, (made: Made) => unknown> = {
  "an entry that comes": ({ add }) => add("c"),
  "an entry that goes": ({ fs, root }) => fs.remove(root, "a"),
  "a new name": ({ fs, root }) =>
    fs.rename({ directory: root, name: "a" }, { directory: root, name: "c" }),
  "a file that takes another's name": ({ fs, root }) =>
    fs.rename({ directory: root, name: "a" }, { directory: root, name: "b" }),
  "a mode": ({ fs, b }) => fs.setattr(b, { mode: 0o600 }),
  "a WRITE": ({ fs, b }) => fs.write(b, 0, new Uint8Array(3), "file"),
  "an access": ({ fs, b }) => fs.read(b, 0, new Uint8Array(3)),
  "a further link": ({ fs, root, b }) => fs.link(b, root, "c"),
};

for (const [what, change] of Object.entries(changes)) {
  Deno.test(`memory: a page of a folder is another after ${what}`, () => {
    const made = make();
    const { fs, root } = made;
    const page = fs.readdir(root, 0, 10);
    assertStrictEquals(fs.readdir(root, 0, 10), page);
    change(made);
    assertNotStrictEquals(fs.readdir(root, 0, 10), page);
  });
}

Deno.test("memory: other parts of a folder are other pages, each kept", () => {
  const { fs, root, add } = make();
  for (let i = 0; i < 20; i++) add(`${i}`);
  const pages = [0, 5, 10].map((cookie) => fs.readdir(root, cookie, 5));
  assertEquals(new Set(pages).size, 3);
  for (const [i, cookie] of [0, 5, 10].entries()) {
    assertStrictEquals(fs.readdir(root, cookie, 5), pages[i]);
  }
  assertNotStrictEquals(fs.readdir(root, 0, 6), pages[0]);
});

Deno.test("memory: what is kept of pages is bounded", () => {
  const fs = new MemoryFileSystem();
  const pages: unknown[] = [];
  const folders: MemoryNode[] = [];
  for (let i = 0; i < 3000; i++) {
    const kind = { type: "directory" } as const;
    const { node } = fs.create(fs.root(), `${i}`, kind, { attributes });
    folders.push(node);
    pages.push(fs.readdir(node, 0, 10));
  }
  assertNotStrictEquals(fs.readdir(folders[0]!, 0, 10), pages[0]);
  assertStrictEquals(fs.readdir(folders[2999]!, 0, 10), pages[2999]);
});
