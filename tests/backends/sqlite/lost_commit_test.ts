import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteOptions,
} from "../../../src/backends/sqlite/mod.ts";
import { type FileSystem, FsError } from "../../../src/vfs/mod.ts";
import { Model } from "./crash_model.ts";
import { act, nextBatch } from "./crash_steps.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  sequence,
  temporary,
  using,
  whole,
} from "./fixture.ts";
import { GatedDisk } from "./gated_disk.ts";
import { codes, RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;
const BOTH = { read: true, write: true } as const;

/** What `settle` was refused with, if it was. */
async function refusal(fs: FileSystem): Promise<string | undefined> {
  try {
    await fs.settle!();
    return undefined;
  } catch (error) {
    assert(error instanceof FsError, String(error));
    return error.code;
  }
}

/** A store on a disk that refuses when it is told to, and its end. */
async function withStore(
  options: SqliteOptions,
  test: (
    fs: ReturnType<typeof sqlite>,
    parts: { readonly disk: RefusingDisk; readonly path: string },
  ) => Promise<void>,
): Promise<void> {
  using folder = temporary();
  const disk = new RefusingDisk();
  const fs = sqlite(folder.path, { ...options, disk });
  await test(fs, { disk, path: folder.path });
  await fs.dispose();
  assertEquals((await checkStore(folder.path)).problems, []);
}

for (const durability of ["full", "os"] as const) {
  for (
    const [code, status] of [
      ["full", "no-space"],
      ["io", "io"],
      ["readOnly", "read-only"],
    ] as const
  ) {
    Deno.test({
      name:
        `a commit that is refused (${code}) is undone and told, and the store goes on (${durability})`,
      ignore,
      fn: () =>
        withStore({ durability }, async (fs, { disk, path }) => {
          const kept = make(fs, "kept");
          fs.write(kept, 0, pattern(5000, 1), "file");
          await fs.settle();
          const state = () => ({ ...fs.getattr(kept), atime: 0 });
          const before = state();
          disk.code = code;
          disk.refusals = 2;
          for (let round = 0; round < 2; round++) {
            const lost = make(fs, "lost");
            fs.write(lost, 0, pattern(40_000, 2), "file");
            fs.write(kept, 0, pattern(9000, 3), "file");
            fs.setattr(kept, { mode: 0o600 });
            fs.rename({ directory: fs.root(), name: "kept" }, {
              directory: fs.root(),
              name: "moved",
            });
            assertEquals(await refusal(fs), status);
            assertEquals(state(), before);
            assertEquals(fs.lookup(fs.root(), "moved"), undefined);
            assertEquals(fs.lookup(fs.root(), "lost"), undefined);
            assertEquals(await whole(fs, kept), pattern(5000, 1));
            const stale = assertThrows(() => fs.getattr(lost), FsError);
            assertEquals(stale.code, "stale");
          }
          assertEquals([fs.losses, fs.failure()], [2, undefined]);
          make(fs, "later");
          await fs.settle();
          await fs.dispose();
          await using(path, async (fs) => {
            assertEquals(await whole(fs, find(fs, "kept")), pattern(5000, 1));
            find(fs, "later");
          });
        }),
    });
  }
}

Deno.test({
  name: "what a refused commit had removed, cut or emptied is there as before",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const names = ["removed", "open", "cut", "emptied", "short"];
      for (const [i, name] of names.entries()) {
        fs.write(make(fs, name), 0, pattern(50_000, i), "file");
      }
      const small = make(fs, "small");
      fs.write(small, 0, pattern(100, 9), "file");
      await fs.settle();
      const { freeFiles, totalFiles } = fs.status();
      const open = find(fs, "open");
      fs.open(open, { read: true, write: true });
      const removed = find(fs, "removed");
      disk.refusals = 1;
      for (const name of ["removed", "open", "small"]) {
        fs.remove(fs.root(), name);
      }
      fs.setattr(find(fs, "cut"), { size: 20_000 });
      fs.setattr(find(fs, "emptied"), { size: 0 });
      fs.write(find(fs, "emptied"), 10, pattern(10, 1), "file");
      fs.setattr(find(fs, "short"), { size: 60_000 });
      assertEquals(await refusal(fs), "no-space");
      for (const [i, name] of names.entries()) {
        assertEquals(await whole(fs, find(fs, name)), pattern(50_000, i), name);
      }
      assertEquals(await whole(fs, find(fs, "small")), pattern(100, 9));
      assertEquals(find(fs, "removed"), fs.getattr(removed));
      assertEquals(
        fs.status().totalFiles - fs.status().freeFiles,
        totalFiles - freeFiles,
      );
      fs.close(open, { read: true, write: true });
      await fs.settle();
      // What was written beyond the end, and undone, is not in a hole.
      disk.refusals = 1;
      fs.write(find(fs, "cut"), 50_000, pattern(10_000, 5), "file");
      assertEquals(await refusal(fs), "no-space");
      await fs.setattr(find(fs, "cut"), { size: 60_000 });
      await fs.settle();
      const expected = new Uint8Array(60_000);
      expected.set(pattern(50_000, 2));
      assertEquals(await whole(fs, find(fs, "cut")), expected);
    }),
});

