import { assert, assertEquals } from "@std/assert";
import { nextTurn } from "../../../src/base/turn.ts";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import type { FsError } from "../../../src/vfs/mod.ts";
import { problemsOf } from "./damage.ts";
import {
  canWrite,
  copyFolder,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const MODE = { read: true, write: true };

function test(name: string, fn: (path: string) => Promise<void>): void {
  Deno.test({
    name: `files without a name: ${name}`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      await fn(`${folder.path}/store`);
    },
  });
}

/** Removes what is open: one in the database and one beside it, with extended attributes. */
function removeOpen(fs: SqliteFileSystem): Uint8Array[] {
  return [10, 100_000].map((length) => {
    const file = make(fs, "file");
    fs.write(file, 0, pattern(length, 1), "file");
    fs.setxattr(file, "n", pattern(5_000, 2), "either");
    fs.open(file, MODE);
    fs.remove(fs.root(), "file");
    return fs.identify(file);
  });
}

function isThere(fs: SqliteFileSystem, identity: Uint8Array): boolean {
  try {
    fs.resolve(identity);
    return true;
  } catch (error) {
    assertEquals((error as FsError).code, "stale");
    return false;
  }
}

/** Waits until all are gone, which is nobody's call. */
async function gone(
  fs: SqliteFileSystem,
  identities: readonly Uint8Array[],
): Promise<void> {
  while (identities.some((each) => isThere(fs, each))) await nextTurn();
  await fs.settle();
}

const contents = (path: string) =>
  [...Deno.readDirSync(`${path}/content`)]
    .filter(({ isDirectory }) => isDirectory)
    .flatMap(({ name }) => [...Deno.readDirSync(`${path}/content/${name}`)])
    .length;

for (const how of ["a stop in order", "a crash"]) {
  test(`what was open is there after ${how}, with its bytes, and no problem`, async (path) => {
    let identities: Uint8Array[] = [];
    let used = 0;
    const crashed = `${path}-crashed`;
    await using(path, async (fs) => {
      identities = removeOpen(fs);
      await fs.settle();
      used = fs.status().usedBytes!;
      copyFolder(path, crashed);
    });
    const left = how === "a crash" ? crashed : path;
    const { problems, files } = await checkStore(left);
    assertEquals([problems, files], [[], 3]);
    await using(left, async (fs) => {
      using _kept = fs.preserveUnlinked();
      const nodes = identities.map((each) => fs.resolve(each));
      assertEquals(nodes.map(({ nlink }) => nlink), [0, 0]);
      assertEquals(await whole(fs, nodes[0]!), pattern(10, 1));
      assertEquals(await whole(fs, nodes[1]!), pattern(100_000, 1));
      assertEquals(fs.getxattr(nodes[1]!, "n"), pattern(5_000, 2));
      assertEquals(fs.status().usedBytes, used);
    });
  });
}

test("what no client opens anew goes when no server keeps it any more, and gives its room back", async (path) => {
  let identities: Uint8Array[] = [];
  let before = 0;
  await using(path, (fs) => {
    before = fs.status().usedBytes!;
    identities = removeOpen(fs);
  });
  await using(path, async (fs) => {
    const [first, second] = [fs.preserveUnlinked(), fs.preserveUnlinked()];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    assertEquals(identities.map((each) => isThere(fs, each)), [true, true]);
    second[Symbol.dispose]();
    await gone(fs, identities);
    assertEquals(fs.status().usedBytes, before);
  });
  assertEquals(contents(path), 0);
  const { problems, files } = await checkStore(path);
  assertEquals([problems, files], [[], 1]);
});

test("what is opened anew goes with its last close, but not while others may come", async (path) => {
  let identities: Uint8Array[] = [];
  await using(path, (fs) => void (identities = removeOpen(fs)));
  await using(path, async (fs) => {
    const kept = fs.preserveUnlinked();
    const [small, large] = identities.map((each) => fs.resolve(each));
    for (const node of [small!, large!]) fs.open(node, MODE);
    fs.close(small!, MODE);
    await fs.settle();
    assert(isThere(fs, identities[0]!));
    kept[Symbol.dispose]();
    await gone(fs, [identities[0]!]);
    assert(isThere(fs, identities[1]!));
    fs.close(large!, MODE);
    assert(!isThere(fs, identities[1]!));
  });
  assertEquals(await problemsOf(path), []);
});

