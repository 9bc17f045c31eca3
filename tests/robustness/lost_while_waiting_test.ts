import { assertEquals, assertThrows } from "@std/assert";
import { sqlite, type SqliteNode } from "../../src/backends/sqlite/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { serve } from "../../src/server.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { RefusingDisk } from "../backends/sqlite/refusing_disk.ts";
import { FileType, op, openSession } from "../support/client/mod.ts";

Deno.test("a request that waits while a commit is lost is not told that it did anything", async () => {
  const disk = new RefusingDisk();
  const store = sqlite(":memory:", { mode: 0o777, disk });
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const { lookup } = store;
  const fs = Object.assign(store, {
    async lookup(folder: SqliteNode, name: string) {
      if (name === "slow") {
        reached.resolve();
        await released.promise;
      }
      return lookup.call(store, folder, name);
    },
  });
  await using server = await serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
  });
  await using session = await openSession({ port: server.port });
  const reply = session.compound([
    op.putrootfh(),
    op.create({
      type: FileType.DIR,
      name: "made",
      attributes: { mode: 0o755 },
    }),
    op.putrootfh(),
    op.lookup("slow"),
  ], { expect: [Status.IO] });
  await reached.promise;
  disk.refusals = 1;
  assertThrows(() => store.settle(), FsError);
  // Another's is kept, and says nothing of the first.
  store.create(store.root(), "later", { type: "file" }, {
    attributes: { mode: 0o644, uid: 0, gid: 0 },
  });
  store.settle();
  released.resolve();
  assertEquals((await reply).results.at(-1)?.name, "CREATE");
  assertEquals(lookup.call(store, store.root(), "made"), undefined);
});
