import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  exportTree,
  importTree,
} from "../../../src/backends/sqlite/archive.ts";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { contentsIn } from "../../../src/backends/sqlite/content_folders.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { FsError, type FsErrorCode } from "../../../src/vfs/mod.ts";
import { hasFfi } from "../local/fixture.ts";
import { contentOf, edit, problemsOf, toSchema } from "./damage.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";
import { LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || !hasFfi;
const MIB = 2 ** 20;
const PAGE = 4096;

/** Has `target` share all bytes of `source`; makes it where there is none. */
async function clone(
  fs: SqliteFileSystem,
  source: SqliteNode,
  target: string,
): Promise<SqliteNode> {
  const made = fs.lookup(fs.root(), target) ?? make(fs, target);
  const range = { sourceOffset: 0, targetOffset: 0, length: source.size };
  await fs.clone(source, made, range);
  return made;
}

/** A file of a MiB on disk, and one that shares it. */
async function pair(
  fs: SqliteFileSystem,
): Promise<[source: SqliteNode, target: SqliteNode]> {
  const source = make(fs, "source");
  await fs.write(source, 0, pattern(MIB, 1), "file");
  const target = await clone(fs, source, "target");
  await fs.settle();
  return [source, target];
}

async function refused(code: FsErrorCode, act: () => unknown): Promise<void> {
  const error = await assertRejects(async () => await act(), FsError);
  assertEquals(error.code, code);
}

/** Contents beside the database that have any bytes. */
function filledContents(directory: string): number {
  return [...contentsIn(`${directory}/content`)]
    .filter(({ path }) => Deno.statSync(path).size > 0).length;
}

Deno.test("files that share bytes take the room of one, and each counts", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    const [source, target] = await pair(fs);
    assertEquals(filledContents(folder.path), 1);
    assertEquals([source.used, target.used], [MIB, MIB]);
    assert(fs.status().usedBytes! > 2 * MIB);
    fs.remove(fs.root(), "source");
    await fs.settle();
    assertEquals(await whole(fs, target), pattern(MIB, 1));
    fs.remove(fs.root(), "target");
    await fs.settle();
  });
  assertEquals(filledContents(folder.path), 0);
  assertEquals(await problemsOf(folder.path), []);
});

Deno.test(
  "shared bytes count for the quota, and what they are put over is given back",
  {
    ignore,
  },
  async () => {
    using folder = temporary();
    // What is to be given back goes once the clone is durable, and not before.
    const options = { quotaBytes: 3 * MIB + 2 ** 16 };
    await using(folder.path, async (fs) => {
      const [source, target] = await pair(fs);
      await fs.write(target, 0, pattern(MIB, 2), "file");
      await fs.settle();
      assertEquals([target.used, target.ranges], [MIB, 0]);
      await clone(fs, source, "target");
      await fs.settle();
      // What is below goes by another thread.
      await fs.read(target, 0, new Uint8Array(1));
      assertEquals(target.used, MIB);
      assertEquals(await whole(fs, target), pattern(MIB, 1));
      await clone(fs, source, "third");
      await refused("quota", () => clone(fs, source, "fourth"));
    }, options);
    assertEquals(await problemsOf(folder.path), []);
  },
);

for (const isLimited of [false, true]) {
  const what = isLimited ? "is refused beyond the quota" : "counts";
  Deno.test(
    `what is written to a hole ${what}, however much shared bytes count`,
    { ignore },
    async () => {
      using folder = temporary();
      const options = isLimited ? { quotaBytes: 2 * MIB + 2 ** 18 } : {};
      await using(folder.path, async (fs) => {
        const [, target] = await pair(fs);
        await fs.deallocate(target, 0, MIB / 2);
        // What is left of a page is cut into bytes, each of which counts as a page.
        for (let at = MIB - PAGE; target.used < target.size; at += 2) {
          await fs.deallocate(target, at, 1);
        }
        const { used } = target;
        const now = fs.status().usedBytes!;
        const write = () =>
          fs.write(target, 0, pattern(MIB / 2, 3), "unstable");
        if (isLimited) return await refused("quota", write);
        await write();
        assertEquals(target.used, used + MIB / 2);
        assertEquals(fs.status().usedBytes, now + MIB / 2);
      }, options);
      assertEquals(await problemsOf(folder.path), []);
    },
  );
}

Deno.test("a hole takes no room where it is shared", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    const file = make(fs, "file");
    await fs.setattr(file, { size: 2 ** 40 });
    await fs.write(file, 2 ** 39, pattern(PAGE, 1), "file");
    const target = await clone(fs, file, "target");
    await fs.settle();
    assertEquals([target.used, file.used], [PAGE, PAGE]);
    assertEquals(await fs.seek(target, 0, "data"), 2 ** 39);
    assertEquals(await fs.seek(target, 2 ** 39, "hole"), 2 ** 39 + PAGE);
  });
});

Deno.test("a store of before bytes were shared is brought up to date", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    await fs.write(make(fs, "source"), 0, pattern(50_000, 1), "file");
  });
  toSchema(folder.path, 3);
  await using(folder.path, async (fs) => {
    await clone(fs, find(fs, "source"), "target");
  });
  await using(folder.path, async (fs) => {
    assertEquals(await whole(fs, find(fs, "target")), pattern(50_000, 1));
  });
  assertEquals(await problemsOf(folder.path), []);
});

