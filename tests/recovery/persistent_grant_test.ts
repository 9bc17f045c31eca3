import { assertEquals, assertThrows } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import type { ExportOptions } from "../../src/vfs/exports.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { holdBack } from "../backends/hold_back.ts";
import { make, temporary } from "../backends/sqlite/fixture.ts";
import { RefusingDisk } from "../backends/sqlite/refusing_disk.ts";
import { freePort } from "../interop/server.ts";
import {
  FileType,
  op,
  openSession,
  SessionFlag,
  walk,
} from "../support/client/mod.ts";
import { PersistentFixture } from "./persistent_fixture.ts";

const ignore =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";
const { PERSIST } = SessionFlag;

/** Whether a server of these exports grants PERSIST; `path` is a new folder. */
async function isGranted(
  exports: (path: string) => ExportOptions[],
  options: ServeOptions = {},
): Promise<boolean> {
  const path = Deno.makeTempDirSync();
  const port = freePort();
  const stateDirectory = `${path}/state`;
  try {
    await using _server = await serve(exports(path), {
      ...{ port, stateDirectory },
      ...options,
    });
    await using session = await openSession({ port, flags: PERSIST });
    return (session.flags & PERSIST) !== 0;
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

const store = (path: string): ExportOptions[] => [
  { path: "/", fs: sqlite(`${path}/store`) },
];

for (
  const [name, exports, options, expected] of [
    ["one store", store, {}, true],
    [
      "one store that leaves it to the system",
      (path) => [
        { path: "/", fs: sqlite(`${path}/store`, { durability: "os" }) },
      ],
      {},
      true,
    ],
    [
      "a store beside what can't be changed",
      (path) => [
        { path: "/a", fs: sqlite(`${path}/store`) },
        { path: "/b", fs: memory(), readOnly: true },
      ],
      {},
      true,
    ],
    ["no state folder", store, { stateDirectory: undefined }, false],
    ["an operator who does not want it", store, {
      persistentSessions: false,
    }, false],
    [
      "two stores",
      (path) => [
        { path: "/a", fs: sqlite(`${path}/a`) },
        { path: "/b", fs: sqlite(`${path}/b`) },
      ],
      {},
      false,
    ],
    [
      "a store beside what is lost",
      (path) => [
        { path: "/a", fs: sqlite(`${path}/store`) },
        { path: "/b", fs: memory() },
      ],
      {},
      false,
    ],
    [
      "a store that promises nothing",
      (path) => [
        { path: "/", fs: sqlite(`${path}/store`, { durability: "none" }) },
      ],
      {},
      false,
    ],
    [
      "a store in memory",
      () => [
        { path: "/", fs: sqlite(":memory:") },
      ],
      {},
      false,
    ],
    ["a memory file system", () => [{ path: "/", fs: memory() }], {}, false],
  ] as [string, typeof store, ServeOptions, boolean][]
) {
  Deno.test(`PERSIST is ${expected ? "" : "not "}granted with ${name}`, {
    ignore,
  }, async () => {
    assertEquals(await isGranted(exports, options), expected);
  });
}

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
