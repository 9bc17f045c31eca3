import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { equals } from "@std/bytes";
import { systemTime } from "../../src/backends/common/file_times.ts";
import {
  memory,
  type MemoryFileSystem,
  type MemoryNode,
} from "../../src/backends/memory/mod.ts";
import { FsError, type FsErrorCode } from "../../src/vfs/mod.ts";
import { liveHeap } from "../support/heap.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { behaviourSuite } from "./behaviour.ts";

const nanoseconds = 123_456_789;

behaviourSuite("memory", () => {
  let seconds = 1_700_000_000;
  return {
    fs: memory({}, { now: () => ({ seconds, nanoseconds }) }),
    tick: () => void seconds++,
  };
}, { capabilities: { restart: false } });

const attributes = { mode: 0o644, uid: 0, gid: 0 };
const encoder = new TextEncoder();

function make(fs: MemoryFileSystem, name: string): MemoryNode {
  return fs.create(fs.root(), name, { type: "file" }, { attributes }).node;
}

function write(fs: MemoryFileSystem, file: MemoryNode, length: number): void {
  fs.write(file, 0, new Uint8Array(length).fill(1), "unstable");
}

function find(fs: MemoryFileSystem, path: string): MemoryNode {
  let node = fs.root();
  for (const name of path.split("/")) node = fs.lookup(node, name)!;
  return node;
}

function text(fs: MemoryFileSystem, path: string): string {
  const target = new Uint8Array(100);
  const { bytes } = fs.read(find(fs, path), 0, target);
  return new TextDecoder().decode(target.subarray(0, bytes));
}

function refused(code: FsErrorCode, act: () => unknown): void {
  assertEquals(assertThrows(act, FsError).code, code);
}

Deno.test("memory starts with the tree that it is given", () => {
  const fs = memory({
    "hello.txt": "hi",
    "docs/a.md": encoder.encode("# A"),
    docs: { "b.md": "# B", deep: { "er/c.md": "# C" } },
    empty: {},
    "zip/": new Uint8Array(0),
    "zip/sub/": "",
  }, { uid: 1000, gid: 100 });
  assertEquals(text(fs, "hello.txt"), "hi");
  assertEquals(text(fs, "docs/a.md"), "# A");
  assertEquals(text(fs, "docs/b.md"), "# B");
  assertEquals(text(fs, "docs/deep/er/c.md"), "# C");
  for (const empty of ["empty", "zip/sub"]) {
    assertEquals(fs.readdir(find(fs, empty), 0, 9).entries.length, 0);
  }
  for (const path of ["hello.txt", "docs", "docs/deep/er"]) {
    const { uid, gid } = find(fs, path);
    assertEquals([uid, gid], [1000, 100]);
  }
  assertEquals([fs.root().uid, find(fs, "docs").mode], [1000, 0o755]);
});

Deno.test("a tree with a path that can't be says which", () => {
  for (const path of ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0"]) {
    const thrown = assertThrows(() => memory({ [path]: "x" }), TypeError);
    assert(thrown.message.startsWith(JSON.stringify(path)), thrown.message);
  }
  const long = () => memory({ ["n".repeat(256)]: "" });
  const { message } = assertThrows(long, TypeError, "too-long");
  assert(message.length < 120, "it repeats no more than the beginning");
  assertThrows(() => memory({ a: "x", "a/b": "y" }), TypeError, '"a/b"');
  assertThrows(() => memory({ a: "x", b: 7 as never }), TypeError, '"b"');
  const others = [new ArrayBuffer(5), new Map([["a", "x"]]), [], new Date(0)];
  for (const other of others) {
    assertThrows(() => memory(other as never), TypeError, "the tree");
    assertThrows(() => memory({ b: other as never }), TypeError, '"b"');
  }
  memory(Object.assign(Object.create(null), { a: { b: "x" } }));
});

Deno.test("an option out of range says which", () => {
  const wrong = [
    { maxBytes: -1 },
    { maxBytes: 2 ** 41 },
    { maxFiles: 0 },
    { maxFiles: 1.5 },
    { uid: -1 },
    { gid: 2 ** 32 },
    { mode: 0o10000 },
    { instance: 2 ** 32 },
  ];
  for (const options of wrong) {
    const name = Object.keys(options)[0];
    assertThrows(() => memory({}, options), RangeError, name);
  }
});

