import { assert, assertEquals, assertGreater } from "@std/assert";
import { nextTurn } from "../../../src/base/turn.ts";
import type { SqliteFileSystem } from "../../../src/backends/sqlite/mod.ts";
import { type CreateKind, FsError } from "../../../src/vfs/mod.ts";
import {
  attributes,
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
} from "./fixture.ts";

const MIB = 2 ** 20;

/** Makes nodes until the quota says no; returns how many. */
function fill(
  fs: SqliteFileSystem,
  { kind, name, bytes = 0 }: {
    readonly kind: CreateKind;
    readonly name: (i: number) => string;
    readonly bytes?: number;
  },
): number {
  for (let count = 0;; count++) {
    try {
      const { node } = fs.create(fs.root(), name(count), kind, { attributes });
      if (bytes > 0) fs.write(node, 0, pattern(bytes, count), "file");
    } catch (error) {
      assert(error instanceof FsError && error.code === "quota");
      return count;
    }
  }
}

const target = "t".repeat(4000);
const kinds: Record<string, Parameters<typeof fill>[1]> = {
  "targets of symlinks": {
    kind: { type: "symlink", target },
    name: (i) => `link${i}`,
  },
  "long names": {
    kind: { type: "fifo" },
    name: (i) => `${i}`.padEnd(255, "n"),
  },
  "nodes": { kind: { type: "directory" }, name: (i) => `${i}` },
  "small files": { kind: { type: "file" }, name: (i) => `${i}`, bytes: 100 },
  "files of a page and a bit": {
    kind: { type: "file" },
    name: (i) => `${i}`,
    bytes: 4500,
  },
};

for (const [what, how] of Object.entries(kinds)) {
  Deno.test({
    name: `a quota counts ${what} as what they take`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      await using(folder.path, (fs) => {
        assertGreater(fill(fs, how), 100);
      }, { quotaBytes: MIB });
      const { size } = Deno.statSync(`${folder.path}/store.db`);
      assert(size > 0.75 * MIB && size < 1.75 * MIB, `${size / MIB} MiB`);
    },
  });
}

const GROWTHS: Record<
  string,
  (fs: SqliteFileSystem, i: number) => unknown
> = {
  "a size that the database does not hold": (fs, i) =>
    fs.setattr(find(fs, `old${i}`), { size: 20_000 }),
  "a size that the database holds": (fs, i) =>
    fs.setattr(find(fs, `old${i}`), { size: 10_000 }),
  "a write beyond the end": (fs, i) =>
    fs.write(find(fs, `old${i}`), 15_999, pattern(1, i), "file"),
  "a write far beyond the end": (fs, i) =>
    fs.write(find(fs, `old${i}`), 100_000, pattern(1, i), "file"),
  "a write over the end of two pages": (fs, i) =>
    fs.write(find(fs, "holes"), 2 ** 20 * i + 4095, pattern(2, i), "unstable"),
  "a size that a new file has from the start": (fs, i) =>
    fs.create(fs.root(), `new${i}`, { type: "file" }, {
      attributes: { ...attributes, size: 16_000 },
    }),
};

for (const [what, grow] of Object.entries(GROWTHS)) {
  Deno.test({
    name: `a quota holds for ${what}`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      const quotaBytes = 60_000;
      await using(folder.path, (fs) => {
        fs.setattr(make(fs, "holes"), { size: 2 ** 40 });
        for (let i = 0; i < 30; i++) {
          fs.write(make(fs, `old${i}`), 0, pattern(1, i), "file");
        }
        const used = () => fs.status().usedBytes!;
        const before = used();
        let refusals = 0;
        for (let i = 0; i < 30; i++) {
          const now = used();
          try {
            grow(fs, i);
          } catch (error) {
            assert(error instanceof FsError && error.code === "quota");
            assertEquals(used(), now);
            refusals++;
          }
          assert(used() <= quotaBytes, `${used()} of ${quotaBytes}`);
        }
        assert(used() > before && refusals > 0);
      }, { quotaBytes });
    },
  });
}

for (const quotaBytes of [MIB, undefined]) {
  const which = quotaBytes === undefined ? "without" : "with";
  Deno.test({
    name:
      `what is counted ${which} a quota is given back, and the same after a restart`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      const options = quotaBytes === undefined ? {} : { quotaBytes };
      const used = (fs: SqliteFileSystem) => fs.status().usedBytes!;
      const [before, full] = await using(folder.path, (fs) => {
        const before = used(fs);
        fs.write(make(fs, "a"), 0, pattern(5000, 1), "file");
        fs.write(make(fs, "b"), 0, pattern(50_000, 1), "file");
        fs.create(fs.root(), "c", { type: "symlink", target: "ü" }, {
          attributes,
        });
        fs.link(find(fs, "a"), fs.root(), "another name");
        const directory = fs.root();
        fs.rename({ directory, name: "b" }, { directory, name: "dd" });
        return [before, used(fs)];
      }, options);
      assertGreater(full, before);
      await using(folder.path, (fs) => {
        assertEquals(used(fs), full);
        for (const name of ["a", "dd", "c", "another name"]) {
          fs.remove(fs.root(), name);
        }
        assertEquals(used(fs), before);
      }, options);
    },
  });
}

Deno.test({
  name:
    "what is cut off behind a hole counts once, also of a file that left memory",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const options = { keptNodes: 1, quotaBytes: 10 * MIB };
    const free = await using(folder.path, async (fs) => {
      const others = ["a", "b", "c", "d"];
      for (const name of others) make(fs, name);
      await fs.settle();
      const { freeBytes } = fs.status();
      const file = make(fs, "holes");
      const taken = freeBytes - fs.status().freeBytes;
      fs.write(file, MIB, pattern(MIB, 1), "file");
      await fs.settle();
      await fs.setattr(file, { size: MIB });
      await fs.settle();
      // Nothing is left but the hole, once another thread has cut the rest.
      while (fs.getattr(file).used > 0) await nextTurn();
      for (const name of [...others, ...others]) fs.lookup(fs.root(), name);
      assertEquals(find(fs, "holes").used, 0);
      assertEquals(fs.status().freeBytes, freeBytes - taken);
      return freeBytes - taken;
    }, options);
    await using(folder.path, (fs) => {
      assertEquals(find(fs, "holes").used, 0);
      assertEquals(fs.status().freeBytes, free);
    }, options);
  },
});
