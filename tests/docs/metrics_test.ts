import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import { scrape } from "../support/scrape.ts";
import { modulesIn, noFiles, read } from "./documents.ts";

/** The metrics that a document names in the first cells of its tables, without prefix and labels. */
function documented(): Set<string> {
  const names = read("src/metrics/README.md").split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.split(" | ")[0]!.matchAll(/`(\w+)/g)]);
  return new Set(names.map(([, name]) => name!));
}

/** The metrics that PROTOCOL.md names where it speaks of the backchannel's. */
function ofBackchannel(): string[] {
  const [, section] = /^### Metrics\n([^]*?)^##/m.exec(read("PROTOCOL.md"))!;
  return [...section!.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
}

Deno.test(
  "the README of metrics has every metric that a server is scraped for",
  {
    ignore: noFiles,
  },
  async () => {
    await using server = await serve(memory(), { port: 0, metricsPort: 0 });
    const text = await scrape(server);
    const scraped = [...text.matchAll(/^# TYPE dittofs_nfs_(\w+)/gm)];
    assertEquals(scraped.length > 30, true);
    const names = documented();
    const missing = scraped.map(([, name]) => name!)
      .filter((name) => !names.has(name));
    assertEquals(missing, []);
  },
);

Deno.test("no document has a metric that there is not", {
  ignore: noFiles,
}, () => {
  const source = modulesIn("src/metrics/").map(read).join();
  const all = [...documented(), ...ofBackchannel()];
  assertEquals(ofBackchannel().length, 8);
  const unknown = all.filter((name) =>
    !source.includes(`"${name}"`) && !source.includes(`}${name}\``)
  );
  assertEquals(unknown, []);
});
