import { assertEquals, assertGreater, assertLess } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import type { Timestamp } from "../../../src/vfs/mod.ts";
import {
  canWrite,
  copyFolder,
  find,
  make,
  pattern,
  temporary,
  using,
} from "./fixture.ts";
import { codes, RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;
/** Files: 1024 access times wait, so these are twice too many. */
const COUNT = 2600;
/** Seconds at which they are made, and read. */
const MADE = 1000;
const READ = 2000;

/** Makes the files of a store, at one time. */
async function fill(path: string): Promise<void> {
  await using(path, (fs) => {
    for (let i = 0; i < COUNT; i++) {
      fs.write(make(fs, `${i}`), 0, pattern(10, i), "file");
    }
  }, { now: () => time(MADE) });
}

function time(seconds: number): Timestamp {
  return { seconds, nanoseconds: 0 };
}

/** Reads files, each as a request whose reply waits for what it relies on. */
async function readAll(fs: SqliteFileSystem, from = 0, to = COUNT) {
  for (let i = from; i < to; i++) {
    const { unsettled } = fs;
    await fs.read(find(fs, `${i}`), 0, new Uint8Array(10));
    if (fs.unsettled !== unsettled) await fs.settle();
  }
}

/** Files whose access time is that of the reading. */
function countRead(fs: SqliteFileSystem): number {
  let count = 0;
  for (let i = 0; i < COUNT; i++) {
    if (find(fs, `${i}`).atime.seconds === READ) count++;
  }
  return count;
}

/** A disk that takes so many commits, and counts those that it refuses. */
class LimitedDisk extends RefusingDisk {
  taken = Infinity;
  refused = 0;

  override commit(...args: Parameters<RefusingDisk["commit"]>): void {
    const isTaken = this.taken > 0;
    this.refusals = isTaken ? 0 : 1;
    if (isTaken) this.taken--;
    else this.refused++;
    super.commit(...args);
  }
}

for (const durability of ["full", "os", "none"] as const) {
  for (const code of Object.keys(codes) as (keyof typeof codes)[]) {
    Deno.test({
      name:
        `access times that are refused (${code}) fail no READ, and are tried once (${durability})`,
      ignore,
      async fn() {
        using folder = temporary();
        await fill(folder.path);
        const disk = new LimitedDisk();
        const options = { disk, durability, now: () => time(READ) };
        await using(folder.path, async (fs) => {
          disk.code = code;
          disk.taken = 0;
          await readAll(fs);
          assertEquals(disk.refused, 2);
          assertEquals([fs.losses, fs.failure()], [0, undefined]);
          disk.taken = Infinity;
        }, options);
      },
    });
  }

  Deno.test({
    name: `access times are kept where there is room (${durability})`,
    ignore,
    async fn() {
      using folder = temporary();
      await fill(folder.path);
      const options = { durability, now: () => time(READ) };
      await using(folder.path, async (fs) => {
        await readAll(fs);
        // As a process that is killed would leave it.
        using copy = temporary();
        copyFolder(folder.path, copy.path);
        await using(copy.path, (fs) => {
          assertGreater(countRead(fs), 2000);
          assertLess(countRead(fs), COUNT);
        });
      }, options);
      await using(folder.path, (fs) => assertEquals(countRead(fs), COUNT));
    },
  });
}

Deno.test({
  name: "access times that are refused take no change of a client with them",
  ignore,
  async fn() {
    using folder = temporary();
    await fill(folder.path);
    const disk = new LimitedDisk();
    const fs = sqlite(folder.path, { disk, now: () => time(READ) });
    await readAll(fs, 0, 1024);
    disk.taken = 1;
    fs.setattr(find(fs, "2000"), { mode: 0o600 });
    await readAll(fs, 1024, 1025);
    assertEquals([disk.taken, disk.refused, fs.losses], [0, 1, 0]);
    disk.taken = Infinity;
    await readAll(fs, 1025);
    await fs.dispose();
    await using(folder.path, (fs) => {
      assertEquals(find(fs, "2000").mode, 0o600);
      assertEquals(countRead(fs), COUNT - 1025);
    });
  },
});
