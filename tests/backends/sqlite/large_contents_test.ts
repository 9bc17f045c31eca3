import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { BLOCK } from "../../../src/backends/sqlite/unsynced.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { rightsOf } from "../../../src/vfs/wanted.ts";
import { canWrite, make, pattern } from "./fixture.ts";
import { temporary, using } from "./fixture.ts";
import { GatedDisk } from "./gated_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";

/** What a commit brings to disk itself, in these tests. */
const COMMIT_BYTES = 100_000;
const LARGE = 4 * COMMIT_BYTES;

/** Has `act` work with a store whose contents reach the disk when it says so. */
async function withGate(
  act: (fs: SqliteFileSystem, disk: GatedDisk, path: string) => Promise<void>,
): Promise<void> {
  using folder = temporary();
  const disk = new GatedDisk();
  const options = { disk, commitBytes: COMMIT_BYTES };
  await using(folder.path, async (fs) => {
    try {
      await act(fs, disk, folder.path);
    } finally {
      disk.open();
    }
  }, options);
}

/** A file with more that is not on disk than a commit is to bring there. */
function large(fs: SqliteFileSystem, name: string): SqliteNode {
  const file = make(fs, name);
  for (let at = 0; at < LARGE; at += COMMIT_BYTES) {
    fs.write(file, at, pattern(COMMIT_BYTES, 1), "unstable");
  }
  return file;
}

/** What a client can do for which a large content has to be on disk. */
const works: Record<string, (fs: SqliteFileSystem) => Promise<unknown>> = {
  "COMMIT of a large content": async (fs) => await fs.commit(large(fs, "a")),
  "COMMIT of single bytes far from each other": async (fs) => {
    const file = make(fs, "a");
    for (let at = 0; at < 40 * BLOCK; at += BLOCK) {
      fs.write(file, 2 ** 20 + at, pattern(1, 1), "unstable");
    }
    await fs.commit(file);
  },
  "a durable WRITE to a large content": async (fs) =>
    await fs.write(large(fs, "a"), 0, pattern(40_000, 2), "file"),
  "a WRITE over what was cut off a large content": async (fs) => {
    const file = await cut(fs, "a");
    return fs.write(file, LARGE, pattern(9, 2), "unstable");
  },
  "a new size over what was cut off a large content": async (fs) => {
    const file = await cut(fs, "a");
    return fs.setattr(file, { size: LARGE });
  },
};

/** A {@linkcode large} file of which something was cut off since. */
async function cut(fs: SqliteFileSystem, name: string): Promise<SqliteNode> {
  const file = large(fs, name);
  await fs.setattr(file, { size: LARGE - 1 });
  await fs.settle();
  return file;
}

for (const [what, work] of Object.entries(works)) {
  Deno.test({
    name: `${what} keeps no other client waiting for the disk`,
    ignore,
    fn: () =>
      withGate(async (fs, disk) => {
        let isDone = false;
        const done = work(fs).then(() => isDone = true);
        for (const name of ["x", "y", "z"]) {
          make(fs, name);
          await fs.settle();
        }
        assertEquals([isDone, disk.asked], [false, 1]);
        disk.open();
        await done;
        await fs.settle();
      }),
  });
}

Deno.test({
  name: "of many contents, a commit brings its share to disk and no more",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const files = Array.from({ length: 9 }, (_, i) => make(fs, `file${i}`));
      const commits = files.map((file) => {
        fs.write(file, 0, pattern(COMMIT_BYTES / 3, 1), "unstable");
        return fs.commit(file);
      });
      assertEquals(disk.asked, 6);
      const settled = fs.settle();
      assertEquals(disk.asked, 9);
      disk.open();
      await Promise.all([...commits, settled]);
    }),
});

Deno.test({
  name:
    "contents that are too many to watch are brought to disk beside commits",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const data = pattern(16_385, 1);
      for (let i = 0; i < 1025; i++) {
        fs.write(make(fs, `file${i}`), 0, data, "unstable");
      }
      for (const name of ["x", "y", "z"]) {
        make(fs, name);
        await fs.settle();
      }
      // A few at a time.
      assertEquals(disk.asked, 4);
    }),
});

Deno.test({
  name: "a small durable WRITE to a large content waits for the journal alone",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const file = large(fs, "a");
      for (let i = 0; i < 100; i++) {
        fs.write(file, i, pattern(1, i), "file");
        await fs.settle();
      }
      assertEquals(disk.asked, 0);
    }),
});

