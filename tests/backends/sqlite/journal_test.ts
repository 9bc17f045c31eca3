import {
  assert,
  assertEquals,
  assertGreater,
  assertLessOrEqual,
} from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { copyFolder, find, make, pattern, whole } from "./fixture.ts";
import { canWrite, temporary, using } from "./fixture.ts";
import { GatedDisk } from "./gated_disk.ts";
import { losses, LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";

/** The longest write that is journaled, and what its row counts. */
const LONGEST = 32_768;
const ROW = LONGEST + 512;
const MOST = 2 ** 23;

/** Writes to as many new files as the journal has room for. */
function fill(fs: SqliteFileSystem): void {
  for (let i = 0; fs.stats.journalBytes <= MOST; i++) {
    fs.write(make(fs, `filling${i}`), 0, pattern(LONGEST, i), "file");
  }
}

/** A disk that notes what of `content/` is synced. */
function notingDisk(): Disk & { readonly synced: string[] } {
  const synced: string[] = [];
  const note = (descriptor: number) => {
    const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
    const [, part] = /\/(content\/.*)/.exec(path) ?? [];
    if (part !== undefined) synced.push(part);
  };
  return {
    ...hostDisk,
    synced,
    sync(descriptor) {
      note(descriptor);
      return hostDisk.sync(descriptor);
    },
    syncNow(descriptor) {
      note(descriptor);
      hostDisk.syncNow(descriptor);
    },
  };
}

Deno.test({
  name:
    "a small durable write for which the journal has no room waits for its own content alone",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    await using(folder.path, async (fs) => {
      fill(fs);
      await fs.settle();
      // The journal is being emptied, a few contents at a time.
      assertEquals(disk.asked, 4);
      const file = make(fs, "through");
      const written = fs.write(file, 0, pattern(LONGEST, 1), "file");
      assert(written instanceof Promise);
      let isWritten = false;
      const ended = written.then(() => isWritten = true);
      for (const name of ["x", "y", "z"]) {
        make(fs, name);
        await fs.settle();
      }
      assertEquals([isWritten, disk.asked], [false, 5]);
      assertLessOrEqual(fs.stats.journalBytes, MOST + ROW);
      disk.open();
      await ended;
      assertEquals(await written, "file");
      await fs.settle();
    }, { disk });
  },
});

for (const stability of ["file", "unstable"] as const) {
  Deno.test({
    name:
      `a durable file that outgrows the database while the journal is full survives a power failure (${stability})`,
    ignore,
    async fn() {
      using folder = temporary();
      const disk = new LossyDisk();
      const fs = sqlite(`${folder.path}/store`, { disk });
      const file = make(fs, "a");
      fs.write(file, 0, pattern(10_000, 1), "file");
      await fs.settle();
      fill(fs);
      await fs.write(file, 10_000, pattern(20_000, 2), stability);
      assertLessOrEqual(fs.stats.journalBytes, MOST + ROW);
      await fs.settle();
      for (const [index, lost] of losses.entries()) {
        const copy = `${folder.path}/${index}`;
        disk.copy(`${folder.path}/store`, copy, lost);
        const bytes = await using(
          copy,
          async (fs) => await whole(fs, find(fs, "a")),
        );
        assertEquals(bytes.subarray(0, 10_000), pattern(10_000, 1));
        if (stability === "unstable") continue;
        assertEquals(bytes.subarray(10_000), pattern(20_000, 2));
      }
      await fs.dispose();
    },
  });
}

Deno.test({
  name:
    "what the journal has is not waited for when a store is closed, and outlives the power",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, copy] = [`${folder.path}/store`, `${folder.path}/copy`];
    const disk = new LossyDisk();
    const fs = sqlite(store, { disk });
    const files = Array.from({ length: 20 }, (_, i) => make(fs, `${i}`));
    for (const file of files) {
      fs.write(file, 0, pattern(40_000, 1), "unstable");
      await fs.commit(file);
    }
    await fs.settle();
    for (const file of files) fs.write(file, 5000, pattern(3000, 2), "file");
    await fs.settle();
    await fs.dispose();
    disk.closed(store);
    for (const lost of losses) {
      disk.copy(store, copy, lost);
      assertEquals((await checkStore(copy)).problems, []);
      await using(copy, async (fs) => {
        for (const name of files.keys()) {
          const bytes = await whole(fs, find(fs, `${name}`));
          assertEquals(bytes.subarray(5000, 8000), pattern(3000, 2));
        }
      });
      Deno.removeSync(copy, { recursive: true });
    }
  },
});

