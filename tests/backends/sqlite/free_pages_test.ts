import { assert, assertLess } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { canWrite, make, pattern, temporary } from "./fixture.ts";

const MIB = 2 ** 20;

Deno.test({
  name: "store.db gives back what rounds of files took, and stays level",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const fs = sqlite(folder.path, { durability: "os", longLog: MIB });
    const size = (name: string) => Deno.statSync(`${folder.path}/${name}`).size;
    const after: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2000; i++) {
        fs.write(make(fs, `file${i}`), 0, pattern(8000, i), "file");
        if (i % 10 === 0) await fs.settle();
      }
      assert(size("store.db") > 12 * MIB);
      for (let i = 0; i < 2000; i++) {
        fs.remove(fs.root(), `file${i}`);
        if (i % 10 === 0) await fs.settle();
      }
      await fs.settle();
      after.push(size("store.db"));
    }
    // What stays is the level, and what the log has not brought yet.
    for (const bytes of after) assertLess(bytes, 9 * MIB);
    assertLess(size("store.db-wal"), 4 * MIB);
    await fs.dispose();
    const { problems } = await checkStore(folder.path);
    assert(problems.length === 0, problems.join());
  },
});
