import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, find, make, pattern, whole } from "./fixture.ts";
import { temporary, using } from "./fixture.ts";

/** A disk whose syncs end when the test says so. */
class SlowDisk implements Disk {
  commit = hostDisk.commit;
  room = hostDisk.room;
  reader = hostDisk.reader;
  cut = hostDisk.cut;
  syncNow = hostDisk.syncNow;
  readonly #waiting: PromiseWithResolvers<void>[] = [];

  sync(): Promise<void> {
    const sync = Promise.withResolvers<void>();
    this.#waiting.push(sync);
    return sync.promise;
  }

  /** Syncs under way. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Ends the oldest sync. */
  end(error?: Error): void {
    const sync = this.#waiting.shift()!;
    if (error === undefined) sync.resolve();
    else sync.reject(error);
  }
}

/** Lets everything happen that waits for no disk. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

const ignore = !canWrite;

Deno.test({
  name: "what comes during a commit shares the next one",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new SlowDisk();
    const fs = sqlite(folder.path, { disk });
    const done: string[] = [];
    const request = (name: string) => {
      make(fs, name);
      fs.settle()?.then(() => done.push(name));
    };
    request("first");
    for (let i = 0; i < 30; i++) request(`later${i}`);
    await turns();
    assertEquals([disk.waiting, fs.stats.commits, done.length], [1, 1, 0]);
    disk.end();
    await turns();
    assertEquals(done, ["first"]);
    assertEquals([disk.waiting, fs.stats.commits], [1, 2]);
    disk.end();
    await turns();
    assertEquals(done.length, 31);
    const { commits, syncs, operations, settles } = fs.stats;
    // The root was made by the first.
    assertEquals([commits, syncs, operations, settles], [2, 2, 32, 31]);
    await fs.dispose();
  },
});

Deno.test({
  name:
    "what comes just as a commit ends is answered by one that began after it",
  ignore,
  async fn() {
    for (let moment = 0; moment < 16; moment++) {
      using folder = temporary();
      const disk = new SlowDisk();
      const fs = sqlite(folder.path, { disk });
      const answered: boolean[] = [];
      const request = (name: string) => {
        make(fs, name);
        const { commits } = fs.stats;
        fs.settle()?.then(() => answered.push(fs.stats.commits > commits));
      };
      request("a");
      request("b");
      disk.end();
      for (let i = 0; i < moment; i++) await undefined;
      // They go on in the same turn.
      request("c");
      request("d");
      while (answered.length < 4) {
        await turns();
        if (disk.waiting > 0) disk.end();
      }
      assertEquals(answered, [true, true, true, true], `moment ${moment}`);
      const disposed = fs.dispose();
      await turns();
      while (disk.waiting > 0) disk.end();
      await disposed;
    }
  },
});

Deno.test({
  name: "who changed nothing waits only for what may have been seen",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, () => {});
    const disk = new SlowDisk();
    const fs = sqlite(folder.path, { disk });
    assertEquals(fs.settle(), undefined);
    const { node } = fs.create(fs.root(), "a", { type: "file" }, {
      attributes: { mode: 0o644, uid: 0, gid: 0 },
    });
    const change = fs.settle();
    fs.getattr(node);
    const look = fs.settle();
    assert(change instanceof Promise && look instanceof Promise);
    disk.end();
    await look;
    assertEquals(fs.settle(), undefined);
    await fs.dispose();
  },
});

Deno.test({
  name: "small durable writes to many files share one sync",
  ignore,
  async fn() {
    using folder = temporary();
    const counted = { syncs: 0 };
    const disk: Disk = {
      ...hostDisk,
      sync(descriptor) {
        counted.syncs++;
        return hostDisk.sync(descriptor);
      },
    };
    const fs = sqlite(folder.path, { disk });
    const files = Array.from({ length: 20 }, (_, i) => make(fs, `file${i}`));
    for (const file of files) {
      fs.write(file, 0, pattern(100_000, 1), "unstable");
      fs.commit(file);
    }
    await fs.settle();
    counted.syncs = 0;
    for (const [i, file] of files.entries()) {
      assertEquals(fs.write(file, 5000, pattern(4096, i), "file"), "file");
    }
    await fs.settle();
    assertEquals(counted.syncs, 1);
    assert(fs.stats.journalBytes >= 20 * 4096);
    await fs.dispose();
    await using(folder.path, async (fs) => {
      for (let i = 0; i < 20; i++) {
        const bytes = await whole(fs, find(fs, `file${i}`));
        assertEquals(bytes.subarray(5000, 9096), pattern(4096, i));
      }
    });
  },
});

Deno.test({
  name: "the journal is emptied before it gets long",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(100_000, 1), "file");
      let most = 0;
      for (let i = 0; i < 600; i++) {
        fs.write(file, i * 100, pattern(32_768, i), "file");
        await fs.settle();
        most = Math.max(most, fs.stats.journalBytes);
      }
      assert(most > 2 ** 22 && most < 2 ** 24, String(most));
    });
  },
});

Deno.test({
  name: "a journal of rows of one byte is emptied before there are too many",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      // So many that none of them is synced itself.
      const files = Array.from({ length: 12 }, (_, i) => make(fs, `file${i}`));
      for (const file of files) {
        fs.write(file, 0, pattern(20_000, 1), "file");
      }
      await fs.settle();
      const byte = pattern(1, 1);
      let isEmptied = false;
      for (let i = 0; i < 50 && !isEmptied; i++) {
        const before = fs.stats.journalBytes;
        for (const file of files) fs.write(file, i, byte, "file");
        for (let j = 0; j < 1_000; j++) fs.write(files[0]!, j, byte, "file");
        await fs.settle();
        isEmptied = fs.stats.journalBytes < before;
      }
      assert(isEmptied, `${fs.stats.journalBytes} bytes`);
    });
  },
});

Deno.test({
  name:
    "a commit that can't be synced is answered to nobody, nor is anything after",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new SlowDisk();
    const fs = sqlite(folder.path, { disk });
    make(fs, "a");
    const first = fs.settle() as Promise<void>;
    make(fs, "b");
    const second = fs.settle() as Promise<void>;
    disk.end(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
    for (const settled of [first, second]) {
      assertEquals((await assertRejects(() => settled, FsError)).code, "io");
    }
    assertEquals(fs.stats.failed, true);
    assertEquals(assertThrows(() => fs.settle(), FsError).code, "io");
    assertEquals(assertThrows(() => make(fs, "c"), FsError).code, "io");
    const write = () => fs.write(find(fs, "a"), 0, pattern(9, 1), "unstable");
    assertEquals(assertThrows(write, FsError).code, "io");
    await assertRejects(() => fs.dispose(), FsError, "i/o error");
    await using(folder.path, (fs) => make(fs, "c"));
  },
});

Deno.test({
  name: "content that can't be synced fails the commit as well",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new SlowDisk();
    const fs = sqlite(folder.path, { disk });
    const file = make(fs, "a");
    fs.write(file, 0, pattern(100_000, 1), "unstable");
    fs.commit(file);
    const settled = fs.settle() as Promise<void>;
    await turns();
    disk.end(new Error("EIO: i/o error"));
    disk.end();
    if (disk.waiting > 0) disk.end();
    assertEquals((await assertRejects(() => settled, FsError)).code, "io");
    await assertRejects(() => fs.dispose(), FsError);
  },
});

Deno.test({
  name: "durability os commits without a sync, none not even that",
  ignore,
  async fn() {
    for (const durability of ["os", "none"] as const) {
      using folder = temporary();
      const disk = new SlowDisk();
      const fs = sqlite(folder.path, { disk, durability });
      make(fs, "a");
      assertEquals(fs.settle(), undefined);
      assertEquals(disk.waiting, 0);
      const { commits, syncs } = fs.stats;
      assertEquals([commits, syncs], [durability === "os" ? 1 : 0, 0]);
      await fs.dispose();
      await using(folder.path, (fs) => find(fs, "a"));
    }
  },
});

Deno.test({
  name: "no commit saves more than some thousand files that were only read",
  ignore,
  async fn() {
    using folder = temporary();
    let now = 1_000;
    const time = () => ({ seconds: now, nanoseconds: 0 });
    const fs = sqlite(folder.path, { durability: "os", now: time });
    const files = Array.from({ length: 1_500 }, (_, i) => make(fs, `${i}`));
    await fs.settle();
    now++;
    const { commits } = fs.stats;
    let read = 0;
    for (; fs.stats.commits === commits && read < files.length; read++) {
      await fs.read(files[read]!, 0, new Uint8Array(1));
      await fs.settle();
    }
    assert(read > 1_000 && read < 1_100, `${read} were read`);
    await fs.dispose();
  },
});
