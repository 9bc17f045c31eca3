import { assertEquals, assertThrows } from "@std/assert";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { RefusingDisk } from "../backends/sqlite/refusing_disk.ts";
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
