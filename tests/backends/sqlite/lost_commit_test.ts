import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, find, make, pattern, using, whole } from "./fixture.ts";
import { refusal, withStore } from "./refused_commits.ts";

const ignore = !canWrite;

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
