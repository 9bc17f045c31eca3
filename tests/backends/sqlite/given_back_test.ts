import { assertEquals } from "@std/assert";
import { contentsIn } from "../../../src/backends/sqlite/content_folders.ts";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { canWrite, make, pattern, temporary } from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;

/** Sizes of all contents, once none is longer than `most`: other threads cut and remove them. */
async function sizesWithin(directory: string, most: number): Promise<number[]> {
  for (let tries = 1;; tries++) {
    const sizes = [...contentsIn(`${directory}/content`)].flatMap(
      ({ path }) => {
        try {
          return [Deno.statSync(path).size];
        } catch {
          return [];
        }
      },
    );
    if (sizes.every((size) => size <= most) || tries === 400) return sizes;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const durability of ["full", "os", "none"] as const) {
  Deno.test({
    name:
      `what is removed or cut gives its room back without a further change, durability ${durability}`,
    ignore,
    async fn() {
      using folder = temporary();
      const fs = sqlite(folder.path, { disk: hostDisk, durability });
      const [removed, cut] = [make(fs, "removed"), make(fs, "cut")];
      for (const file of [removed, cut]) {
        await fs.write(file, 0, pattern(2 ** 20, 1), "unstable");
        await fs.commit(file);
      }
      await fs.settle();
      fs.remove(fs.root(), "removed");
      await fs.setattr(cut, { size: 100_000 });
      await fs.settle();
      assertEquals(await sizesWithin(folder.path, 100_000), [100_000]);
      await fs.dispose();
    },
  });
}

Deno.test({
  name:
    "what many changes are given on account is no full disk, durability none",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new RefusingDisk();
    disk.free = 40 * 2 ** 20;
    const fs = sqlite(folder.path, { disk, durability: "none" });
    for (let i = 0; i < 2000; i++) {
      make(fs, `file${i}`);
      await fs.settle();
    }
    await fs.dispose();
  },
});
