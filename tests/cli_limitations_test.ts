import { assertEquals } from "@std/assert";
import { UNPINNED } from "../src/backends/local/host.ts";
import { memory } from "../src/backends/memory/mod.ts";
import type { Logger } from "../src/base/log.ts";
import { sqlite } from "../src/backends/sqlite/mod.ts";
import {
  beginImport,
  endImport,
} from "../src/backends/sqlite/tar/import_mark.ts";
import { logLimitations } from "../src/cli/limitations.ts";
import { logNoRoom } from "../src/cli/no_room.ts";
import { logUnfinishedImports } from "../src/cli/unfinished_imports.ts";

/** What is said of exports with these limitations. */
function said(...limitations: string[][]): unknown[][] {
  const lines: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => lines.push(line) };
  const exports = limitations.map((each, i) => ({
    path: `/${i}`,
    fs: Object.assign(memory(), { limitations: each }),
  }));
  logLimitations(exports, log as unknown as Logger);
  return lines;
}

Deno.test(
  "where FFI may be used, a folder's limitations are put down to no permission",
  {
    ignore: Deno.build.os !== "linux" ||
      Deno.permissions.querySync({ name: "ffi" }).state !== "granted",
  },
  () => {
    assertEquals(said([], ["no births", "no handles"]), [[
      "this folder is served with less",
      { export: "/1", limitations: "no births, no handles" },
    ]]);
  },
);

Deno.test(
  "a folder that users of the host can lead the server out of asks for -A",
  { permissions: { ffi: false }, ignore: Deno.build.os !== "linux" },
  () => {
    assertEquals(said([UNPINNED]), [[
      "this folder is served with less; -A gives more",
      { export: "/0", limitations: UNPINNED },
    ]]);
  },
);

Deno.test(
  "where FFI may not be used, a folder's limitations come with the permission that gives more",
  {
    permissions: { ffi: false },
  },
  () => {
    assertEquals(said([], ["times in milliseconds"]), [[
      "this folder is served with less; --allow-ffi on Linux gives more",
      { export: "/1", limitations: "times in milliseconds" },
    ]]);
  },
);

Deno.test("a store of an import that was not finished is served with a line of warning", async () => {
  const fs = sqlite(":memory:");
  const lines: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => lines.push(line) };
  const exports = [{ path: "/a", fs: memory() }, { path: "/b", fs }];
  const look = () => logUnfinishedImports(exports, log as unknown as Logger);
  look();
  beginImport({ records: fs.records, isEmpty: true }, {});
  look();
  assertEquals(lines, [[
    "an import into this store was not finished: some of its files are missing",
    { export: "/b" },
  ]]);
  endImport(fs.records);
  look();
  assertEquals(lines.length, 1);
  await fs.dispose();
});

Deno.test("a quota that leaves no room for a file is served with a line of warning", async () => {
  const small = sqlite(":memory:", { quotaBytes: 1 });
  const large = sqlite(":memory:", { quotaBytes: 1_000_000 });
  const lines: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => lines.push(line) };
  logNoRoom([
    { path: "/small", fs: small },
    { path: "/ro", fs: small, readOnly: true },
    { path: "/large", fs: large },
    { path: "/tree", fs: memory({}, { maxBytes: 1 }) },
    { path: "/memory", fs: memory() },
  ], log as unknown as Logger);
  const said = "no file can be made here: the disk or the quota has no room";
  assertEquals(lines, [
    [said, { export: "/small" }],
    [said, { export: "/tree" }],
  ]);
  await small.dispose();
  await large.dispose();
});