Deno.test("an archive has files that share bytes, each as a whole", {
  ignore,
}, async () => {
  using folder = temporary();
  const [one, other] = [`${folder.path}/one`, `${folder.path}/other`];
  const changed = pattern(MIB, 1);
  changed.set(pattern(10, 3), 5000);
  await using(one, async (fs) => {
    const [source, target] = await pair(fs);
    await fs.write(target, 5000, pattern(10, 3), "file");
    await fs.deallocate(source, 2 * PAGE, 10 * PAGE);
    await using(other, async (copy) => {
      await importTree(copy, exportTree(fs));
      assertEquals(await whole(copy, find(copy, "target")), changed);
      const holed = pattern(MIB, 1).fill(0, 2 * PAGE, 12 * PAGE);
      assertEquals(await whole(copy, find(copy, "source")), holed);
    });
  });
});

const writes = {
  "before it is full": { mostRanges: 100, offset: (i: number) => 2 * i * PAGE },
  "when it is full": { mostRanges: 5, offset: (i: number) => 2 * i * PAGE },
  "byte by byte": { mostRanges: 5, offset: (i: number) => 3 * i },
};

for (const [when, { mostRanges, offset }] of Object.entries(writes)) {
  Deno.test(`a file that shares bytes is written to all over ${when}`, {
    ignore,
  }, async () => {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      const [source, target] = await pair(fs);
      const expected = pattern(MIB, 1);
      for (let i = 0; i < 60; i++) {
        const data = pattern(1 + i % 3, i);
        await fs.write(target, offset(i), data, "unstable");
        expected.set(data, offset(i));
        assert(target.ranges <= mostRanges, `${target.ranges} ranges`);
      }
      assertEquals(await whole(fs, target), expected);
      assertEquals(await whole(fs, source), pattern(MIB, 1));
    }, { mostRanges });
    assertEquals(await problemsOf(folder.path), []);
  });
}

Deno.test("where all ranges of a file are long, one more is no-space", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    const source = make(fs, "source");
    await fs.setattr(source, { size: 100 * MIB });
    const target = await clone(fs, source, "target");
    const write = (offset: number) =>
      fs.write(target, offset, pattern(9, 1), "file");
    await write(30 * MIB);
    await refused("no-space", () => write(60 * MIB));
    await refused("no-space", () => fs.deallocate(target, 60 * MIB, 9));
    await refused("no-space", () => clone(fs, source, "target"));
    // What takes ranges away, or leaves them as they are, can be done.
    await fs.setattr(target, { size: 20 * MIB });
    await write(10 * MIB);
    await fs.setattr(target, { size: 0 });
    assertEquals(target.ranges, 0);
  }, { mostRanges: 2 });
  assertEquals(await problemsOf(folder.path), []);
});

for (const damage of ["cut", "removed"] as const) {
  Deno.test(`a shared content that was ${damage} is IO for each of its files`, {
    ignore,
  }, async () => {
    using folder = temporary();
    const path = await using(folder.path, async (fs) => {
      const source = make(fs, "source");
      await fs.write(source, 0, pattern(MIB, 1), "file");
      const path = contentOf(folder.path, source);
      await clone(fs, source, "target");
      await clone(fs, source, "third");
      return path;
    });
    if (damage === "removed") Deno.removeSync(path);
    else Deno.truncateSync(path, MIB / 2);
    const [problem = "", ...others] = await problemsOf(folder.path);
    assert(/shared content .* of 1048576 bytes has/.test(problem), problem);
    assertEquals(others, []);
    await using(folder.path, async (fs) => {
      for (const name of ["source", "target"]) {
        await refused("io", () => whole(fs, find(fs, name)));
        await refused("io", () => fs.seek(find(fs, name), 0, "data"));
      }
      const file = find(fs, "third");
      await fs.write(file, 0, pattern(MIB, 2), "file");
      assertEquals(await whole(fs, file), pattern(MIB, 2));
    });
  });
}

const spoiled = {
  "UPDATE shared_ranges SET start = start + 1": /is not within its/,
  "UPDATE inodes SET ranges = 7 WHERE ranges > 0": /has 7 shared ranges/,
  "UPDATE inodes SET shared = 7 WHERE ranges > 0": /of 7 bytes/,
  "DELETE FROM shared_contents": /which is not shared/,
  "INSERT INTO shared_contents VALUES (1, 0)": /shared content 1 is in no file/,
  "INSERT INTO shared_contents SELECT outside, 0 FROM inodes WHERE outside > 0":
    /is the own one of file/,
  "INSERT INTO shared_ranges VALUES (99, 0, 1, 1, 0, 0)": /which is missing/,
  "INSERT INTO shared_ranges SELECT fileid, 5, 1, content, 0, 0 FROM shared_ranges":
    /begins in the one before/,
  "UPDATE shared_ranges SET at = -1": /has numbers that can't be/,
};

for (const [sql, expected] of Object.entries(spoiled)) {
  Deno.test(`a check finds what is wrong with shared bytes: ${expected}`, {
    ignore,
  }, async () => {
    using folder = temporary();
    await using(folder.path, pair);
    edit(folder.path, sql);
    const problems = (await problemsOf(folder.path)).join("\n");
    assert(expected.test(problems), problems);
  });
}

Deno.test(
  "a start after a crash keeps what is shared, and removes what is not",
  {
    ignore,
  },
  async () => {
    using folder = temporary();
    const [store, copy] = [`${folder.path}/store`, `${folder.path}/copy`];
    const disk = new LossyDisk();
    const open = () => sqlite(store, { disk });
    const fs = open();
    const [source] = await pair(fs);
    disk.kill(store, copy);
    Deno.writeTextFileSync(
      contentOf(copy, { outside: source.outside + 2 ** 20 }),
      "of no file",
    );
    assertEquals((await checkStore(copy)).problems, []);
    await using(copy, async (fs) => {
      for (const name of ["source", "target"]) {
        assertEquals(await whole(fs, find(fs, name)), pattern(MIB, 1));
      }
    });
    await fs.dispose();
  },
);