Deno.test("memory keeps to its limit of bytes, all of a write or nothing", () => {
  const fs = memory({}, { maxBytes: 200_000 });
  const [a, b] = [make(fs, "a"), make(fs, "b")];
  write(fs, a, 100_000);
  const before = { ...a };
  refused("no-space", () => write(fs, a, 300_000));
  assertEquals({ ...a }, before);
  refused("no-space", () => write(fs, b, 100_000));
  assertEquals([b.size, b.used, b.change], [0, 0, 1]);
  fs.setattr(a, { size: 0 });
  write(fs, b, 100_000);
});

Deno.test("an extended attribute that does not fit into memory changes nothing, and what one gives back is free", () => {
  const fs = memory({}, { maxBytes: 20_000 });
  const file = make(fs, "a");
  fs.setxattr(file, "n", new Uint8Array(5000), "create");
  const [before, had] = [{ ...file }, taken(fs)];
  const much = new Uint8Array(20_000);
  refused("no-space", () => fs.setxattr(file, "n", much, "either"));
  refused("no-space", () => fs.setxattr(file, "m", much, "either"));
  assertEquals({ ...file }, before);
  assertEquals(taken(fs), had);
  fs.removexattr(file, "n");
  fs.setxattr(file, "m", new Uint8Array(5000), "create");
  assertEquals(taken(fs), had);
});

Deno.test("memory that is nearly full is used to the last byte", () => {
  const fs = memory({}, { maxBytes: 3000 });
  const file = make(fs, "a");
  fs.write(file, 0, new Uint8Array(1), "unstable");
  const free = fs.status().freeBytes;
  for (let at = 1; at <= free; at += 100) {
    const length = Math.min(100, free + 1 - at);
    fs.write(file, at, new Uint8Array(length), "unstable");
  }
  assertEquals(fs.status().freeBytes, 0);
  refused(
    "no-space",
    () => fs.write(file, file.size, new Uint8Array(1), "file"),
  );
  refused("no-space", () => make(fs, "b"));
});

Deno.test("memory keeps to its limit of files", () => {
  const fs = memory({}, { maxFiles: 3 });
  make(fs, "a");
  make(fs, "b");
  const change = fs.root().change;
  refused("no-space", () => make(fs, "c"));
  assertEquals(fs.root().change, change);
  assertEquals(fs.status().freeFiles, 0);
  fs.remove(fs.root(), "a");
  make(fs, "c");
});

/** What a tree takes, by what it says itself. */
function taken(fs: MemoryFileSystem): number {
  const { totalBytes, freeBytes } = fs.status();
  return totalBytes - freeBytes;
}

Deno.test("nodes, names, targets of symlinks, extended attributes and pieces of content count as memory, and come back", () => {
  const fs = memory();
  const root = fs.root();
  const attributes = { mode: 0o644, uid: 0, gid: 0 };
  const before = taken(fs);
  const steps: [act: () => unknown, least: number][] = [
    [() => make(fs, "a"), 500],
    [() => make(fs, "n".repeat(200)), 700],
    [() => fs.create(root, "d", { type: "directory" }, { attributes }), 700],
    [() =>
      fs.create(root, "s", { type: "symlink", target: "t".repeat(4000) }, {
        attributes,
      }), 4500],
    [() => fs.link(find(fs, "a"), root, "l".repeat(200)), 300],
    [
      () => fs.setxattr(find(fs, "a"), "n", new Uint8Array(1000), "create"),
      1600,
    ],
    // A piece takes half of it outside of V8's heap, for its buffer.
    [() => write(fs, find(fs, "a"), 1), 530],
    [() => fs.write(find(fs, "a"), 2 ** 30, new Uint8Array(1), "file"), 530],
  ];
  for (const [act, least] of steps) {
    const had = taken(fs);
    act();
    assertGreater(taken(fs) - had, least);
  }
  const had = taken(fs);
  fs.rename({ directory: root, name: "a" }, { directory: root, name: "bcd" });
  assertEquals(taken(fs), had + 2);
  fs.rename({ directory: root, name: "s" }, { directory: root, name: "bcd" });
  assertLess(taken(fs), had);
  for (const { name } of fs.readdir(root, 0, 100).entries) {
    fs.remove(root, name);
  }
  assertEquals(taken(fs), before);
});

