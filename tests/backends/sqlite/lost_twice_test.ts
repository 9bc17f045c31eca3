import { assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";
import { losses, LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";
const BOTH = { read: true, write: true } as const;
const SIZE = 100_000;
const bytes = pattern(SIZE, 1);

/** What is done to a durable file "a" and may be lost with the power, and what it is then. */
interface Case {
  /** In a life that is killed behind the commit, before the log is on disk. */
  readonly before: (fs: SqliteFileSystem) => void;
  /** In the next one, which does not get as far as a settle. */
  readonly after?: (fs: SqliteFileSystem) => Promise<void>;
  /** Whether these bytes, or their lack, are what one of the two has left. */
  readonly isRight: (found: Uint8Array | undefined) => boolean;
}

const cases: Readonly<Record<string, Case>> = {
  "removes the content of a file": {
    before: (fs) => fs.remove(fs.root(), "a"),
    isRight: (found) => found === undefined || isSame(found, bytes),
  },
  "removes what is replaced": {
    before(fs) {
      fs.write(make(fs, "b"), 0, pattern(100, 2), "file");
      const directory = fs.root();
      fs.rename({ directory, name: "b" }, { directory, name: "a" });
    },
    isRight: (found) => isSame(found, bytes) || isSame(found, pattern(100, 2)),
  },
  "removes what was only open": {
    before(fs) {
      fs.open(find(fs, "a"), BOTH);
      fs.remove(fs.root(), "a");
    },
    isRight: (found) => found === undefined || isSame(found, bytes),
  },
  "takes away what was cut off": {
    before: (fs) => void fs.setattr(find(fs, "a"), { size: 40_000 }),
    after: async (fs) => await fs.deallocate(find(fs, "a"), 20_000, 4096),
    isRight: (found) =>
      [SIZE, 40_000].some((size) => isSame(found, bytes.subarray(0, size))),
  },
};

function isSame(found: Uint8Array | undefined, right: Uint8Array): boolean {
  // A hole that was made and not settled may be there.
  return found?.length === right.length &&
    found.every((byte, at) =>
      byte === right[at] || byte === 0 && at >= 20_000 && at < 24_096
    );
}

for (const [what, { before, after, isRight }] of Object.entries(cases)) {
  Deno.test({
    name:
      `a start that ${what} after a crash relies on nothing that a power failure takes`,
    ignore,
    async fn() {
      using folder = temporary();
      const [first, second] = [`${folder.path}/first`, `${folder.path}/second`];
      const disk = new LossyDisk();
      const fs = sqlite(first, { disk });
      fs.write(make(fs, "a"), 0, bytes, "file");
      await fs.settle();
      before(fs);
      const settled = fs.settle();
      disk.kill(first, second);
      await settled;
      await fs.dispose();
      const next = sqlite(second, { disk });
      await after?.(next);
      for (const [index, lost] of losses.entries()) {
        const copy = `${folder.path}/${index}`;
        disk.copy(second, copy, lost);
        assertEquals((await checkStore(copy)).problems, []);
        const found = await using(copy, async (fs) => {
          const file = fs.lookup(fs.root(), "a");
          return file === undefined ? undefined : await whole(fs, file);
        });
        assertEquals(isRight(found), true, JSON.stringify(lost));
      }
      await next.dispose();
    },
  });
}

const grows: Readonly<
  Record<string, (fs: SqliteFileSystem) => Promise<unknown>>
> = {
  "SETATTR": async (fs) => await fs.setattr(find(fs, "a"), { size: SIZE }),
  "WRITE": async (fs) =>
    await fs.write(find(fs, "a"), SIZE - 10, pattern(10, 2), "file"),
};

for (const [how, grow] of Object.entries(grows)) {
  Deno.test({
    name:
      `what a life that was killed has cut off does not come back where ${how} makes the file longer, nor after a power failure`,
    ignore,
    async fn() {
      using folder = temporary();
      const [first, second] = [`${folder.path}/first`, `${folder.path}/second`];
      const disk = new LossyDisk();
      await using(first, async (fs) => {
        await fs.write(make(fs, "a"), 0, pattern(SIZE, 1).fill(7), "file");
        await fs.settle();
        await fs.setattr(find(fs, "a"), { size: 40_000 });
        await fs.settle();
        // The cut itself comes behind its commit.
        await fs.read(find(fs, "a"), 0, new Uint8Array(1));
        disk.kill(first, second);
      }, { disk });
      const next = sqlite(second, { disk });
      await grow(next);
      await next.settle();
      for (const [index, lost] of losses.entries()) {
        const copy = `${folder.path}/${index}`;
        disk.copy(second, copy, lost);
        await using(copy, async (fs) => {
          const bytes = await whole(fs, find(fs, "a"));
          assertEquals(bytes.length, SIZE);
          const hole = bytes.subarray(40_000, SIZE - 10);
          assertEquals(hole.every((byte) => byte === 0), true);
        });
      }
      await next.dispose();
    },
  });
}

for (const durability of ["none", "os"] as const) {
  Deno.test({
    name:
      `a store that was served with durability ${durability}, and closed, loses nothing by a power failure that is answered with full`,
    ignore,
    async fn() {
      using folder = temporary();
      const store = `${folder.path}/store`;
      const disk = new LossyDisk();
      await using(store, () => {}, { disk });
      disk.closed(store);
      await using(store, (fs) => {
        for (let i = 0; i < 200; i++) make(fs, `before ${i}`);
      }, { disk, durability });
      const next = sqlite(store, { disk });
      make(next, "answered");
      await next.settle();
      for (const [index, lost] of losses.entries()) {
        const copy = `${folder.path}/${index}`;
        disk.copy(store, copy, lost);
        await using(copy, (fs) => void find(fs, "answered"));
        assertEquals((await checkStore(copy)).problems, []);
      }
      await next.dispose();
    },
  });
}