/** Makes files that are removed for good but for an owner that has them open. */
async function removedFiles(
  fs: SqliteFileSystem,
  count: number,
): Promise<{ identify(): Uint8Array; close(): void; open(): void }[]> {
  const files = Array.from({ length: count }, (_, i) => {
    const node = make(fs, `removed${i}`);
    fs.write(node, 0, pattern(i % 2 === 0 ? 50_000 : 100, i), "file");
    fs.open(node, BOTH);
    fs.remove(fs.root(), `removed${i}`);
    return {
      identify: () => fs.identify(node),
      close: () => fs.close(node, BOTH),
      open: () => fs.open(fs.resolve(fs.identify(node)), BOTH),
    };
  });
  await fs.settle();
  return files;
}

/** How many of some files can be had by their identities. */
function countThere(
  fs: SqliteFileSystem,
  files: readonly { identify(): Uint8Array }[],
): number {
  return files.filter(({ identify }) => {
    try {
      return fs.resolve(identify());
    } catch {
      return false;
    }
  }).length;
}

for (const keptNodes of [1, 1000]) {
  Deno.test({
    name:
      `a removed file whose last close is refused goes with the next commit (${keptNodes} nodes kept)`,
    ignore,
    fn: () =>
      withStore({ keptNodes }, async (fs, { disk }) => {
        const { freeFiles, totalFiles, usedBytes } = fs.status();
        const before = { files: totalFiles - freeFiles, usedBytes };
        const files = await removedFiles(fs, 3);
        for (const { close } of files) close();
        disk.refusals = 1;
        assertEquals(await refusal(fs), "no-space");
        assertEquals(countThere(fs, files), 3);
        const [first, ...others] = files;
        first!.open();
        make(fs, "next");
        await fs.settle();
        fs.remove(fs.root(), "next");
        await fs.settle();
        assertEquals(countThere(fs, others), 0);
        assertEquals(countThere(fs, files), 1);
        first!.close();
        await fs.settle();
        assertEquals(countThere(fs, files), 0);
        const after = fs.status();
        assertEquals({
          files: after.totalFiles - after.freeFiles,
          usedBytes: after.usedBytes,
        }, before);
      }),
  });
}

Deno.test({
  name: "removed files that wait to go keep no commit from being made",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const files = await removedFiles(fs, 40);
      for (const { close } of files) close();
      disk.refusals = 2;
      const codes: (string | undefined)[] = [];
      const there: number[] = [];
      for (let round = 0; round < 6; round++) {
        fs.setattr(fs.root(), { mode: 0o750 });
        codes.push(await refusal(fs));
        there.push(countThere(fs, files));
      }
      const full = "no-space";
      const kept = undefined;
      assertEquals(codes, [full, full, kept, kept, kept, kept]);
      // The one after a refusal goes without them, and each has a few.
      assertEquals(there, [40, 40, 40, 24, 8, 0]);
    }),
});

Deno.test({
  name: "unstable bytes that were answered are there after a refused commit",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(50_000, 1), "file");
      await fs.settle();
      fs.write(file, 50_000, pattern(50_000, 2), "unstable");
      await fs.settle();
      disk.refusals = 1;
      fs.setattr(file, { mode: 0o600 });
      fs.commit(file);
      assertEquals(await refusal(fs), "no-space");
      assertEquals([file.size, file.mode], [100_000, 0o644]);
      fs.commit(file);
      await fs.settle();
      assertEquals(
        (await whole(fs, file)).subarray(50_000),
        pattern(50_000, 2),
      );
    }),
});

