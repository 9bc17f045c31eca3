import { assert, assertEquals, assertRejects } from "@std/assert";
import type { CachedReader } from "../../../src/backends/common/cached_reads.ts";
import { hostThreads } from "../../../src/backends/common/host_threads.ts";
import { resizeLater } from "../../../src/backends/common/long_calls.ts";
import type { HostCalls } from "../../../src/backends/common/host_calls.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import type {
  SqliteFileSystem,
  SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { CheckedFileSystem } from "../../../src/vfs/checked_file_system.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { holdBack } from "../hold_back.ts";
import { dropCached } from "../drop_cached.ts";
import { contentOf } from "./damage.ts";
import { canWrite, make, pattern, temporary, using } from "./fixture.ts";

const ignore = !canWrite;
const SIZE = 100_000;
const BYTES = pattern(SIZE, 1);

/**
 * A disk of which the host has the first bytes of each file in memory, and no
 * others; `isReadFirst`: not even to write there.
 */
function coldDisk(
  warm: number,
  isReadFirst = false,
): Disk & { readonly cuts: boolean[] } {
  const cuts: boolean[] = [];
  return {
    ...hostDisk,
    cuts,
    reader: (calls: HostCalls | undefined): CachedReader => {
      const real = hostDisk.reader(calls);
      return {
        readCached: (fd, buffer, offset) =>
          offset >= warm
            ? undefined
            : real.readCached(fd, buffer.subarray(0, warm - offset), offset),
        isReadFirst: () => isReadFirst,
      };
    },
    cut(...how) {
      const cut = hostDisk.cut(...how);
      cuts.push(cut instanceof Promise);
      return cut;
    },
  };
}

/** Has `act` work with a file, of which the host has so many bytes in memory. */
async function withCold(
  warm: number,
  act: (
    fs: SqliteFileSystem,
    at: { file: SqliteNode; cuts: readonly boolean[]; path: string },
  ) => Promise<void>,
  isReadFirst = false,
): Promise<void> {
  using folder = temporary();
  const disk = coldDisk(warm, isReadFirst);
  await using(folder.path, async (fs) => {
    const file = make(fs, "file");
    await fs.write(file, 0, BYTES, "file");
    await fs.settle();
    await act(fs, {
      file,
      path: contentOf(folder.path, file),
      cuts: disk.cuts,
    });
  }, { disk });
}

for (const warm of [0, 10, 99_999]) {
  Deno.test({
    name:
      `sqlite: what is not in the host's memory is read by a thread (${warm} bytes are)`,
    ignore,
    fn: () =>
      withCold(warm, async (fs, { file }) => {
        const target = new Uint8Array(200_000);
        using reads = holdBack("read");
        const read = fs.read(file, 0, target);
        assert(read instanceof Promise);
        // Others are answered meanwhile, and may write to it.
        assertEquals(fs.getattr(file).size, SIZE);
        assertEquals(fs.lookup(fs.root(), "file"), file);
        fs.write(file, SIZE, pattern(9, 2), "unstable");
        assertEquals(reads.asked.length, 1);
        reads.open();
        // What was asked for is what was there then.
        assertEquals(await read, { bytes: SIZE, eof: false, isSettled: true });
        assertEquals(target.subarray(0, SIZE), BYTES);
        const part = new Uint8Array(50);
        const { bytes, eof } = await fs.read(file, 5, part);
        assertEquals([bytes, eof], [50, false]);
        assertEquals(part, BYTES.subarray(5, 55));
      }),
  });
}

Deno.test({
  name: "sqlite: what the host has in memory is read at once, up to the end",
  ignore,
  fn: () =>
    withCold(SIZE, (fs, { file }) => {
      const target = new Uint8Array(SIZE + 10);
      for (const [offset, bytes] of [[0, SIZE], [99_990, 10]] as const) {
        const read = fs.read(file, offset, target);
        assert(!(read instanceof Promise));
        assertEquals(read, { bytes, eof: true });
        assertEquals(target.subarray(0, bytes), BYTES.subarray(offset));
      }
      return Promise.resolve();
    }),
});

