import { assertEquals, assertRejects } from "@std/assert";
import { importTree } from "../../../src/backends/sqlite/archive.ts";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { serve } from "../../../src/server.ts";
import { LAST_SERVER } from "../../../src/vfs/last_server.ts";
import { op, openSession } from "../../support/client/mod.ts";
import { archive, block, streamOf } from "./archives.ts";
import { problemsOf } from "./damage.ts";
import { canWrite, find, pattern, temporary, using, whole } from "./fixture.ts";

const WHOLE = archive({ path: "a" }, { path: "b", size: 5 }, block(5));

/** An import that ends in the middle of `b`. */
async function cutOff(fs: SqliteFileSystem): Promise<void> {
  const part = streamOf(WHOLE.subarray(0, 3000));
  await assertRejects(() => importTree(fs, part), Error, "ends in");
}

/** Has a client look at a store that is served. */
async function served(fs: SqliteFileSystem): Promise<void> {
  await using server = await serve([{ path: "/", fs, trust: "any" }], {
    port: 0,
  });
  await using session = await openSession(server);
  await session.compound([op.putrootfh()]);
}

/** Which server had a store last, or that an import had it. */
function lastOf(fs: SqliteFileSystem): string | undefined {
  const name = fs.records.get(...LAST_SERVER);
  return name && new TextDecoder().decode(name);
}

Deno.test({
  name:
    "an import that was not finished is told by check, and may be done again",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      await cutOff(fs);
      find(fs, "a");
    });
    assertEquals(await problemsOf(folder.path), [
      "an import was not finished: import the archive again",
    ]);
    await using(folder.path, async (fs) => {
      await importTree(fs, streamOf(WHOLE));
      const again = () => importTree(fs, streamOf(WHOLE));
      await assertRejects(again, Error, "has files in it");
    });
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "a store of an import that was cut off, and that was served since, is not written over but with --merge",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    await using(folder.path, cutOff);
    await served(sqlite(folder.path));
    await using(folder.path, (fs) => {
      fs.write(find(fs, "a"), 0, pattern(9, 1), "file");
    });
    assertEquals(await problemsOf(folder.path), [
      "an import was not finished: import the archive again, with --merge, as the store was served since",
    ]);
    await using(folder.path, async (fs) => {
      const again = () => importTree(fs, streamOf(WHOLE));
      await assertRejects(again, Error, "was served since an import");
      assertEquals(await whole(fs, find(fs, "a")), pattern(9, 1));
      await importTree(fs, streamOf(WHOLE), { merge: true });
      assertEquals([find(fs, "a").size, lastOf(fs)], [0, "import"]);
    });
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "an import into a store that was served empty may be cut off and done again, and its server finds it as it was",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    await served(sqlite(folder.path));
    await using(folder.path, async (fs) => {
      const server = lastOf(fs);
      for (let tries = 0; tries < 2; tries++) {
        await cutOff(fs);
        assertEquals(lastOf(fs), "import");
      }
      await importTree(fs, streamOf(WHOLE));
      assertEquals(lastOf(fs), server);
    });
  },
});

Deno.test("an import over what is in a store tells that no server was there last", async () => {
  const fs = sqlite(":memory:");
  await importTree(fs, streamOf(WHOLE));
  assertEquals(lastOf(fs), undefined);
  await importTree(fs, streamOf(WHOLE), { merge: true });
  assertEquals(lastOf(fs), "import");
  await fs.dispose();
});