Deno.test({
  name:
    "COMMITs of a content that is on its way to the disk share the next time",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const file = large(fs, "a");
      const first = fs.commit(file);
      fs.write(file, 0, pattern(9, 2), "unstable");
      const later = Array.from({ length: 9 }, () => fs.commit(file));
      disk.pass();
      await first;
      assertEquals(disk.asked, 2);
      disk.pass();
      await Promise.all(later);
      assertEquals(disk.asked, 2);
      await fs.settle();
    }),
});

Deno.test({
  name:
    "what is written while a content is brought to disk waits for its own COMMIT",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const file = large(fs, "a");
      const first = fs.commit(file);
      fs.write(file, 0, pattern(9, 2), "unstable");
      disk.pass();
      await first;
      await fs.settle();
      assertEquals(disk.asked, 1);
      assertEquals(fs.commit(file), undefined);
      const settled = fs.settle();
      assertEquals(disk.asked, 2);
      disk.open();
      await settled;
    }),
});

Deno.test({
  name: "COMMIT of a file that is removed meanwhile ends, and says so",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const commits = [large(fs, "a")].flatMap((file) => {
        const first = fs.commit(file) as Promise<void>;
        fs.write(file, 0, pattern(9, 2), "unstable");
        return [first, fs.commit(file) as Promise<void>];
      });
      fs.remove(fs.root(), "a");
      await fs.settle();
      disk.open();
      for (const commit of commits) {
        const { code } = await assertRejects(() => commit, FsError);
        assertEquals(code, "stale");
      }
    }),
});

Deno.test({
  name: "a large content that can't be brought to disk ends the service",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    const fs = sqlite(folder.path, { disk, commitBytes: COMMIT_BYTES });
    const commit = fs.commit(large(fs, "a")) as Promise<void>;
    disk.fail(new Error("EIO: i/o error"));
    assertEquals((await assertRejects(() => commit, FsError)).code, "io");
    assertEquals(fs.stats.failed, true);
    assertThrows(() => make(fs, "b"), FsError, "i/o error");
    await assertRejects(() => fs.dispose(), FsError, "i/o error");
  },
});

Deno.test({
  name: "a content that is removed on its way to the disk is closed first",
  ignore,
  fn: () =>
    withGate(async (fs, disk, path) => {
      const file = large(fs, "a");
      const folder = `${path}/content/${
        (file.outside % 256).toString(16).padStart(2, "0")
      }`;
      const commit = fs.commit(file) as Promise<void>;
      fs.remove(fs.root(), "a");
      await fs.settle();
      for (let i = 0; i < 50; i++) await Deno.stat(folder);
      assertEquals([...Deno.readDirSync(folder)].length, 1);
      disk.open();
      await assertRejects(() => commit, FsError);
      while ([...Deno.readDirSync(folder)].length > 0) await Deno.stat(folder);
    }),
});

Deno.test({
  name: "a content that grows and grows is brought to disk before its COMMIT",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const file = make(fs, "a");
      const write = (times: number) => {
        for (let i = 0; i < times; i++) {
          fs.write(file, file.size, pattern(COMMIT_BYTES, i), "unstable");
        }
      };
      write(16);
      assertEquals(disk.asked, 0);
      write(16);
      assertEquals(disk.asked, 1);
      make(fs, "b");
      await fs.settle();
      disk.pass();
      for (let i = 0; i < 20; i++) await undefined;
      write(1);
      assertEquals(disk.asked, 1);
      write(1);
      assertEquals(disk.asked, 2);
    }),
});

Deno.test({
  name: "a content that is on its way to the disk is not cut until it is there",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const file = large(fs, "a");
      const commit = fs.commit(file);
      const cut = fs.setattr(file, { size: LARGE / 2 });
      make(fs, "b");
      await fs.settle();
      assertEquals(file.size, LARGE);
      disk.open();
      await commit;
      await cut;
      assertEquals(file.size, LARGE / 2);
      await fs.settle();
    }),
});

Deno.test({
  name:
    "a content that was given to another owner while it was on its way is not cut by the rights of the first",
  ignore,
  fn: () =>
    withGate(async (fs, disk) => {
      const file = large(fs, "a");
      const judged = rightsOf(file);
      const commit = fs.commit(file);
      const change = { size: LARGE / 2, mode: 0o777 };
      const cut = fs.setattr(file, change, judged) as Promise<void>;
      fs.setattr(file, { uid: judged.uid + 1, mode: 0o600 }, judged);
      disk.open();
      await commit;
      await assertRejects(() => cut, FsError, "busy");
      assertEquals([file.size, file.mode], [LARGE, 0o600]);
      await fs.setattr(file, change, rightsOf(file));
      assertEquals([file.size, file.mode], [LARGE / 2, 0o777]);
      await fs.settle();
    }),
});
