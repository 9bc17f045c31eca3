import { assertEquals, assertThrows } from "@std/assert";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { serve } from "../../src/server.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { RefusingDisk } from "../backends/sqlite/refusing_disk.ts";
import { holdBack } from "../backends/hold_back.ts";
import { make, temporary } from "../backends/sqlite/fixture.ts";
import {
  FileType,
  op,
  openSession,
  SessionFlag,
  walk,
} from "../support/client/mod.ts";
import { freePort } from "../interop/server.ts";
import { PersistentFixture } from "./persistent_fixture.ts";

/** A server whose store refuses a commit when it is told to. */
function refusing() {
  const disk = new RefusingDisk();
  const store = sqlite(":memory:", { mode: 0o777, disk });
  const fixture = new PersistentFixture({ fs: store, records: store.records });
  return { disk, store, fixture };
}

Deno.test("a client and a session outlive the loss of the commit that had them", async () => {
  const { disk, store, fixture } = refusing();
  await fixture.client();
  disk.refusals = 2;
  for (let i = 0; i < 2; i++) assertThrows(() => store.settle(), FsError);
  store.settle();
  const rows = ["clients s", "sessions s"].map((name) =>
    store.records.all(name).size
  );
  assertEquals(rows, [1, 1]);
  fixture.restart();
  assertEquals([...fixture.state.clients].length, 1);
  await store.dispose();
});

Deno.test({
  name:
    "a READ that waits for the disk is answered though others' commits are refused, and changes nothing",
  ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
  async fn() {
    using folder = temporary();
    const disk = new RefusingDisk();
    disk.reader = () => ({
      readCached: () => undefined,
      isReadFirst: () => false,
    });
    const store = sqlite(folder.path, { disk, mode: 0o777 });
    store.write(make(store, "file"), 0, new Uint8Array(50_000), "file");
    await store.settle();
    const port = freePort();
    await using _server = await serve([{ path: "/", fs: store }], {
      port,
      stateDirectory: `${folder.path}/server`,
    });
    using reads = holdBack("read");
    const flags = SessionFlag.PERSIST;
    await using reader = await openSession({ port, flags });
    await using writer = await openSession({ port, flags });
    assertEquals(reader.flags & flags, flags);
    const answer = reader.compound([
      ...walk(["file"]),
      op.read({ count: 100 }),
    ]);
    while (reads.asked.length === 0) await Deno.stat(folder.path);
    disk.refusals = 1;
    const mkdir = [...walk([]), op.create({ type: FileType.DIR, name: "new" })];
    await writer.expectStatus(Status.NOSPC, mkdir);
    const { operations } = store.stats;
    reads.open();
    assertEquals((await answer).get("READ").data.length, 100);
    assertEquals(store.stats.operations, operations);
  },
});

Deno.test("a session whose end was lost with its commit ends all the same", async () => {
  const { disk, store, fixture } = refusing();
  await fixture.client();
  store.settle();
  disk.refusals = 1;
  const [client] = fixture.state.clients;
  fixture.state.dropClient(client!, "expired");
  assertThrows(() => store.settle(), FsError);
  store.settle();
  assertEquals(store.records.all("clients s").size, 0);
  assertEquals(store.records.all("sessions s").size, 0);
  await store.dispose();
});
