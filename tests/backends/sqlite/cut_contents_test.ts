import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Awaitable } from "../../../src/base/awaitable.ts";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { resizeLater } from "../../../src/backends/common/long_calls.ts";
import { contentsIn } from "../../../src/backends/sqlite/content_folders.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import type {
  SqliteFileSystem,
  SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import type { Stability } from "../../../src/vfs/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { contentOf } from "./damage.ts";
import { canWrite, find, make, pattern, whole } from "./fixture.ts";
import { temporary, using } from "./fixture.ts";

const ignore = !canWrite;
const SIZE = 100_000;
const CUT = 50_000;
/** More than the host cuts off at once. */
const FAR = 2 ** 25;
/** The same of what may be in a piece for each page. */
const SCATTERED = 300 * 1024;

/** A disk whose cuts take until the test lets them go on. */
class CutGate implements Disk {
  commit = hostDisk.commit;
  room = hostDisk.room;
  reader = hostDisk.reader;
  sync = hostDisk.sync;
  syncNow = hostDisk.syncNow;
  /** Cuts that were asked for. */
  asked = 0;
  #gate = Promise.withResolvers<void>();

  async cut(descriptor: number, size: number): Promise<void> {
    this.asked++;
    await this.#gate.promise;
    await resizeLater(descriptor, size);
  }

  /** All cuts from now on, and those that wait, take as long as the host takes. */
  open(): void {
    this.#gate.resolve();
  }

  /** Those that wait fail, and others wait. */
  fail(): void {
    const gate = this.#gate;
    this.#gate = Promise.withResolvers();
    gate.reject(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  }
}

/** Has `act` work with a file of which half was cut off, by another thread that is not done. */
async function withCut(
  act: (
    fs: SqliteFileSystem,
    at: { file: SqliteNode; disk: CutGate; path: string },
  ) => Promise<void>,
): Promise<void> {
  using folder = temporary();
  const disk = new CutGate();
  await using(folder.path, async (fs) => {
    try {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(SIZE, 1), "unstable");
      await fs.commit(file);
      await fs.settle();
      await fs.setattr(file, { size: CUT });
      await fs.settle();
      assertEquals([disk.asked, file.size], [1, CUT]);
      await act(fs, { file, disk, path: contentOf(folder.path, file) });
    } finally {
      disk.open();
    }
  }, { disk });
}

/** What a client may do meanwhile for which the host would want the lock of the content. */
const works: Record<
  string,
  (fs: SqliteFileSystem, file: SqliteNode) => unknown
> = {
  "READ": (fs, file) => fs.read(file, 0, new Uint8Array(9)),
  "WRITE": (fs, file) => fs.write(file, 0, pattern(9, 1), "unstable"),
  "a WRITE beyond it": (fs, file) =>
    fs.write(file, SIZE, pattern(9, 2), "unstable"),
  "a new size below it": (fs, file) => fs.setattr(file, { size: CUT - 1 }),
  "a new size above it": (fs, file) => fs.setattr(file, { size: SIZE }),
};

for (const [what, work] of Object.entries(works)) {
  Deno.test({
    name: `${what} of a content that is being cut waits for that, alone`,
    ignore,
    fn: () =>
      withCut(async (fs, { file, disk, path }) => {
        let isDone = false;
        const done = Promise.resolve(work(fs, file)).then(() => isDone = true);
        const other = make(fs, "b");
        fs.write(other, 0, pattern(SIZE, 3), "file");
        await fs.settle();
        assertEquals(fs.getattr(file).size, CUT);
        assertEquals([isDone, Deno.statSync(path).size], [false, SIZE]);
        disk.open();
        await done;
        const bytes = await whole(fs, file);
        const before = pattern(SIZE, 1).subarray(
          0,
          Math.min(CUT, bytes.length),
        );
        assertEquals(bytes.subarray(0, CUT), before);
        assert(bytes.subarray(CUT, SIZE).every((byte) => byte === 0));
      }),
  });
}

const stabilities: readonly Stability[] = ["unstable", "file"];

for (const stability of stabilities) {
  Deno.test({
    name:
      `what is written (${stability}) over a cut that no commit has covered is not cut off`,
    ignore,
    async fn() {
      using folder = temporary();
      const disk = new CutGate();
      await using(folder.path, async (fs) => {
        const file = make(fs, "a");
        fs.write(file, 0, pattern(SIZE, 1), "file");
        await fs.setattr(file, { size: CUT });
        const written = fs.write(file, CUT, pattern(9, 2), stability);
        disk.open();
        await written;
        await fs.settle();
        assertEquals((await whole(fs, file)).subarray(CUT), pattern(9, 2));
      }, { disk });
      await using(folder.path, async (fs) => {
        const bytes = await whole(fs, find(fs, "a"));
        assertEquals(bytes.subarray(CUT), pattern(9, 2));
      });
    },
  });
}

const growths: Record<
  string,
  (fs: SqliteFileSystem, file: SqliteNode) => Awaitable<unknown>
> = {
  "a WRITE": (fs, file) => fs.write(file, SIZE, pattern(9, 2), "unstable"),
  "a new size": (fs, file) => fs.setattr(file, { size: SIZE + 9 }),
};

