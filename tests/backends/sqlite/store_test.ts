import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError, type FsErrorCode } from "../../../src/vfs/mod.ts";
import { attributes, canWrite, find, make, whole } from "./fixture.ts";
import { pattern, temporary, using } from "./fixture.ts";

function refused(code: FsErrorCode, act: () => unknown): void {
  assertEquals(assertThrows(act, FsError).code, code);
}

const ignore = !canWrite;

Deno.test("a quota holds for small files and large ones, and for holes", async () => {
  const fs = sqlite(":memory:", { quotaBytes: 300_000 });
  const [a, b] = [make(fs, "a"), make(fs, "b")];
  fs.write(a, 0, pattern(10_000, 1), "file");
  refused("quota", () => fs.write(b, 0, pattern(300_000, 1), "unstable"));
  assertEquals([b.size, b.used], [0, 0]);
  fs.write(b, 0, pattern(200_000, 2), "unstable");
  refused("quota", () => fs.write(b, 200_000, pattern(150_000, 2), "file"));
  assertEquals(await whole(fs, b), pattern(200_000, 2));
  // Over what is there, it needs no more.
  fs.write(b, 0, pattern(200_000, 3), "unstable");
  const { totalBytes, freeBytes } = fs.status();
  assertEquals(totalBytes, 300_000);
  // Three nodes and two names take some, too.
  assertEquals(freeBytes, 300_000 - a.used - b.used - 348);
  const holes = make(fs, "holes");
  fs.setattr(holes, { size: 2 ** 40 });
  refused("quota", () => fs.write(holes, 2 ** 30, pattern(150_000, 4), "file"));
  fs.remove(fs.root(), "b");
  fs.settle();
  fs.write(holes, 2 ** 30, pattern(150_000, 4), "file");
  await fs.dispose();
});

Deno.test({
  name: "a quota counts what earlier runs have stored",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => {
      fs.write(make(fs, "a"), 0, pattern(150_000, 1), "file");
    });
    await using(folder.path, (fs) => {
      const b = make(fs, "b");
      refused("quota", () => fs.write(b, 0, pattern(150_000, 1), "file"));
      fs.write(b, 0, pattern(10_000, 1), "file");
    }, { quotaBytes: 200_000 });
  },
});

Deno.test({
  name: "records are kept, collection by collection, in order of their keys",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, ({ records }) => {
      records.put("clients", "b", pattern(10, 1));
      records.put("clients", "a", pattern(10, 2));
      records.put("sessions", "a", pattern(0, 3));
      records.put("clients", "b", pattern(10, 4));
      records.put("clients", "c", pattern(10, 5));
      records.delete("clients", "c");
      records.delete("clients", "none");
    });
    await using(folder.path, ({ records }) => {
      const clients = [...records.all("clients")];
      assertEquals(clients, [["a", pattern(10, 2)], ["b", pattern(10, 4)]]);
      assertEquals(records.get("sessions", "a"), new Uint8Array(0));
      assertEquals(records.get("sessions", "b"), undefined);
      assertEquals(records.all("none").size, 0);
    });
  },
});

Deno.test({
  name: "small content is durable at once, larger when it is committed",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      const file = make(fs, "a");
      const write = (length: number, stability: "unstable" | "file") =>
        fs.write(file, 0, pattern(length, 1), stability);
      assertEquals(write(16_384, "unstable"), "file");
      assertEquals(write(16_385, "unstable"), "unstable");
      assertEquals(write(10, "unstable"), "unstable");
      assertEquals(write(10, "file"), "file");
      fs.setattr(file, { size: 0 });
      assertEquals(write(10, "unstable"), "file");
      await fs.settle();
    });
  },
});

Deno.test("a file that was emptied has none of its old bytes", async () => {
  const fs = sqlite(":memory:");
  const file = make(fs, "a");
  fs.write(file, 0, pattern(1000, 1), "file");
  fs.write(file, 0, pattern(20_000, 2), "file");
  fs.setattr(file, { size: 0 });
  fs.write(file, 500, pattern(10, 3), "file");
  const expected = new Uint8Array(510);
  expected.set(pattern(10, 3), 500);
  assertEquals(await whole(fs, file), expected);
  await fs.dispose();
});

Deno.test("a folder of 20,000 is listed and looked up without a cliff", async () => {
  const fs = sqlite(":memory:");
  const root = fs.root();
  const count = 20_000;
  for (let i = 0; i < count; i++) make(fs, `file${i}`);
  const seen = new Set<string>();
  const times: number[] = [];
  for (let cookie = 0;;) {
    const start = performance.now();
    const { entries, end } = fs.readdir(root, cookie, 100);
    times.push(performance.now() - start);
    for (const { name } of entries) seen.add(name);
    if (end) break;
    cookie = entries[entries.length - 1]!.cookie;
  }
  assertEquals(seen.size, count);
  // The last pages would take longer if they had to look at all entries before;
  // the fastest are compared, because others may be at work here.
  const first = Math.min(...times.slice(0, 50));
  assertLess(Math.min(...times.slice(-50)), 10 * first + 0.5);
  for (let i = 0; i < count; i += 997) {
    assertEquals(fs.lookup(root, `file${i}`)?.type, "file");
  }
  await fs.dispose();
});

