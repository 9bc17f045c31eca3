import { assertEquals, assertRejects } from "@std/assert";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { complete } from "../../../src/backends/sqlite/options.ts";
import { ROOT } from "../../../src/backends/sqlite/schema.ts";
import { openStore } from "../../../src/backends/sqlite/store.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import {
  attributes,
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
} from "./fixture.ts";
import { GatedDisk } from "./gated_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";

Deno.test({
  name:
    "a store is closed when the commit is made that was to follow the one under way",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    const fs = sqlite(folder.path, { disk });
    const [journaled, other] = [make(fs, "journaled"), make(fs, "other")];
    fs.write(journaled, 0, pattern(20_000, 1), "file");
    await fs.settle();
    fs.write(other, 0, pattern(40_000, 1), "unstable");
    await fs.commit(other);
    // Committed, and its content is on its way to the disk.
    const first = fs.settle();
    fs.commit(journaled);
    make(fs, "late");
    // Its content comes before the commit.
    const second = fs.settle();
    const closed = fs.dispose();
    assertEquals(disk.asked, 1);
    disk.pass();
    await first;
    while (disk.asked < 2) await Promise.resolve();
    disk.open();
    await Promise.all([second, closed]);
    await using(folder.path, (fs) => find(fs, "late"));
  },
});

Deno.test({
  name:
    "who looks at a store whose open changes were lost does not wait for the round that has lost them",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    const store = openStore(folder.path, complete({ disk }));
    const { committer, data, nodes, transaction, tree } = store;
    const at = { directory: nodes.get(ROOT)!, name: "file" };
    const { node } = tree.create(at, { type: "file" }, { attributes });
    data.write(node, 0, { data: pattern(20_000, 1), stability: "file" });
    await committer.settle();
    data.commit(node);
    const round = committer.settle() as Promise<void>;
    assertEquals(disk.asked, 1);
    // As where SQLite has undone all by itself for want of room.
    transaction.lose(new FsError("no-space"));
    assertEquals(committer.settle(), undefined);
    disk.open();
    await assertRejects(() => round, FsError, "no-space");
    await committer.close(() => {});
    await store.close();
  },
});
