import { assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { cannotRun, ServerProcess } from "../../support/cli.ts";
import { temporary } from "./fixture.ts";

const program = new URL("./crowded_child.ts", import.meta.url).pathname;

Deno.test({
  name: "a store goes on in a process that has no descriptor left",
  ignore: cannotRun,
  async fn() {
    using folder = temporary();
    const store = `${folder.path}/store`;
    await using child = new ServerProcess([store], {
      descriptors: 96,
      program,
      env: { DENO_NO_UPDATE_CHECK: "1" },
    });
    await child.until(/^kept$/);
    const { code, stderr } = await child.ended();
    assertEquals(code, 0, stderr);
    assertEquals((await checkStore(store)).problems, []);
  },
});
