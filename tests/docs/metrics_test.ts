import { assertEquals } from "@std/assert";
import { memory, serve } from "../../mod.ts";
import { scrape } from "../support/scrape.ts";

const noFiles =
  Deno.permissions.querySync({ name: "read" }).state !== "granted";

/** The metrics that PROTOCOL.md has in its tables, without prefix and labels. */
function documented(): Set<string> {
  const text = read("PROTOCOL.md");
  const [, section] = /^### Metrics\n([^]*?)^##/m.exec(text)!;
  const names = section.split("\n").filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.split(" | ")[0].matchAll(/`(\w+)/g)]);
  return new Set(names.map(([, name]) => name));
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
}

Deno.test("PROTOCOL.md has every metric that a server is scraped for", {
  ignore: noFiles,
}, async () => {
  await using server = await serve(memory(), { port: 0, metricsPort: 0 });
  const text = await scrape(server);
  const scraped = [...text.matchAll(/^# TYPE dittofs_nfs_(\w+)/gm)];
  assertEquals(scraped.length > 30, true);
  const names = documented();
  const missing = scraped.map(([, name]) => name)
    .filter((name) => !names.has(name));
  assertEquals(missing, []);
});

Deno.test("PROTOCOL.md has no metric that there is not", {
  ignore: noFiles,
}, () => {
  const folder = new URL("../../src/metrics/", import.meta.url);
  const source = [...Deno.readDirSync(folder)]
    .map(({ name }) => read(`src/metrics/${name}`)).join();
  const unknown = [...documented()].filter((name) =>
    !source.includes(`"${name}"`) && !source.includes(`}${name}\``)
  );
  assertEquals(unknown, []);
});
