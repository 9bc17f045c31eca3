import { assertRejects, assertThrows } from "@std/assert";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, make, temporary } from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const READ = { read: true, write: false };

Deno.test({
  name: "the open of a file that was undone with it ends without an error",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const disk = new RefusingDisk();
    const fs = sqlite(folder.path, { disk });
    await fs.settle();
    const file = make(fs, "file");
    fs.open(file, READ);
    disk.refusals = 1;
    await assertRejects(async () => await fs.settle(), FsError);
    assertThrows(() => fs.getattr(file), FsError, "stale");
    fs.close(file, READ);
    await fs.dispose();
  },
});