Deno.test("getattr is the live record, and lookup the same object", async () => {
  const fs = sqlite(":memory:");
  const a = make(fs, "a");
  assert(fs.getattr(a) === a);
  assert(fs.lookup(fs.root(), "a") === a);
  assert(fs.resolve(fs.identify(a)) === a);
  await fs.dispose();
});

Deno.test("a rename far down changes what is in memory", async () => {
  const fs = sqlite(":memory:", { keptNodes: 8 });
  const kind = { type: "directory" } as const;
  let deep = fs.root();
  for (let i = 0; i < 50; i++) {
    deep = fs.create(deep, "d", kind, { attributes }).node;
  }
  const moved = fs.create(fs.root(), "moved", kind, { attributes }).node;
  fs.rename(
    { directory: fs.root(), name: "moved" },
    { directory: deep, name: "moved" },
  );
  assertEquals(fs.getattr(deep).nlink, 3);
  assertEquals(fs.getattr(fs.root()).nlink, 3);
  assert(fs.parent(moved) === fs.getattr(deep));
  fs.remove(deep, "moved");
  assertEquals(fs.getattr(deep).nlink, 2);
  await fs.dispose();
});

Deno.test("what waits for the commit in memory is what everybody sees", async () => {
  const fs = sqlite(":memory:", { keptNodes: 4, durability: "none" });
  const names = Array.from({ length: 50 }, (_, i) => `file${i}`);
  const files = names.map((name) => make(fs, name));
  fs.settle();
  for (const [i, file] of files.entries()) fs.setattr(file, { uid: i });
  for (const [i, name] of names.entries()) {
    assertEquals(fs.getattr(find(fs, name)).uid, i);
    assertEquals(fs.getattr(files[i]!).uid, i);
  }
  for (const [i, file] of files.entries()) fs.setattr(file, { gid: i });
  fs.settle();
  for (const [i, name] of names.entries()) {
    const { uid, gid } = fs.getattr(find(fs, name));
    assertEquals([uid, gid], [i, i]);
  }
  await fs.dispose();
});

Deno.test("a node that leaves memory during its own operation loses nothing", async () => {
  const kind = { type: "directory" } as const;
  for (let keptNodes = 1; keptNodes < 8; keptNodes++) {
    const fs = sqlite(":memory:", { keptNodes });
    const folder = fs.create(fs.root(), "folder", kind, { attributes }).node;
    for (let i = 0; i < 30; i++) {
      // It gets older with each file, and somewhere too old in the middle.
      for (let n = i % 5; n > 0; n--) make(fs, `file${i}.${n}`);
      fs.settle();
      const { change } = fs.create(folder, `d${i}`, kind, { attributes });
      const seen = fs.getattr(find(fs, "folder"));
      assertEquals([seen.nlink, seen.change], [3 + i, change.after]);
    }
    await fs.dispose();
  }
});

Deno.test("a file has 65535 names at most", async () => {
  const fs = sqlite(":memory:");
  const a = make(fs, "a");
  for (let i = 1; i < 65_535; i++) fs.link(a, fs.root(), `link${i}`);
  refused("too-many-links", () => fs.link(a, fs.root(), "one more"));
  assertEquals(a.nlink, 65_535);
  await fs.dispose();
});

Deno.test("a file without a name gets none again, and is closed once", async () => {
  const fs = sqlite(":memory:");
  const a = make(fs, "a");
  const mode = { read: true, write: false };
  fs.open(a, mode);
  fs.remove(fs.root(), "a");
  refused("stale", () => fs.link(a, fs.root(), "b"));
  fs.close(a, mode);
  // There is nothing left to be closed.
  fs.close(a, mode);
  refused("invalid", () => fs.close(make(fs, "b"), mode));
  await fs.dispose();
});

Deno.test("stats count what was done", async () => {
  const fs = sqlite(":memory:");
  const before = fs.stats;
  fs.write(make(fs, "a"), 0, pattern(100, 1), "file");
  fs.create(fs.root(), "b", { type: "directory" }, { attributes });
  fs.settle();
  const { operations, commits, writtenBytes, failed } = fs.stats;
  assertEquals(operations - before.operations, 3);
  assertEquals(commits - before.commits, 1);
  assertEquals(writtenBytes, 100);
  assertEquals(failed, false);
  await fs.dispose();
});