/** What kill -9 leaves of a store with small durable writes to files. */
async function killed(folder: string): Promise<string> {
  const [store, copy] = [`${folder}/store`, `${folder}/copy`];
  await using(store, async (fs) => {
    for (let i = 0; i < 9; i++) {
      fs.write(make(fs, `${i}`), 0, pattern(20_000, i), "file");
    }
    await fs.settle();
    copyFolder(store, copy);
  });
  return copy;
}

Deno.test({
  name: "a start after a crash waits for no content that the journal has",
  ignore,
  async fn() {
    using folder = temporary();
    const store = await killed(folder.path);
    const disk = notingDisk();
    const fs = sqlite(store, { disk });
    assertEquals(disk.synced, []);
    for (let i = 0; i < 9; i++) {
      assertEquals(await whole(fs, find(fs, `${i}`)), pattern(20_000, i));
    }
    // The name may not have been on disk either.
    const file = find(fs, "5");
    await fs.commit(file);
    await fs.settle();
    assertEquals(disk.synced.map((path) => path.split("/").length), [3, 2]);
    assertGreater(fs.stats.journalBytes, 0);
    await fs.dispose();
  },
});

Deno.test({
  name: "rows that another life has left are older than those of this one",
  ignore,
  async fn() {
    using folder = temporary();
    const store = await killed(folder.path);
    await using(store, async (fs) => {
      fs.write(find(fs, "3"), 0, pattern(20_000, 33), "file");
      await fs.settle();
      fs.remove(fs.root(), "4");
      await fs.setattr(find(fs, "5"), { size: 17_000 });
      await fs.setattr(find(fs, "5"), { size: 20_000 });
      await fs.settle();
    });
    assertEquals((await checkStore(store)).problems, []);
    await using(store, async (fs) => {
      assertEquals(await whole(fs, find(fs, "3")), pattern(20_000, 33));
      const cut = pattern(20_000, 5).fill(0, 17_000);
      assertEquals(await whole(fs, find(fs, "5")), cut);
    });
  },
});

for (const durability of ["os", "none"] as const) {
  Deno.test({
    name:
      `a start that journals nothing has what was journaled on disk first (${durability})`,
    ignore,
    async fn() {
      using folder = temporary();
      const store = await killed(folder.path);
      const disk = notingDisk();
      await using(store, (fs) => {
        const contents = disk.synced.filter((path) =>
          path.split("/").length > 2
        );
        assertEquals(contents.length, 9);
        assertEquals(fs.stats.journalBytes, 0);
        fs.write(find(fs, "3"), 0, pattern(20_000, 33), "file");
      }, { disk, durability });
      await using(store, async (fs) => {
        assertEquals(await whole(fs, find(fs, "3")), pattern(20_000, 33));
      });
    },
  });
}

Deno.test({
  name: "what only a content has is on disk when a store is closed",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, copy] = [`${folder.path}/store`, `${folder.path}/copy`];
    const disk = new LossyDisk();
    await using(store, async (fs) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(40_000, 1), "unstable");
      // Saves the file's size, and has a row.
      fs.write(file, 5000, pattern(3000, 1), "file");
      await fs.settle();
    }, { disk });
    disk.closed(store);
    disk.copy(store, copy, { log: false, contents: true, database: false });
    const bytes = await using(
      copy,
      async (fs) => await whole(fs, find(fs, "a")),
    );
    assertEquals(bytes.subarray(0, 5000), pattern(5000, 1));
    assertEquals(bytes.length, 40_000);
  },
});

Deno.test({
  name:
    "what was written to a file that had lost its name outlives the power while it may be opened anew",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new LossyDisk();
    const fs = sqlite(`${folder.path}/store`, { disk });
    const file = make(fs, "a");
    const identity = fs.identify(file);
    fs.open(file, { read: true, write: true });
    fs.write(file, 0, pattern(40_000, 1), "unstable");
    await fs.commit(file);
    fs.remove(fs.root(), "a");
    await fs.settle();
    fs.write(file, 5000, pattern(3000, 2), "file");
    await fs.settle();
    for (const [index, lost] of losses.entries()) {
      const copy = `${folder.path}/${index}`;
      disk.copy(`${folder.path}/store`, copy, lost);
      const bytes = await using(
        copy,
        async (fs) => await whole(fs, fs.resolve(identity)),
      );
      assertEquals(bytes.subarray(5000, 8000), pattern(3000, 2));
    }
    await fs.dispose();
  },
});