Deno.test({
  name:
    "who waited for the commit before, or changed something since, is told as well, and no other after that",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      make(fs, "a");
      const first = fs.settle() as Promise<void>;
      disk.refusals = 1;
      make(fs, "b");
      const second = fs.settle() as Promise<void>;
      make(fs, "c");
      await first;
      await assertRejects(() => second, FsError, "full");
      // The one that made "c" and has not asked yet sees it so; others hear nothing.
      assertEquals(fs.losses, 1);
      make(fs, "d");
      assertEquals(await refusal(fs), undefined);
      for (const name of ["b", "c"]) {
        assertEquals(fs.lookup(fs.root(), name), undefined);
      }
      for (const name of ["a", "d"]) find(fs, name);
    }),
});

Deno.test({
  name:
    "who is in the commit under way does not hear that the next one is refused",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    const fs = sqlite(folder.path, { disk });
    const file = make(fs, "file");
    fs.write(file, 0, pattern(20_000, 1), "file");
    await fs.settle();
    let commits = 0;
    disk.commit = (statement) => {
      if (++commits === 2) {
        throw Object.assign(new Error(), codes.full);
      }
      hostDisk.commit(statement);
      queueMicrotask(() => make(fs, "late"));
    };
    // The content comes to disk before the commit, and what is made meanwhile with it.
    fs.commit(file);
    const first = fs.settle() as Promise<void>;
    make(fs, "meanwhile");
    const second = fs.settle() as Promise<void>;
    disk.pass();
    await Promise.all([first, second]);
    assertEquals([commits, fs.losses], [1, 0]);
    assertEquals(await refusal(fs), "no-space");
    find(fs, "meanwhile");
    assertEquals(fs.lookup(fs.root(), "late"), undefined);
    disk.open();
    await fs.dispose();
  },
});

Deno.test({
  name:
    "a commit that an operation needs, and that is refused, is told to those who lose by it",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(50_000, 1), "file");
      await fs.settle();
      make(fs, "b");
      fs.setattr(file, { size: 20_000 });
      disk.refusals = 1;
      // It may not grow before the cut is durable.
      const grow = async () => await fs.setattr(file, { size: 40_000 });
      assertEquals((await assertRejects(grow, FsError)).code, "no-space");
      assertEquals(fs.losses, 1);
      make(fs, "later");
      assertEquals(await refusal(fs), undefined);
      find(fs, "later");
      assertEquals(file.size, 50_000);
      assertEquals(fs.lookup(fs.root(), "b"), undefined);
    }),
});

Deno.test({
  name:
    "all who wait for the log to be emptied hear that the commit is refused",
  ignore,
  fn: () =>
    withStore({ durability: "os", longLog: 1 }, async (fs, { disk }) => {
      const files = [make(fs, "a"), make(fs, "b"), make(fs, "c")];
      // Durable at once; the log is emptied from now on.
      fs.settle();
      disk.refusals = 1;
      const refused = files.map((file) => {
        fs.setattr(file, { mode: 0o600 });
        return refusal(fs);
      });
      const told = ["no-space", "no-space", "no-space"];
      assertEquals(await Promise.all(refused), told);
      for (const file of files) assertEquals(fs.getattr(file).mode, 0o644);
    }),
});

Deno.test({
  name:
    "what is changed before a refused commit is told is no end of the store",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const file = make(fs, "file");
      await fs.settle();
      disk.refusals = 1;
      fs.setattr(file, { mode: 0o600 });
      const refused = assertRejects(async () => await fs.settle(), FsError);
      fs.setattr(file, { mode: 0o640 });
      await refused;
      assertEquals(fs.failure(), undefined);
      assertEquals(await refusal(fs), undefined);
      assertEquals(fs.getattr(file).mode, 0o640);
    }),
});

