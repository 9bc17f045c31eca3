import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  contentsIn,
  pathOf,
  removedPathOf,
} from "../../../src/backends/sqlite/content_folders.ts";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, find, make, pattern, temporary, using } from "./fixture.ts";

const ignore = !canWrite;

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** Contents that there are. */
function count(directory: string): number {
  return [...contentsIn(`${directory}/content`)].length;
}

/** A store whose fsync failed after a file was removed, and that was stopped then. */
async function failed(directory: string): Promise<void> {
  let isFailing = false;
  const sync = (descriptor: number) =>
    isFailing
      ? Promise.reject(new Error("EIO: i/o error"))
      : hostDisk.sync(descriptor);
  const fs = sqlite(directory, { disk: { ...hostDisk, sync } });
  for (const name of ["kept", "removed"]) {
    fs.write(make(fs, name), 0, pattern(50_000, 1), "file");
  }
  await fs.settle();
  fs.remove(fs.root(), "removed");
  isFailing = true;
  await assertRejects(async () => await fs.settle(), FsError, "i/o error");
  const [log, database] = ["store.db-wal", "store.db"].map((name) =>
    sizeOf(`${directory}/${name}`)
  );
  await assertRejects(() => fs.dispose(), FsError, "i/o error");
  assertEquals(sizeOf(`${directory}/store.db-wal`), log);
  assertEquals(sizeOf(`${directory}/store.db`), database);
}

Deno.test({
  name:
    "a store whose fsync failed keeps its log when it is stopped, and the next start recovers",
  ignore,
  async fn() {
    using folder = temporary();
    await failed(folder.path);
    assertEquals(count(folder.path), 2);
    await using(folder.path, (fs) => find(fs, "kept"));
    assertEquals(count(folder.path), 1);
    assertEquals((await checkStore(folder.path)).problems, []);
    assertEquals(sizeOf(`${folder.path}/store.db-wal`), 0);
  },
});

Deno.test({
  name: "a stop that was killed while store.db was aside has it put back",
  ignore,
  async fn() {
    for (const open of [checkStore, (path: string) => using(path, () => {})]) {
      using folder = temporary();
      await failed(folder.path);
      const path = `${folder.path}/store.db`;
      Deno.renameSync(path, `${path}.closing`);
      await open(folder.path);
      await using(folder.path, (fs) => find(fs, "kept"));
      const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
      assertEquals(names.sort(), ["content", "lock", "store.db"]);
    }
  },
});

Deno.test({
  name: "a content that the host does not remove is removed by the next start",
  ignore,
  async fn() {
    using folder = temporary();
    const content = `${folder.path}/content`;
    let inTheWay = "";
    await using(folder.path, async (fs) => {
      const file = make(fs, "removed");
      fs.write(file, 0, pattern(50_000, 1), "file");
      await fs.settle();
      // Over a folder no file can be renamed.
      inTheWay = removedPathOf(content, file.outside);
      Deno.mkdirSync(inTheWay);
      fs.remove(fs.root(), "removed");
      await fs.settle();
      assert(sizeOf(pathOf(content, file.outside)) > 0);
    });
    Deno.removeSync(inTheWay);
    assertEquals(count(folder.path), 1);
    await using(folder.path, () => {});
    assertEquals(count(folder.path), 0);
    assertEquals((await checkStore(folder.path)).problems, []);
  },
});

Deno.test({
  name:
    "a start that can't bring the log to disk removes nothing, and leaves the log to the next one",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    using folder = temporary();
    await failed(folder.path);
    const log = sizeOf(`${folder.path}/store.db-wal`);
    const syncNow = (descriptor: number) => {
      const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
      if (path.endsWith("-wal")) throw new Error("EIO: i/o error");
      hostDisk.syncNow(descriptor);
    };
    const disk = { ...hostDisk, syncNow };
    assertThrows(() => sqlite(folder.path, { disk }), Error, "i/o error");
    assertEquals(count(folder.path), 2);
    assertEquals(sizeOf(`${folder.path}/store.db-wal`), log);
    await using(folder.path, (fs) => find(fs, "kept"));
    assertEquals(count(folder.path), 1);
  },
});
