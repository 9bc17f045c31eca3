import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { edit, spoilPageOf, spoilRoot } from "./damage.ts";
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

const ignore = !canWrite;

for (
  const [table, read] of [
    ["entries", (fs) => fs.lookup(fs.root(), "small")],
    ["listing", (fs) => fs.readdir(fs.root(), 0, 10)],
    ["contents", (fs) => whole(fs, find(fs, "small"))],
  ] as const satisfies readonly [
    string,
    (fs: SqliteFileSystem) => unknown,
  ][]
) {
  Deno.test({
    name:
      `what is on a damaged page of ${table} is "io", and the store goes on`,
    ignore,
    async fn() {
      using folder = temporary();
      await using(folder.path, (fs) => {
        fs.write(make(fs, "small"), 0, pattern(100, 1), "file");
      });
      spoilRoot(folder.path, table);
      await using(folder.path, async (fs) => {
        const error = await assertRejects(async () => await read(fs), FsError);
        assertEquals(error.code, "io");
        assert(error.message.includes("malformed"), error.message);
        fs.setattr(fs.root(), { mode: 0o700 });
        await fs.settle();
        assertEquals([fs.failure(), fs.stats.failed], [undefined, false]);
      });
    },
  });
}

Deno.test({
  name: 'extended attributes on a damaged page are "io"',
  ignore,
  async fn() {
    using folder = temporary();
    const NAMES = Array.from({ length: 90 }, (_, i) => `user.${10 + i}`);
    await using(folder.path, (fs) => {
      const file = make(fs, "file");
      for (const [i, name] of NAMES.entries()) {
        fs.setxattr(file, name, pattern(200, i), "either");
      }
    });
    spoilPageOf(folder.path, pattern(200, 70));
    await using(folder.path, (fs) => {
      const file = find(fs, "file");
      assertEquals(fs.getxattr(file, NAMES[0]!), pattern(200, 0));
      for (
        const read of [
          () => fs.getxattr(file, NAMES[70]!),
          () => fs.listxattrs(file),
          () => fs.setxattr(file, NAMES[0]!, pattern(5, 1), "either"),
        ]
      ) {
        assertEquals(assertThrows(read, FsError).code, "io");
      }
    });
  },
});

Deno.test({
  name:
    "a store whose journal can't be read after a crash is not served without what it has",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, crashed] = [`${folder.path}/store`, `${folder.path}/crashed`];
    await using(store, async (fs) => {
      const files = ["a", "b", "c"].map((name) => make(fs, name));
      for (const file of files) {
        fs.write(file, 0, pattern(100_000, 0), "file");
      }
      await fs.settle();
      for (const [i, file] of files.entries()) {
        fs.write(file, 0, pattern(20_000, i), "file");
        await fs.settle();
      }
      copyFolder(store, crashed);
    });
    edit(crashed, "PRAGMA wal_checkpoint(TRUNCATE)");
    spoilPageOf(crashed, pattern(20_000, 1).subarray(8000, 8500));
    assertThrows(() => sqlite(crashed), Error, "malformed");
  },
});
