import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { contentsIn } from "../../../src/backends/sqlite/content_folders.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import {
  MOST_AT_THE_END,
  Removals,
} from "../../../src/backends/sqlite/removals.ts";
import { hostThreads } from "../../../src/backends/common/host_threads.ts";
import { OWN } from "../../../src/base/asker.ts";
import { canWrite, copyFolder, find, make, pattern, whole } from "./fixture.ts";
import { temporary, using } from "./fixture.ts";

const ignore = !canWrite;

/** Numbers of the contents that are in a store's folder. */
function contentsOf(store: string): number[] {
  return [...contentsIn(`${store}/content`)].map(({ number }) => number);
}

/** Has `act` run while no thread can remove anything. */
async function withoutThreads<T>(act: () => Promise<T>): Promise<T> {
  let taken = 0;
  while (hostThreads.long.tryToEnter(OWN)) taken++;
  try {
    return await act();
  } finally {
    while (taken-- > 0) hostThreads.long.leave(OWN);
  }
}

/** What kill -9 leaves of a store with contents of no file: some were being removed, some are of no commit. */
async function leave(folder: string): Promise<string> {
  const [store, copy] = [`${folder}/store`, `${folder}/copy`];
  await using(store, async (fs) => {
    fs.write(make(fs, "kept"), 0, pattern(20_000, 1), "file");
    for (let i = 0; i < 15; i++) {
      fs.write(make(fs, `${i}`), 0, pattern(16_385, i), "file");
    }
    await fs.settle();
    await withoutThreads(async () => {
      for (let i = 0; i < 15; i++) fs.remove(fs.root(), `${i}`);
      await fs.settle();
      for (let i = 0; i < 5; i++) {
        fs.write(make(fs, `uncommitted${i}`), 0, pattern(16_385, i), "file");
      }
      copyFolder(store, copy);
    });
  });
  return copy;
}

Deno.test({
  name:
    "contents of no file keep no start after a crash waiting, and go behind it",
  ignore,
  async fn() {
    using folder = temporary();
    const store = await leave(folder.path);
    const second = `${folder.path}/second`;
    const before = contentsOf(store);
    assertEquals(before.length, 21);
    const fs = await withoutThreads(async () => {
      const fs = sqlite(store);
      assertEquals(await whole(fs, find(fs, "kept")), pattern(20_000, 1));
      assertEquals(contentsOf(store), before);
      assert(fs.status().usedBytes! < 30_000);
      copyFolder(store, second);
      return fs;
    });
    await fs.dispose();
    assertEquals(contentsOf(store).length, 1);
    // After a second crash in the middle of it.
    assertEquals((await checkStore(second)).problems, []);
    assertEquals(contentsOf(second).length, 1);
    await using(second, async (fs) => {
      assertEquals(await whole(fs, find(fs, "kept")), pattern(20_000, 1));
    });
  },
});

Deno.test({
  name: "an end waits for few removals, and tells that others are left",
  ignore,
  async fn() {
    using folder = temporary();
    const count = MOST_AT_THE_END + 50;
    const paths = Array.from(
      { length: count },
      (_, i) => `${folder.path}/${i}`,
    );
    for (const path of paths) Deno.writeTextFileSync(path, "");
    for (const isOne of [true, false]) {
      const removals = new Removals();
      const { ended } = await withoutThreads(() => {
        const some = paths.splice(0, isOne ? 20 : count);
        if (isOne) { for (const path of some) removals.begin(path); }
        else removals.beginAll(some);
        return Promise.resolve({ ended: removals.end() });
      });
      await ended;
      assertEquals(removals.hasLeftovers, !isOne);
    }
    assertEquals([...Deno.readDirSync(folder.path)].length, 30);
  },
});

Deno.test({
  name:
    "a start that fails after it has begun to remove leaves it to the next one",
  ignore,
  async fn() {
    using folder = temporary();
    const store = await leave(folder.path);
    await withoutThreads(() => {
      const notNow = () => {
        throw new Error("not now");
      };
      assertThrows(() => sqlite(store, { now: notNow }), Error, "not now");
      return Promise.resolve();
    });
    const after = `${folder.path}/after`;
    copyFolder(store, after);
    await using(after, () => {});
    assertEquals(contentsOf(after).length, 1);
  },
});
