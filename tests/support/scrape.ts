import type { NfsServer } from "../../src/server.ts";

/** What a server's `/metrics` says, over HTTP as Prometheus reads it. */
export async function scrape({ metricsPort }: NfsServer): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  return await response.text();
}

/** The value of a series in the text of a scrape, without the prefix of all names; undefined where there is none. */
export function valueOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((line) =>
    line.startsWith(`dittofs_nfs_${series} `)
  );
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}
