import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import type { ExportOptions } from "../../src/vfs/exports.ts";
import { freePort } from "../interop/server.ts";
import { openSession, SessionFlag } from "../support/client/mod.ts";

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