Deno.test({
  name:
    "a record that is set anew when a commit was refused is no end of the store",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      make(fs, "file");
      await fs.settle();
      fs.records.watch(() => fs.records.put("c", "again", pattern(3, 2)));
      fs.records.put("c", "key", pattern(3, 1));
      disk.refusals = 1;
      assertEquals(await refusal(fs), "no-space");
      assertEquals(fs.failure(), undefined);
      assertEquals(await refusal(fs), undefined);
      assertEquals(fs.records.get("c", "again"), pattern(3, 2));
    }),
});

Deno.test({
  name: "records go back with the files, and whoever keeps them hears of it",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      fs.records.put("c", "k", Uint8Array.of(1));
      await fs.settle();
      const undone: string[] = [];
      fs.records.watch((collection, key) =>
        undone.push(`${collection}/${key}`)
      );
      disk.refusals = 1;
      fs.records.put("c", "k", Uint8Array.of(2));
      fs.records.put("c", "l", Uint8Array.of(2));
      assertEquals(await refusal(fs), "no-space");
      assertEquals(undone, ["c/k", "c/l"]);
      assertEquals(fs.records.all("c"), new Map([["k", Uint8Array.of(1)]]));
    }),
});

Deno.test({
  name: "numbers are never given out twice, though the ceiling was undone",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk, path }) => {
      disk.refusals = 1;
      const last = make(fs, "a").fileid;
      assertEquals(await refusal(fs), "no-space");
      const next = make(fs, "a").fileid;
      assert(next > last);
      await fs.settle();
      await fs.dispose();
      await using(path, (fs) => assert(make(fs, "b").fileid > next));
    }),
});

Deno.test({
  name: "a store whose last commit is refused closes without a word",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const file = make(fs, "a");
      fs.write(file, 0, pattern(50_000, 1), "file");
      await fs.settle();
      fs.write(file, 50_000, pattern(5000, 2), "unstable");
      disk.refusals = 9;
      await fs.dispose();
    }),
});

Deno.test({
  name:
    "whatever is refused: what is seen is what was answered, here and after a crash",
  ignore,
  async fn() {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const random = sequence(seed);
    using folder = temporary();
    const disk = new RefusingDisk();
    const store = `${folder.path}/store`;
    const few = { keptNodes: 8, longLog: 100_000, commitBytes: 2 ** 15 };
    const fs = sqlite(store, { disk, ...few });
    let model = await Model.of(fs);
    for (let point = 0; point < 40; point++) {
      const where = JSON.stringify({ seed, point });
      disk.refusals = random(3) === 0 ? 1 : 0;
      const steps = nextBatch(model.copy(), random);
      const next = model.copy();
      for (const step of steps) {
        try {
          next.apply(step, await act(fs, step));
        } catch (error) {
          if (!(error instanceof FsError)) throw error;
          assertEquals(error.code, "no-space", where);
          break;
        }
      }
      const code = await refusal(fs);
      disk.refusals = 0;
      if (code === undefined) model = next;
      else {
        // Bytes and holes that were refused may be there, and unstable bytes as the size.
        for (const step of steps) {
          if (step.op !== "write" && step.op !== "punch") continue;
          const node = model.nodes.get(step.path);
          const end = step.offset + step.length;
          node?.doubts.push([step.offset, end]);
          if (step.op === "write") node?.sizes.push([end, end]);
        }
      }
      const seen = await Model.of(fs);
      assertEquals(model.differs(seen), undefined, where);
      // A process that is killed leaves the files as they are.
      const copy = `${folder.path}/${point}`;
      copyFolder(store, copy);
      assertEquals((await checkStore(copy)).problems, [], where);
      const after = await using(copy, (fs) => Model.of(fs));
      assertEquals(model.differs(after), undefined, `killed: ${where}`);
      Deno.removeSync(copy, { recursive: true });
      model = keepDoubts(model, seen);
    }
    await fs.dispose();
    const last = await using(store, (fs) => Model.of(fs));
    assertEquals(model.differs(last), undefined, String(seed));
  },
});

/** What is seen is what the next steps go by; what may be lost still may. */
function keepDoubts(model: Model, seen: Model): Model {
  for (const [path, node] of seen.nodes) {
    const { doubts, sizes } = model.nodes.get(path)!;
    node.doubts = doubts;
    node.sizes = sizes;
  }
  return seen;
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (isDirectory) copyFolder(source, target);
    else Deno.copyFileSync(source, target);
  }
}
