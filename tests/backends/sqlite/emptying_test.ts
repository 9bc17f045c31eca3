import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, find, make, pattern, whole } from "./fixture.ts";
import { temporary, using } from "./fixture.ts";

const ignore = !canWrite || Deno.build.os !== "linux";

/** A disk that brings the database to stable storage when the test says so. */
class SlowDatabase implements Disk {
  commit = hostDisk.commit;
  room = hostDisk.room;
  reader = hostDisk.reader;
  cut = hostDisk.cut;
  /** Names of the files that were synced at once. */
  readonly syncedNow: string[] = [];
  #waiting: PromiseWithResolvers<void> | undefined = undefined;

  /** Whether the database was to be synced. */
  get wasAsked(): boolean {
    return this.#waiting !== undefined;
  }

  /** Ends the last sync of the database. */
  end(error?: Error): void {
    if (error === undefined) this.#waiting!.resolve();
    else this.#waiting!.reject(error);
  }

  sync(descriptor: number): Promise<void> {
    if (nameOf(descriptor) !== "store.db") return hostDisk.sync(descriptor);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  syncNow(descriptor: number): void {
    this.syncedNow.push(nameOf(descriptor));
    hostDisk.syncNow(descriptor);
  }
}

function nameOf(descriptor: number): string {
  return Deno.readLinkSync(`/proc/self/fd/${descriptor}`).split("/").at(-1)!;
}

/** Whether the promise is fulfilled once everything is done that waits for no database. */
async function isSoon(promise: Promise<void>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) =>
    setTimeout(() => resolve(false), 100)
  );
  return await Promise.race([promise.then(() => true), late]);
}

/** Waits for the promise, and lets the database be synced meanwhile. */
async function settleAll(
  disk: SlowDatabase,
  promise: Promise<void>,
): Promise<void> {
  while (!await isSoon(promise)) disk.end();
}

Deno.test({
  name: "while the log is emptied into the database, commits alone wait",
  ignore,
  async fn() {
    for (const durability of ["full", "os"] as const) {
      using folder = temporary();
      const disk = new SlowDatabase();
      const fs = sqlite(folder.path, { disk, durability, longLog: 1 });
      make(fs, "a");
      await fs.settle();
      assertEquals(disk.wasAsked, true);
      assertEquals(fs.getattr(find(fs, "a")).size, 0);
      assertEquals(fs.settle(), undefined);
      make(fs, "b");
      const settled = fs.settle() as Promise<void>;
      assertEquals(await isSoon(settled), false);
      const { commits } = fs.stats;
      disk.end();
      await settled;
      assertEquals(fs.stats.commits, commits + 1);
      disk.end();
      await settleAll(disk, fs.dispose());
      await using(folder.path, (fs) => find(fs, "b"));
    }
  },
});

Deno.test({
  name: "growth over what was cut off waits for the database as a commit does",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new SlowDatabase();
    const fs = sqlite(folder.path, { disk, longLog: 1 });
    const file = make(fs, "a");
    fs.write(file, 0, pattern(40_000, 2), "file");
    await fs.settle();
    assertEquals(disk.wasAsked, true);
    disk.syncedNow.length = 0;
    // What is cut off must be gone for good before the file grows over it.
    fs.setattr(file, { size: 20_000 });
    const grown = fs.setattr(file, { size: 40_000 }) as Promise<void>;
    assertEquals(await isSoon(grown), false);
    disk.end();
    await grown;
    assertEquals(disk.syncedNow.includes("store.db"), false);
    await settleAll(disk, fs.dispose());
    await using(folder.path, async (fs) => {
      const expected = pattern(40_000, 2).fill(0, 20_000);
      assertEquals(await whole(fs, find(fs, "a")), expected);
    });
  },
});

Deno.test({
  name: "a database that can't be synced ends the service, and loses nothing",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new SlowDatabase();
    const fs = sqlite(folder.path, { disk, longLog: 1 });
    make(fs, "a");
    await fs.settle();
    make(fs, "b");
    const settled = fs.settle() as Promise<void>;
    disk.end(new Error("EIO: i/o error"));
    assertEquals((await assertRejects(() => settled, FsError)).code, "io");
    assertEquals(fs.stats.failed, true);
    assertThrows(() => make(fs, "c"), FsError);
    await assertRejects(() => fs.dispose(), FsError, "i/o error");
    await using(folder.path, (fs) => {
      find(fs, "a");
      assertEquals(fs.lookup(fs.root(), "b"), undefined);
    });
  },
});

Deno.test({
  name:
    "a log that can't be emptied for damage stays, and is emptied when it can be",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => {
      for (let i = 0; i < 100; i++) {
        fs.write(make(fs, `${i}`), 0, pattern(10_000, i), "file");
      }
    });
    const fs = sqlite(folder.path, { longLog: 1 });
    fs.setattr(find(fs, "0"), { mode: 0o600 });
    await fs.settle();
    const path = `${folder.path}/store.db`;
    const sound = Deno.readFileSync(path);
    const change = async (mode: number) => {
      fs.setattr(find(fs, "0"), { mode });
      await fs.settle();
    };
    // SQLite takes a database for damaged that is far shorter than it was.
    Deno.truncateSync(path);
    await change(0o601);
    // One error may pass; the next try has failed as well.
    assertEquals(fs.failure(), undefined);
    await change(0o602);
    assert(/log .*malformed/.test(fs.failure()!), fs.failure());
    assertEquals([fs.stats.failed, fs.losses], [false, 0]);
    Deno.writeFileSync(path, sound);
    await change(0o603);
    assertEquals(fs.failure(), undefined);
    await fs.dispose();
    assertEquals((await checkStore(folder.path)).problems, []);
    await using(folder.path, async (fs) => {
      assertEquals(find(fs, "0").mode, 0o603);
      assertEquals(await whole(fs, find(fs, "99")), pattern(10_000, 99));
    });
  },
});
