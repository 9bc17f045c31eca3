/** What a damaged disk can't give back, in an export and in the pages of store.db. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import {
  exportTree,
  importTree,
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { contentOf, edit, spoilPageOf, spoilRoot } from "./damage.ts";
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
const SIZES = { first: 40_000, gone: 40_000, bad: 700_000, last: 40_000 };
/** Where the disk can't read. */
const BAD = 262_144;

/** A disk with a bad sector that far into a file. */
const disk: Disk = {
  ...hostDisk,
  reader(calls) {
    const real = hostDisk.reader(calls);
    return {
      isReadFirst: (...args) => real.isReadFirst(...args),
      readCached(fd, buffer, offset) {
        if (offset !== BAD) return real.readCached(fd, buffer, offset);
        throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
      },
    };
  },
};

/** A store of some files, of which one has lost its content, and one is on a bad sector. */
async function damage(directory: string): Promise<void> {
  const lost = await using(directory, (fs) => {
    for (const [name, size] of Object.entries(SIZES)) {
      fs.write(make(fs, name), 0, pattern(size, size), "file");
    }
    fs.link(find(fs, "gone"), fs.root(), "twin");
    fs.link(find(fs, "last"), fs.root(), "again");
    return find(fs, "gone");
  });
  Deno.removeSync(contentOf(directory, lost));
}

/** Unpacks what is exported; returns what was lost, as paths and the first words of what became of them. */
async function saved(
  fs: SqliteFileSystem,
  into: SqliteFileSystem,
): Promise<string[]> {
  const lines: string[] = [];
  const lost = (path: string, reason: string) => {
    lines.push(`${path}: ${reason.replace(/: io: .*/, "")}`);
  };
  await importTree(into, exportTree(fs, { lost }));
  return lines;
}

Deno.test({
  name: "what can't be read is told and left out of an export, or zeros in it",
  ignore,
  async fn() {
    using folder = temporary();
    await damage(folder.path);
    await using(folder.path, async (fs) => {
      const copy = sqlite(":memory:");
      assertEquals(await saved(fs, copy), [
        "./gone: it is left out",
        "./bad: it has zeros from byte 262144 on",
        "./twin: it is left out",
      ]);
      const names = copy.readdir(copy.root(), 0, 10).entries;
      assertEquals(names.map(({ name }) => name), [
        ...["first", "bad", "last", "again"],
      ]);
      const bad = pattern(SIZES.bad, SIZES.bad).fill(0, BAD, 2 * BAD);
      assertEquals(await whole(copy, find(copy, "bad")), bad);
      assertEquals(find(copy, "again"), find(copy, "last"));
      assertEquals(
        await whole(copy, find(copy, "last")),
        pattern(SIZES.last, SIZES.last),
      );
      await copy.dispose();
    }, { disk });
  },
});

Deno.test({
  name: "an export ends at what can't be read where that is not listened for",
  ignore,
  async fn() {
    using folder = temporary();
    await damage(folder.path);
    await using(folder.path, async (fs) => {
      const read = () => new Response(exportTree(fs)).bytes();
      await assertRejects(read, FsError, "can't export ./gone: ");
      fs.remove(fs.root(), "gone");
      fs.remove(fs.root(), "twin");
      await assertRejects(read, FsError, "can't export ./bad: ");
    }, { disk });
  },
});

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
