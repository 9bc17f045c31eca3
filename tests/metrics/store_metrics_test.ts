import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { serve } from "../../src/server.ts";
import {
  CreateMode,
  op,
  openSession,
  Stable,
  walk,
} from "../support/client/mod.ts";

Deno.test("a scrape tells what each store promises, and how many changes share a commit", async () => {
  const fs = sqlite(":memory:", { durability: "none" });
  await using server = await serve([
    { path: "/store", fs, squash: "none" },
    { path: "/other", fs: memory(), squash: "none" },
  ], { port: 0, metricsPort: 0 });
  const scrape = async () => {
    const url = `http://127.0.0.1:${server.metricsPort}/metrics`;
    const text = await (await fetch(url)).text();
    return new Map(
      text.split("\n").flatMap((line): [string, string][] => {
        const match = /^dittofs_nfs_(store_\S+) (\S+)$/.exec(line);
        return match === null ? [] : [[match[1]!, match[2]!]];
      }),
    );
  };
  const label = '{export="/store"}';
  // With its first call it notes in the store which server that is.
  await using session = await openSession({ port: server.port });
  const before = await scrape();
  assertEquals(
    before.get('store_durability_info{export="/store",durability="none"}'),
    "1",
  );
  assertEquals(before.get(`store_failed${label}`), "0");
  assertEquals([...before.keys()].some((key) => key.includes("other")), false);

  const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };
  await session.open(["store", "file"], { create });
  await session.compound([
    ...walk(["store", "file"]),
    op.write({ stable: Stable.FILE_SYNC, data: "12345" }),
  ]);
  const after = await scrape();
  const grown = (name: string) =>
    Number(after.get(`${name}${label}`)) -
    Number(before.get(`${name}${label}`));
  assertEquals(grown("store_operations_total"), 2);
  assertEquals(grown("store_written_bytes_total"), 5);
  assertEquals(grown("store_syncs_total"), 0);
});