Deno.test({
  name: "sqlite: a content that left the host's memory is read as it is",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      const file = make(fs, "file");
      await fs.write(file, 0, BYTES, "file");
      await fs.settle();
      await dropCached(contentOf(folder.path, file));
      const target = new Uint8Array(SIZE);
      for (let round = 0; round < 2; round++) {
        const { bytes } = await fs.read(file, 0, target.fill(0));
        assertEquals(bytes, SIZE);
        assertEquals(target, BYTES);
      }
    });
  },
});

Deno.test({
  name: "sqlite: what is cut off while a thread reads it is not answered",
  ignore,
  fn: () =>
    withCold(0, async (fs, { file, cuts }) => {
      using reads = holdBack("read");
      const target = new Uint8Array(SIZE);
      const read = fs.read(file, 0, target);
      await fs.setattr(file, { size: 50_000 });
      await fs.settle();
      // The host would have the cut wait for the read, on the event loop.
      assertEquals(cuts, [true]);
      reads.open();
      assertEquals(await read, { bytes: 50_000, eof: true, isSettled: true });
      assertEquals(target.subarray(0, 50_000), BYTES.subarray(0, 50_000));
    }),
});

Deno.test({
  name:
    "sqlite: a read that waited tells whether what it saw is settled, whatever others change",
  ignore,
  fn: () =>
    withCold(0, async (fs, { file }) => {
      const other = make(fs, "other");
      using reads = holdBack("read");
      const seen: (boolean | undefined)[] = [];
      for (const changed of [[], [other], [other, file]]) {
        await fs.settle();
        const read = fs.read(file, 0, new Uint8Array(9));
        for (const node of changed) await fs.setattr(node, { mode: 0o600 });
        reads.asked.at(-1)!.go();
        seen.push((await read).isSettled);
      }
      assertEquals(seen, [true, true, false]);
    }),
});

const behindTheHost: Record<
  string,
  (fs: SqliteFileSystem, file: SqliteNode) => unknown
> = {
  "a read": (fs, file) => fs.read(file, 0, new Uint8Array(SIZE)),
  "a write that the host reads for": (fs, file) =>
    fs.write(file, 5, pattern(9, 2), "unstable"),
};

for (const [what, work] of Object.entries(behindTheHost)) {
  Deno.test({
    name:
      `sqlite: ${what} holds no thread for a cut that began while it stood in line`,
    ignore,
    async fn() {
      using folder = temporary();
      using reads = holdBack("read");
      const cut = Promise.withResolvers<void>();
      const disk: Disk = {
        ...coldDisk(0, true),
        sync: () => Promise.resolve(),
        async cut(descriptor, size) {
          await cut.promise;
          await resizeLater(descriptor, size);
        },
      };
      await using(folder.path, async (fs) => {
        const file = make(fs, "file");
        await fs.write(file, 0, BYTES, "file");
        await fs.settle();
        const others = Promise.withResolvers<void>();
        const { short } = hostThreads;
        const line = Array.from(
          { length: 18 },
          () => short.run(() => others.promise),
        );
        const done = Promise.resolve(work(fs, file));
        await fs.setattr(file, { size: 50_000 });
        await fs.settle();
        others.resolve();
        await Promise.all(line);
        await new Promise((resolve) => setTimeout(resolve));
        const held = [short.count, reads.asked.length];
        cut.resolve();
        while (reads.asked.length === 0) await Deno.stat(folder.path);
        reads.open();
        await done;
        assertEquals([held, file.size], [[0, 0], 50_000]);
      }, { disk });
    },
  });
}

Deno.test({
  name: "sqlite: a file that is removed while a thread reads it is STALE",
  ignore,
  fn: () =>
    withCold(0, async (fs, { file, path }) => {
      using reads = holdBack("read");
      const read = Promise.resolve(fs.read(file, 0, new Uint8Array(SIZE)));
      fs.remove(fs.root(), "file");
      await fs.settle();
      reads.open();
      const error = await assertRejects(() => read, FsError);
      assertEquals(error.code, "stale");
      const folder = path.slice(0, path.lastIndexOf("/"));
      while ([...Deno.readDirSync(folder)].length > 0) await Deno.stat(folder);
    }),
});