test("what is removed while clients may open it anew stays until then, and other nodes go", async (path) => {
  await using(path, async (fs) => {
    for (const name of ["removed", "replaced", "new"]) make(fs, name);
    const attributes = { mode: 0o755, uid: 0, gid: 0 };
    const kind = { type: "directory" } as const;
    const { node } = fs.create(fs.root(), "folder", kind, { attributes });
    const kept = fs.preserveUnlinked();
    const files = ["removed", "replaced"].map((name) => find(fs, name));
    const identities = files.map((file) => fs.identify(file));
    const folder = fs.identify(node);
    fs.remove(fs.root(), "removed");
    fs.remove(fs.root(), "folder");
    const named = (name: string) => ({ directory: fs.root(), name });
    fs.rename(named("new"), named("replaced"));
    assert(!isThere(fs, folder));
    assertEquals(identities.map((each) => isThere(fs, each)), [true, true]);
    // In the transaction that has taken their names.
    kept[Symbol.dispose]();
    await gone(fs, identities);
    const last = make(fs, "last");
    fs.remove(fs.root(), "last");
    assert(!isThere(fs, fs.identify(last)));
  });
  assertEquals(await problemsOf(path), []);
});

/** Many of them, and what is asked of the store meanwhile. */
async function many(path: string, count: number): Promise<SqliteNode[]> {
  return await using(path, (fs) =>
    Array.from({ length: count }, (_, i) => {
      const file = make(fs, `${i}`);
      fs.open(file, MODE);
      fs.remove(fs.root(), `${i}`);
      return file;
    }));
}

test("many go a few with each commit", async (path) => {
  const files = await many(path, 100);
  const fs = sqlite(path);
  const { commits } = fs.stats;
  fs.preserveUnlinked()[Symbol.dispose]();
  await gone(fs, files.map((file) => fs.identify(file)));
  const made = fs.stats.commits - commits;
  assert(made >= 6 && made < 12, `${made} commits`);
  await fs.dispose();
});

test("what has much in extended attributes goes alone", async (path) => {
  const large = new Uint8Array(65_536);
  const identities = await using(path, (fs) =>
    Array.from({ length: 5 }, () => {
      const file = make(fs, "file");
      for (let j = 0; j < 16; j++) fs.setxattr(file, `${j}`, large, "either");
      fs.open(file, MODE);
      fs.remove(fs.root(), "file");
      return fs.identify(file);
    }));
  const fs = sqlite(path);
  fs.preserveUnlinked()[Symbol.dispose]();
  const counts = new Set<number>();
  const left = () => identities.filter((each) => isThere(fs, each)).length;
  while (left() > 0) {
    counts.add(left());
    await nextTurn();
  }
  assertEquals([...counts], [5, 4, 3, 2, 1]);
  await fs.dispose();
});

test("what a refused commit would have removed goes with a later one", async (path) => {
  const files = await many(path, 40);
  const disk = new RefusingDisk();
  const fs = sqlite(path, { disk });
  const identities = files.map((file) => fs.identify(file));
  disk.refusals = 1;
  fs.preserveUnlinked()[Symbol.dispose]();
  while (disk.refusals > 0) await nextTurn();
  for (let i = 0; i < 20; i++) await nextTurn();
  assertEquals(identities.filter((each) => isThere(fs, each)).length, 40);
  make(fs, "a");
  await fs.settle();
  await gone(fs, identities);
  await fs.dispose();
  assertEquals(await problemsOf(path), []);
});

test("those that a store which closes has not come to go in its next life", async (path) => {
  const files = await many(path, 100);
  await using(path, async (fs) => {
    fs.preserveUnlinked()[Symbol.dispose]();
    await nextTurn();
  });
  await using(path, async (fs) => {
    const identities = files.map((file) => fs.identify(file));
    assert(identities.some((each) => isThere(fs, each)));
    fs.preserveUnlinked()[Symbol.dispose]();
    await gone(fs, identities);
  });
  const { problems, files: left } = await checkStore(path);
  assertEquals([problems, left], [[], 1]);
});
