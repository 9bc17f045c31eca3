import { assert } from "@std/assert";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { canWrite, make, temporary, using } from "./fixture.ts";
import { losses, LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";

/** A process that was killed: what it gave to the host is there. */
const nothing = { log: false, contents: false, database: false };

for (const durability of ["full", "os", "none"] as const) {
  Deno.test({
    name:
      `a number that a client knew before a crash is not given again, with durability ${durability}`,
    ignore,
    async fn() {
      using folder = temporary();
      const store = `${folder.path}/store`;
      // What is in a new store is durable with its root.
      await using(store, () => {});
      const disk = new LossyDisk();
      const fs = sqlite(store, { durability, disk });
      const known: number[] = [];
      const copies: string[] = [];
      // More than are set aside at once, and the store crashes with few left, and many.
      for (let at = 0; at <= 70_000; at++) {
        fs.setattr(fs.root(), { mode: 0o700 + at % 8 });
        if (at % 1000 === 0) await fs.settle();
        if (at % 10_000 !== 0) continue;
        const { fileid } = make(fs, `alice ${at}`);
        known.push(Math.max(fileid, fs.root().change));
        await fs.settle();
        const copy = `${folder.path}/${at}`;
        // "none" promises nothing of a power failure, not even that the database is whole.
        disk.copy(store, copy, durability === "none" ? nothing : losses[3]!);
        copies.push(copy);
      }
      for (const [index, copy] of copies.entries()) {
        await using(copy, (fs) => {
          const { fileid } = make(fs, "bob");
          assert(Math.min(fileid, fs.root().change) > known[index]!);
        }, { durability });
      }
      await fs.dispose();
    },
  });
}
