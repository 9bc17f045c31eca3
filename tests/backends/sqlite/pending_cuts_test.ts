import { assertEquals } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { hasFfi } from "../local/fixture.ts";
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

type Act = (fs: SqliteFileSystem, file: SqliteNode) => unknown;

const SIZE = 100_000;
const CUT = 40_000;
/** Where a sparse file's data begins: so little that it is sparse when it is cut, too. */
const FROM = 80_000;
const ten = pattern(10, 2);

/** What the host is asked afterwards how much it takes, so that a tail has to go before. */
const measured: Record<string, { isSparse: boolean; act: Act }> = {
  "a hole": {
    isSparse: false,
    act: (fs, file) => fs.deallocate(file, 0, 4096),
  },
  "a write to a sparse file": {
    isSparse: true,
    act: (fs, file) => fs.write(file, 0, ten, "file"),
  },
  "an unstable write to a sparse file": {
    isSparse: true,
    act: (fs, file) => fs.write(file, 0, ten, "unstable"),
  },
};

/** Makes a file of which a later life knows nothing but its row. */
async function makeFile(path: string, isSparse: boolean): Promise<void> {
  await using(path, async (fs) => {
    const file = make(fs, "file");
    await fs.write(file, FROM, pattern(SIZE - FROM, 1), "file");
    if (!isSparse) await fs.write(file, 0, pattern(FROM, 2), "file");
    await fs.commit(file);
    await fs.settle();
  });
}

/** The file is as long as before, and has what was beyond the cut. */
async function assertUncut(fs: SqliteFileSystem): Promise<void> {
  const bytes = await whole(fs, find(fs, "file"));
  assertEquals(bytes.length, SIZE);
  const before = pattern(SIZE - FROM, 1);
  const isKept = bytes.subarray(FROM).every((byte, at) => byte === before[at]);
  assertEquals(isKept, true);
}

for (const [what, { isSparse, act }] of Object.entries(measured)) {
  const ignore = !canWrite || !hasFfi;
  Deno.test({
    name:
      `what is cut off is there until that is durable, also before ${what}: refused`,
    ignore,
    async fn() {
      using folder = temporary();
      await makeFile(folder.path, isSparse);
      const disk = new RefusingDisk();
      const fs = sqlite(folder.path, { disk });
      const file = find(fs, "file");
      await fs.setattr(file, { size: CUT });
      disk.refusals = 1;
      const told = await Promise.allSettled([
        (async () => await act(fs, file))(),
        (async () => await fs.settle())(),
      ]);
      assertEquals(disk.refusals, 0);
      assertEquals(told.some(({ status }) => status === "rejected"), true);
      await assertUncut(fs);
      await fs.dispose();
    },
  });

  Deno.test({
    name:
      `what is cut off is there until that is durable, also before ${what}: killed`,
    ignore,
    async fn() {
      using folder = temporary();
      const store = `${folder.path}/store`;
      await makeFile(store, isSparse);
      const fs = sqlite(store);
      const file = find(fs, "file");
      await fs.setattr(file, { size: CUT });
      const acted = (async () => await act(fs, file))();
      copyFolder(store, `${folder.path}/meanwhile`);
      await acted;
      copyFolder(store, `${folder.path}/after`);
      await fs.dispose();
      for (const when of ["meanwhile", "after"]) {
        await using(`${folder.path}/${when}`, async (fs) => {
          // What was not answered may be there all the same.
          if (find(fs, "file").size !== CUT) await assertUncut(fs);
        });
      }
    },
  });
}
