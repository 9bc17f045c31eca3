import { assert, assertEquals } from "@std/assert";
import { MemoryFileSystem } from "../../src/backends/memory/mod.ts";
import type { MemoryNode } from "../../src/backends/memory/node.ts";

const N = 100_000;

function folderOf(count: number) {
  const fs = new MemoryFileSystem();
  const root = fs.root();
  const attributes = { mode: 0o755, uid: 0, gid: 0 };
  const { node: folder } = fs.create(root, "folder", { type: "directory" }, {
    attributes,
  });
  const { node: file } = fs.create(root, "file", { type: "file" }, {
    attributes,
  });
  // 65,535 names of one file at most: one for each half of the folder.
  const other = fs.create(root, "other", { type: "file" }, { attributes });
  const nameOf = (i: number) => `name ${i}`;
  for (let i = 0; i < count; i++) {
    fs.link(i % 2 === 0 ? file : other.node, folder, nameOf(i));
  }
  return { fs, folder, nameOf };
}

function namesOf(fs: MemoryFileSystem, folder: MemoryNode): string[] {
  const names: string[] = [];
  for (let cookie = 0;;) {
    const { entries, end } = fs.readdir(folder, cookie, 1000);
    for (const { name } of entries) names.push(name);
    if (end) return names;
    cookie = entries.at(-1)!.cookie;
  }
}

Deno.test("what is left of a folder is listed in the order of its making, whatever has gone", () => {
  const { fs, folder, nameOf } = folderOf(3_000);
  const left: string[] = [];
  for (let i = 0; i < 3_000; i++) {
    const isLeft = i % 700 < 3 || i > 2_990;
    if (isLeft) left.push(nameOf(i));
    else fs.remove(folder, nameOf(i));
  }
  assertEquals(namesOf(fs, folder), left);
  fs.rename(
    { directory: folder, name: left[0]! },
    { directory: folder, name: "last" },
  );
  assertEquals(namesOf(fs, folder), [...left.slice(1), "last"]);
  for (const name of namesOf(fs, folder)) fs.remove(folder, name);
  assertEquals(fs.readdir(folder, 0, 1000), {
    entries: [],
    end: true,
    isLasting: true,
  });
});

Deno.test("to list a folder costs what is on the page, not what the folder has had", () => {
  const { fs, folder, nameOf } = folderOf(N);
  const best = () => {
    let best = Infinity;
    for (let i = 0; i < 50; i++) {
      // A change, for a page as it was is answered again.
      fs.setattr(folder, { mode: 0o700 + i });
      const begin = performance.now();
      fs.readdir(folder, 0, 32);
      best = Math.min(best, performance.now() - begin);
    }
    return best;
  };
  best();
  const full = best();
  for (let i = 0; i < N / 2 - 1; i++) fs.remove(folder, nameOf(i));
  const half = best();
  assert(half < 10 * full, `${full} ms, then ${half} ms`);
});
