import { assert, assertEquals } from "@std/assert";
import type { CachedReader } from "../../../src/backends/common/cached_reads.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import type {
  SqliteFileSystem,
  SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { hasFfi } from "../local/fixture.ts";
import { holdBack } from "../hold_back.ts";
import { contentOf } from "./damage.ts";
import { canWrite, make, pattern, temporary, using } from "./fixture.ts";

const ignore = !canWrite || !hasFfi;
const SIZE = 102_400;
const PAGE = 4096;
const NEW = pattern(SIZE, 2);

/** A disk of which the host has nothing in memory. */
const coldDisk: Disk = {
  ...hostDisk,
  reader: (): CachedReader => ({
    readCached: () => undefined,
    isReadFirst: () => false,
  }),
};

/** All of `source` is cloned over `target`, and what that had below is given back. */
async function cloneOver(
  fs: SqliteFileSystem,
  source: SqliteNode,
  target: SqliteNode,
): Promise<void> {
  const range = { sourceOffset: 0, targetOffset: 0, length: SIZE };
  await fs.clone(source, target, range);
  await fs.settle();
  // It waits for that.
  await fs.deallocate(target, SIZE, 1);
  await fs.settle();
}

for (const shared of [0, PAGE]) {
  Deno.test(
    `a file that is cloned over while a thread reads it has no zeros (${shared} bytes were shared)`,
    { ignore },
    async () => {
      using folder = temporary();
      await using(folder.path, async (fs) => {
        const [source, target] = [make(fs, "source"), make(fs, "target")];
        await fs.write(source, 0, NEW, "file");
        await fs.write(target, 0, pattern(SIZE, 1), "file");
        const range = { sourceOffset: 0, targetOffset: 0, length: shared };
        if (shared > 0) await fs.clone(source, target, range);
        await fs.settle();
        using reads = holdBack("read");
        const bytes = new Uint8Array(SIZE);
        const read = fs.read(target, 0, bytes);
        assert(read instanceof Promise);
        await cloneOver(fs, source, target);
        assertEquals([target.used, target.shared], [SIZE, SIZE]);
        reads.open();
        assertEquals((await read).bytes, SIZE);
        // A difference of so many takes long to tell.
        assert(bytes.every((byte, i) => byte === NEW[i]));
      }, { disk: coldDisk });
    },
  );
}

Deno.test(
  "what was written over a clone stays until another clone over it is durable",
  { ignore },
  async () => {
    using folder = temporary();
    let gate = Promise.withResolvers<void>();
    let asked = Promise.withResolvers<void>();
    gate.resolve();
    const disk: Disk = {
      ...hostDisk,
      async sync(descriptor) {
        const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
        if (path.endsWith("-wal")) {
          asked.resolve();
          await gate.promise;
        }
        await hostDisk.sync(descriptor);
      },
    };
    await using(folder.path, async (fs) => {
      const [source, target] = [make(fs, "source"), make(fs, "target")];
      const range = { sourceOffset: 0, targetOffset: 0, length: SIZE };
      await fs.write(source, 0, NEW, "file");
      await fs.write(target, 0, pattern(SIZE, 1), "file");
      await fs.settle();
      gate = Promise.withResolvers();
      asked = Promise.withResolvers();
      await fs.clone(source, target, range);
      await fs.write(target, 0, pattern(SIZE, 3), "file");
      const settled = fs.settle();
      await asked.promise;
      await fs.clone(source, target, range);
      gate.resolve();
      await settled;
      // What would be given back, is by then.
      await fs.read(target, 0, new Uint8Array(SIZE));
      const left = Deno.readFileSync(contentOf(folder.path, target));
      const written = pattern(SIZE, 3);
      assert(left.every((byte, i) => byte === written[i]));
      await fs.settle();
      await fs.read(target, 0, new Uint8Array(SIZE));
      assertEquals([target.used, target.shared], [SIZE, SIZE]);
    }, { disk });
  },
);
