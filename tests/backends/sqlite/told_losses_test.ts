import { assertEquals, assertRejects } from "@std/assert";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, find, make, pattern, temporary } from "./fixture.ts";
import { GatedDisk } from "./gated_disk.ts";
import { refusal, withStore } from "./refused_commits.ts";
import { codes } from "./refusing_disk.ts";

const ignore = !canWrite;

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
      assertEquals([fs.losses, fs.loss], [1, "no-space"]);
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
