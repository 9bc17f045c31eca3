import { assertEquals } from "@std/assert";
import { NO_NEW_SYMLINKS } from "../../../src/backends/local/limitations.ts";
import { local } from "../../../src/backends/local/mod.ts";
import { attributes, codeOf, noFolder } from "./fixture.ts";

const path = noFolder ? "/" : Deno.realPathSync(Deno.makeTempDirSync());

Deno.test({
  name:
    "local: where Deno may write to the folder alone no symlinks are made, and that is told",
  ignore: noFolder,
  permissions: { read: [path], write: [path] },
  async fn() {
    const fs = local(path);
    assertEquals(fs.limitations.includes(NO_NEW_SYMLINKS), true);
    const kind = { type: "symlink", target: "x" } as const;
    const made = () => fs.create(fs.root(), "link", kind, { attributes });
    assertEquals(await codeOf(made), "not-supported");
    await fs.dispose();
    Deno.removeSync(path);
  },
});
