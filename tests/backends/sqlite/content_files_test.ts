import { assertEquals } from "@std/assert";
import { ContentFiles } from "../../../src/backends/sqlite/content_files.ts";
import { pathOf } from "../../../src/backends/sqlite/content_folders.ts";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { canWrite, temporary } from "./fixture.ts";

Deno.test({
  name:
    "content is made where there is none of its number, and else left as it is",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const contents = new ContentFiles(folder.path, hostDisk);
    assertEquals(contents.make(1), true);
    const path = pathOf(folder.path, 1);
    Deno.writeTextFileSync(path, "of another life");
    assertEquals(contents.make(1), false);
    assertEquals(Deno.readTextFileSync(path), "of another life");
    await contents.close();
  },
});