Deno.test("small writes far apart take little, and as much as they are counted for", () => {
  const count = 3_800;
  const write = () => {
    const fs = memory();
    const file = make(fs, "sparse");
    const before = taken(fs);
    const heap = liveHeap();
    for (let i = 0; i < count; i++) {
      fs.write(file, i * 65536 + 100, new Uint8Array(1).fill(7), "file");
    }
    return { fs, file, counted: taken(fs) - before, grown: liveHeap() - heap };
  };
  // V8 keeps things of its own there, now and then.
  const tries = [write(), write(), write()];
  const [{ fs, file, counted }] = tries as [ReturnType<typeof write>];
  assertLess(counted, 2_500_000);
  assertLess(Math.min(...tries.map(({ grown }) => grown)), counted);
  const page = new Uint8Array(65536);
  fs.read(file, 65536, page);
  assertEquals(page.findIndex((byte) => byte !== 0), 100);
  assertEquals(page.findLastIndex((byte) => byte !== 0), 100);
});

Deno.test("content is what was written, wherever and in whatever order", () => {
  const random = new SeededRandom(5);
  const fs = memory();
  const file = make(fs, "f");
  const model = new Uint8Array(300_000);
  let size = 0;
  for (let i = 0; i < 2_000; i++) {
    const at = random.below(290_000);
    if (random.below(10) === 0) {
      fs.setattr(file, { size: at });
      if (at < size) model.fill(0, at);
      size = at;
    } else {
      const most = random.below(4) === 0 ? 9_000 : 50;
      const data = new Uint8Array(random.below(most)).fill(1 + i % 255);
      fs.write(file, at, data, "file");
      if (data.length > 0) size = Math.max(size, at + data.length);
      model.set(data, at);
    }
    if (i % 50 > 0) continue;
    const content = new Uint8Array(size);
    fs.read(file, 0, content);
    assertEquals(equals(content, model.subarray(0, size)), true, `${i}`);
  }
  fs.setattr(file, { size: 0 });
  assertEquals(file.used, 0);
});

Deno.test("memory counts every byte and file back", () => {
  const fs = memory();
  const before = fs.status();
  for (const [index, length] of [1, 5000, 65536, 1_000_000].entries()) {
    const file = make(fs, `file${index}`);
    write(fs, file, length);
    assertGreater(file.used, length - 1);
    fs.setattr(file, { size: length >> 1 });
    fs.open(file, { read: true, write: true });
    assertEquals(fs.status().freeFiles, before.freeFiles - 1);
    fs.remove(fs.root(), `file${index}`);
    write(fs, file, 3 * length);
    assertLess(fs.status().freeBytes, before.freeBytes);
    fs.close(file, { read: true, write: true });
    assertEquals(fs.status(), before);
  }
});

Deno.test("a small file takes its own length of memory", () => {
  const fs = memory({ a: "0123456789" });
  const file = find(fs, "a");
  assertEquals([file.size, file.used], [10, 10]);
  fs.setattr(file, { size: 3 });
  assertEquals([file.size, file.used], [3, 3]);
});

Deno.test("a handle of another instance is stale", () => {
  const identities = [1, 2].map((instance) => {
    const fs = memory({ a: "x" }, { instance });
    return fs.identify(find(fs, "a"));
  });
  const fs = memory({ a: "x" }, { instance: 2 });
  assertStrictEquals(fs.resolve(identities[1]!), find(fs, "a"));
  refused("stale", () => fs.resolve(identities[0]!));
  const [one, other] = [memory(), memory()];
  refused("stale", () => other.resolve(one.identify(one.root())));
});

Deno.test("getattr is the live record, and lookup the same object", () => {
  const fs = memory({ a: "x" });
  const a = find(fs, "a");
  assertStrictEquals(fs.getattr(a), a);
  assertStrictEquals(fs.lookup(fs.root(), "a"), a);
  assertStrictEquals(fs.resolve(fs.identify(a)), a);
});

Deno.test("a file has 65535 names at most", () => {
  const fs = memory({ a: "" });
  const a = find(fs, "a");
  for (let i = 1; i < 65535; i++) fs.link(a, fs.root(), `link${i}`);
  refused("too-many-links", () => fs.link(a, fs.root(), "one more"));
  assertEquals(a.nlink, 65535);
});

Deno.test("a file without a name gets none again", () => {
  const fs = memory({ a: "" });
  const a = find(fs, "a");
  fs.open(a, { read: true, write: false });
  fs.remove(fs.root(), "a");
  refused("stale", () => fs.link(a, fs.root(), "b"));
});

Deno.test("a close without an open is refused", () => {
  const fs = memory({ a: "" });
  const mode = { read: true, write: false };
  refused("invalid", () => fs.close(find(fs, "a"), mode));
});