for (const [what, grow] of Object.entries(growths)) {
  Deno.test({
    name:
      `${what} over a cut that no commit has covered has nothing synced while others wait`,
    ignore,
    async fn() {
      using folder = temporary();
      let atOnce = 0;
      const syncNow = (descriptor: number) => {
        atOnce++;
        hostDisk.syncNow(descriptor);
      };
      await using(folder.path, async (fs) => {
        const file = make(fs, "a");
        fs.write(file, 0, pattern(SIZE, 1), "file");
        await fs.settle();
        atOnce = 0;
        await fs.setattr(file, { size: CUT });
        const grown = grow(fs, file);
        assert(grown instanceof Promise);
        await grown;
        assertEquals(atOnce, 0);
        const hole = (await whole(fs, file)).subarray(CUT, SIZE);
        assert(hole.every((byte) => byte === 0));
        assertEquals(file.size, SIZE + 9);
      }, { disk: { ...hostDisk, syncNow } });
    },
  });
}

Deno.test({
  name: "a content that could not be cut is cut before its file grows",
  ignore,
  fn: () =>
    withCut(async (fs, { file, disk, path }) => {
      disk.fail();
      await fs.read(file, 0, new Uint8Array(9));
      assertEquals(Deno.statSync(path).size, SIZE);
      const refused = fs.setattr(file, { size: SIZE }) as Promise<void>;
      disk.fail();
      assertEquals((await assertRejects(() => refused, FsError)).code, "io");
      assertEquals([fs.stats.failed, file.size], [false, CUT]);
      disk.open();
      await fs.setattr(file, { size: SIZE });
      assert((await whole(fs, file)).subarray(CUT).every((byte) => byte === 0));
    }),
});

Deno.test({
  name: "what a crash has left beyond the end of a file is cut as well",
  ignore,
  async fn() {
    using folder = temporary();
    const path = await using(folder.path, async (fs) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(CUT, 1), "file");
      await fs.settle();
      return contentOf(folder.path, file);
    });
    const tail = Deno.openSync(path, { append: true });
    tail.writeSync(pattern(CUT, 2));
    tail.close();
    const disk = new CutGate();
    await using(folder.path, async (fs) => {
      const file = find(fs, "a");
      const grown = fs.setattr(file, { size: SIZE });
      make(fs, "b");
      await fs.settle();
      assertEquals([disk.asked, file.size], [1, CUT]);
      disk.open();
      await grown;
      assert((await whole(fs, file)).subarray(CUT).every((byte) => byte === 0));
    }, { disk });
  },
});

Deno.test({
  name: "a content that is removed while it is cut is gone with the cut",
  ignore,
  fn: () =>
    withCut(async (fs, { disk, path }) => {
      fs.remove(fs.root(), "a");
      await fs.settle();
      assertEquals([...Deno.readDirSync(folderOf(path))].length, 1);
      disk.open();
      while ([...Deno.readDirSync(folderOf(path))].length > 0) {
        await Deno.stat(folderOf(path));
      }
    }),
});

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

Deno.test({
  name: "another thread cuts off what takes the host long, and no other",
  ignore,
  async fn() {
    using folder = temporary();
    const isLater: boolean[] = [];
    const disk: Disk = {
      ...hostDisk,
      cut(...how) {
        const cut = hostDisk.cut(...how);
        isLater.push(cut instanceof Promise);
        return cut;
      },
    };
    await using(folder.path, async (fs) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(SIZE, 1), "unstable");
      fs.write(file, FAR, pattern(9, 1), "unstable");
      fs.write(file, SCATTERED, pattern(SCATTERED, 1), "unstable");
      for (const size of [2 * SCATTERED, SCATTERED, SIZE, CUT]) {
        await fs.setattr(file, { size });
        await fs.settle();
        await fs.read(file, 0, new Uint8Array(9));
        assertEquals(Deno.statSync(contentOf(folder.path, file)).size, size);
      }
    }, { disk });
    assertEquals(isLater, [true, true, false, false]);
  },
});

Deno.test({
  name:
    "what a crash has left behind the end of a sparse file is not counted, and the file is whole when it grows",
  ignore,
  async fn() {
    using folder = temporary();
    const MIB = 2 ** 20;
    await using(folder.path, async (fs) => {
      const file = make(fs, "f");
      await fs.setattr(file, { size: MIB });
      await fs.write(file, 0, pattern(20_000, 1), "file");
    });
    const [found] = contentsIn(`${folder.path}/content`);
    const content = found!.path;
    Deno.writeFileSync(content, pattern(2 * MIB, 2).fill(0, 20_000, MIB));
    await using(folder.path, async (fs) => {
      const file = find(fs, "f");
      await fs.write(file, 100_000, pattern(1, 3), "file");
      assertEquals(Deno.statSync(content).size, MIB);
      await fs.setattr(file, { size: 3 * MIB });
      await fs.settle();
      const { bytes } = await fs.read(file, 2 * MIB, new Uint8Array(MIB));
      assertEquals(bytes, MIB);
    });
    assertEquals((await checkStore(folder.path)).problems, []);
    await using(folder.path, (fs) => fs.setattr(find(fs, "f"), { size: 5 }));
  },
});

Deno.test({
  name: "a file that is removed while it is cut is given back once",
  ignore,
  async fn() {
    await withCut(async (fs, { disk }) => {
      await fs.remove(fs.root(), "a");
      await fs.settle();
      const { usedBytes } = await fs.status();
      disk.open();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await fs.settle();
      assertEquals((await fs.status()).usedBytes, usedBytes);
    });
  },
});
