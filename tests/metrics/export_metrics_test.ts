import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { SCRAPE_PATIENCE_MS } from "../../src/metrics/export_metrics.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { scrape, valueOf } from "../support/scrape.ts";

Deno.test("an export that does not say its room takes no figure from the others, and is asked once", async () => {
  const silent = memory() as FileSystem;
  let asked = 0;
  silent.status = () => {
    asked++;
    return new Promise(() => {});
  };
  const clock = new FakeClock();
  const server = await serve([
    { path: "/silent", fs: silent },
    { path: "/sound", fs: memory({ f: "x" }) },
  ], { port: 0, metricsPort: 0, clock });
  for (let i = 0; i < 3; i++) {
    let isThere = false;
    const scraped = scrape(server).finally(() => isThere = true);
    while (!isThere) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      clock.advance(SCRAPE_PATIENCE_MS);
    }
    const text = await scraped;
    const used = (path: string) =>
      valueOf(text, `export_used_files{export="${path}"}`);
    assertEquals(used("/silent"), undefined);
    assert(used("/sound")! > 0);
  }
  assertEquals(asked, 1);
  const closed = server.close();
  clock.advance(1_000);
  await closed;
});

Deno.test("an export that could not say its room is asked again at the next scrape", async () => {
  const fs = memory({ f: "x" }) as FileSystem;
  const status = fs.status!.bind(fs);
  let isBroken = true;
  fs.status = () => {
    if (isBroken) throw new Error("not now");
    return status();
  };
  await using server = await serve(fs, { port: 0, metricsPort: 0 });
  const used = async () =>
    valueOf(await scrape(server), 'export_used_files{export="/"}');
  assertEquals(await used(), undefined);
  isBroken = false;
  assert((await used())! > 0);
});