Deno.test("times are the clock's to the nanosecond", () => {
  let seconds = 100;
  const now = () => ({ seconds, nanoseconds });
  const fs = memory({ a: "x" }, { now });
  const a = find(fs, "a");
  seconds = 200;
  write(fs, a, 10);
  assertEquals(a.mtime, { seconds: 200, nanoseconds });
  assertEquals(a.ctime, { seconds: 200, nanoseconds });
  assertEquals(a.birthtime, { seconds: 100, nanoseconds });
  seconds = 300;
  fs.read(a, 0, new Uint8Array(1));
  seconds = 400;
  fs.read(a, 0, new Uint8Array(1));
  assertEquals(a.atime, { seconds: 300, nanoseconds });
});

Deno.test("the system clock is the time of day", () => {
  const now = systemTime();
  for (let i = 0; i < 100; i++) {
    const { seconds, nanoseconds } = now();
    assert(Number.isInteger(seconds) && Number.isInteger(nanoseconds));
    assert(nanoseconds >= 0 && nanoseconds < 1e9);
    const milliseconds = seconds * 1000 + nanoseconds / 1e6;
    assertLess(Math.abs(milliseconds - Date.now()), 1000);
  }
});

Deno.test("a file that replaces another takes its place in the listing", () => {
  const fs = memory({ a: "", b: "", c: "" });
  const root = fs.root();
  const list = () =>
    fs.readdir(root, 0, 9).entries.map(({ name, cookie }) => [name, cookie]);
  const before = list();
  const at = (name: string) => ({ directory: root, name });
  fs.rename(at("c"), at("a"));
  assertEquals(list(), before.slice(0, 2));
});

Deno.test("a folder of 100,000 is read from anywhere, with gaps", () => {
  const fs = memory();
  const root = fs.root();
  for (let i = 0; i < 100_000; i++) make(fs, `file${i}`);
  const { cookie } = fs.readdir(root, 0, 50_000).entries[49_999]!;
  for (let i = 0; i < 100_000; i++) {
    if (i % 5 !== 0) fs.remove(root, `file${i}`);
  }
  const after = fs.readdir(root, cookie, 3).entries.map(({ name }) => name);
  assertEquals(after, ["file50000", "file50005", "file50010"]);
  let count = 0;
  for (let at = 0;;) {
    const { entries, end } = fs.readdir(root, at, 1000);
    count += entries.length;
    if (end) break;
    at = entries[entries.length - 1]!.cookie;
  }
  assertEquals(count, 20_000);
});

Deno.test("to allocate much lets others have their turns, and takes the room at once", async () => {
  const maxBytes = 2 ** 32;
  const fs = memory({ other: "x" }, { maxBytes });
  const file = make(fs, "file");
  const free = fs.status().freeBytes;
  const much = 2 ** 31;
  let isOver = false;
  const allocated = fs.allocate(file, 0, much);
  assert(allocated instanceof Promise);
  allocated.then(() => isOver = true);
  assert(fs.status().freeBytes <= free - much);
  // No other gets what is left to be made.
  refused("no-space", () => fs.allocate(make(fs, "second"), 0, 2 ** 31));
  await new Promise((resolve) => setTimeout(resolve));
  assert(!isOver, "others have their turn before it is over");
  await allocated;
  assertEquals([file.size, file.used], [much, much]);
  fs.remove(fs.root(), "file");
});

Deno.test("a file that goes while room is made for it gives all of that back", async () => {
  const fs = memory({}, { maxBytes: 2 ** 32 });
  const before = fs.status().freeBytes;
  const file = make(fs, "file");
  const allocated = Promise.resolve(fs.allocate(file, 0, 2 ** 31));
  fs.remove(fs.root(), "file");
  await assertRejects(() => allocated, FsError, "stale");
  assertEquals(fs.status().freeBytes, before);
});

Deno.test("a file that is written and cut while room is made for it counts what it takes", async () => {
  const fs = memory({}, { maxBytes: 2 ** 32 });
  const before = fs.status().freeBytes;
  const file = make(fs, "file");
  const allocated = Promise.resolve(fs.allocate(file, 0, 2 ** 31));
  fs.write(file, 2 ** 26, new Uint8Array(100_000), "unstable");
  fs.setattr(file, { size: 100 });
  await allocated;
  assertEquals(file.size, 2 ** 31);
  fs.remove(fs.root(), "file");
  assertEquals(fs.status().freeBytes, before);
});