Deno.test({
  name: "sqlite: a cold content that was cut behind the store's back is IO",
  ignore,
  fn: () =>
    withCold(0, async (fs, { file, path }) => {
      Deno.truncateSync(path, 4096);
      const error = await assertRejects(
        async () => await fs.read(file, 0, new Uint8Array(SIZE)),
        FsError,
        "shorter",
      );
      assertEquals(error.code, "io");
    }),
});

Deno.test({
  name: "sqlite: a read that a thread fails with is IO, and no fault of ours",
  ignore,
  fn: () =>
    withCold(0, async (fs, { file }) => {
      using reads = holdBack("read");
      const read = Promise.resolve(fs.read(file, 0, new Uint8Array(SIZE)));
      reads.asked[0]!.fail("EIO");
      const error = await assertRejects(() => read, FsError);
      assertEquals(error.code, "io");
    }),
});

Deno.test({
  name: "sqlite: a store that is closed waits for what threads read",
  ignore,
  async fn() {
    using folder = temporary();
    using reads = holdBack("read");
    const seen: string[] = [];
    const read = Promise.withResolvers<void>();
    await using(folder.path, async (fs) => {
      const file = make(fs, "file");
      await fs.write(file, 0, BYTES, "file");
      await fs.settle();
      const reading = Promise.resolve(fs.read(file, 0, new Uint8Array(9)));
      reading.then(() => void seen.push("read")).then(
        read.resolve,
        read.reject,
      );
      setTimeout(() => reads.open(), 50);
    }, { disk: coldDisk(0) });
    seen.push("closed");
    await read.promise;
    assertEquals(seen, ["read", "closed"]);
  },
});

Deno.test({
  name:
    "sqlite: the rest of a block that is written in part is read by a thread",
  ignore,
  fn: () =>
    withCold(SIZE, async (fs, { file, path }) => {
      using reads = holdBack("read");
      const part = pattern(9, 3);
      const write = fs.write(file, 10, part, "unstable");
      assert(write instanceof Promise);
      // Others are answered meanwhile.
      assertEquals(fs.getattr(file).size, SIZE);
      assertEquals(Deno.readFileSync(path), BYTES);
      reads.open();
      assertEquals(await write, "unstable");
      const expected = BYTES.slice();
      expected.set(part, 10);
      assertEquals(Deno.readFileSync(path), expected);
      const blocks = fs.write(file, 4096, pattern(8192, 4), "unstable");
      assertEquals(blocks, "unstable");
    }, true),
});

for (
  const [what, change] of Object.entries({
    WRITE: (fs: CheckedFileSystem, file: object) =>
      fs.write(file, 10, pattern(9, 3), "unstable"),
    CUT: (fs: CheckedFileSystem, file: object) => fs.setattr(file, { size: 1 }),
  })
) {
  Deno.test({
    name:
      `sqlite: a ${what} that is given up while it waits for the disk is not made later`,
    ignore,
    fn: () =>
      withCold(SIZE, async (inner, { file }) => {
        const clock = new FakeClock();
        const fs = new CheckedFileSystem(inner, {
          name: "/",
          log: silentLogger,
          clock,
          maxUnderWay: 256,
          timeout: 5,
          maxOverdue: 4,
        });
        using reads = holdBack("read");
        using cuts = holdBack("ftruncate");
        // Which the next one waits for.
        if (what === "CUT") await inner.setattr(file, { size: SIZE - 1 });
        const size = file.size;
        await inner.settle();
        const givenUp = assertRejects(
          async () => await change(fs, file),
          FsError,
          "takes too long",
        );
        clock.advance(6);
        fs.sweep();
        await givenUp;
        reads.open();
        cuts.open();
        while (fs.overdue > 0) await Deno.stat(".");
        assertEquals(inner.getattr(file).size, size);
        const now = new Uint8Array(size);
        await inner.read(file, 0, now);
        assertEquals(now, BYTES.subarray(0, size));
      }, true),
  });
}

Deno.test({
  name: "sqlite: a cut within a block that the host has to read is a thread's",
  ignore,
  fn: () =>
    withCold(SIZE, async (fs, { file, path, cuts }) => {
      await fs.setattr(file, { size: 50_000 });
      await fs.settle();
      await fs.read(file, 0, new Uint8Array(1));
      assertEquals([cuts, Deno.statSync(path).size], [[true], 50_000]);
    }, true),
});
