import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { FsError, type FsErrorCode } from "../../../src/vfs/mod.ts";
import { edit, problemsOf, toSchema } from "./damage.ts";
import {
  attributes,
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
} from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;

function set(
  fs: SqliteFileSystem,
  node: SqliteNode,
  name: string,
  value: Uint8Array,
) {
  return fs.setxattr(node, name, value, "either");
}

function refused(code: FsErrorCode, act: () => unknown): void {
  assertEquals(assertThrows(act, FsError).code, code);
}

Deno.test({
  name:
    "a store of before there were extended attributes is brought up to date",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => make(fs, "a"));
    toSchema(folder.path, 1);
    await using(folder.path, (fs) => {
      const file = find(fs, "a");
      assertEquals(fs.listxattrs(file), []);
      set(fs, file, "n", pattern(5, 1));
    });
    await using(folder.path, (fs) => {
      assertEquals(fs.getxattr(find(fs, "a"), "n"), pattern(5, 1));
    });
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "extended attributes count for the quota, are given back, and are the same after a restart",
  ignore,
  async fn() {
    using folder = temporary();
    const options = { quotaBytes: 200_000 };
    const used = (fs: SqliteFileSystem) => fs.status().usedBytes!;
    const [before, full] = await using(folder.path, (fs) => {
      const before = used(fs);
      const file = make(fs, "a");
      const bare = used(fs);
      set(fs, file, "ü", pattern(50_000, 1));
      assert(used(fs) > bare + 50_000 && used(fs) < bare + 50_100);
      set(fs, file, "ü", pattern(40_000, 1));
      set(fs, file, "m", pattern(50_000, 1));
      set(fs, fs.root(), "n", pattern(60_000, 1));
      const now = used(fs);
      const { change } = file;
      refused("quota", () => set(fs, file, "more", pattern(60_000, 1)));
      assertEquals([used(fs), file.change], [now, change]);
      fs.removexattr(fs.root(), "n");
      set(fs, file, "more", pattern(60_000, 1));
      return [before, used(fs)];
    }, options);
    await using(folder.path, async (fs) => {
      assertEquals(used(fs), full);
      fs.remove(fs.root(), "a");
      await fs.settle();
      assertEquals(used(fs), before);
    }, options);
    await using(folder.path, (fs) => assertEquals(used(fs), before), options);
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "extended attributes of what a rename replaces or the last close ends are given back",
  ignore,
  async fn() {
    using folder = temporary();
    const options = { quotaBytes: 2 ** 20 };
    await using(folder.path, (fs) => {
      const root = fs.root();
      const used = () => fs.status().usedBytes!;
      const mode = { read: true, write: true };
      const a = make(fs, "a");
      const before = used();
      const b = make(fs, "b");
      set(fs, b, "n", pattern(5000, 1));
      fs.rename(
        { directory: root, name: "a" },
        { directory: root, name: "b" },
      );
      assertEquals(used(), before);
      fs.open(a, mode);
      set(fs, a, "n", pattern(5000, 1));
      fs.remove(root, "b");
      assert(used() > 5000);
      fs.close(a, mode);
      const c = make(fs, "c");
      assertEquals(used(), before);
      assertEquals(fs.listxattrs(c), []);
    }, options);
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "what a refused commit had set or removed of extended attributes is as before",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new RefusingDisk();
    const fs = sqlite(folder.path, { disk, quotaBytes: 2 ** 20 });
    const file = make(fs, "a");
    set(fs, file, "kept", pattern(100, 1));
    set(fs, file, "gone", pattern(100, 2));
    await fs.settle();
    const { change, ctime } = file;
    const used = fs.status().usedBytes;
    disk.refusals = 1;
    set(fs, file, "kept", pattern(200, 3));
    fs.removexattr(file, "gone");
    set(fs, file, "new", pattern(100, 4));
    const error = await Promise.resolve(fs.settle()).catch((error) => error);
    assertEquals(error.code, "no-space");
    const live = find(fs, "a");
    assertEquals([live.change, live.ctime], [change, ctime]);
    assertEquals(fs.listxattrs(live), ["gone", "kept"]);
    assertEquals(fs.getxattr(live, "kept"), pattern(100, 1));
    assertEquals(fs.status().usedBytes, used);
    await fs.dispose();
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name: "a look at an extended attribute that is not on disk waits until it is",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      const file = make(fs, "a");
      const other = make(fs, "b");
      await fs.settle();
      set(fs, file, "n", pattern(100, 1));
      const before = fs.unsettled!;
      fs.getxattr(other, "n");
      fs.listxattrs(other);
      assertEquals(fs.unsettled, before);
      fs.getxattr(file, "n");
      fs.listxattrs(file);
      assertEquals(fs.unsettled, before + 2);
    });
  },
});

Deno.test({
  name:
    "a check finds extended attributes of nothing, and of what can't have any",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => {
      set(fs, make(fs, "a"), "n", pattern(10, 1));
      const link = { type: "symlink", target: "a" } as const;
      fs.create(fs.root(), "s", link, { attributes });
    });
    edit(
      folder.path,
      `INSERT INTO xattrs VALUES (99, 'lost', x'00');
       INSERT INTO xattrs SELECT fileid, 'odd', x'00' FROM inodes
       WHERE type = 'symlink'`,
    );
    const found = await problemsOf(folder.path);
    assertEquals(found.length, 2);
    const said = found.toSorted().join("\n");
    assert(/attribute 'lost' of 99, which is missing/.test(said), said);
    assert(/attribute 'odd' of \d+, which is a symlink/.test(said), said);
  },
});
