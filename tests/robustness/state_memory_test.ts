import { assert, assertEquals } from "@std/assert";
import type { NfsServer } from "../../src/server.ts";
import { op, openSession } from "../support/client/mod.ts";
import { liveHeap } from "../support/heap.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { startServer } from "../support/server.ts";
import { cycleStates } from "../support/state_cycles.ts";

/** Three times of them, and each is an open and a lock: 20,000 and more. */
const CYCLES = 3_500;

/** What is in memory but for the answers that NFSv4.0 keeps for retries, for two minutes. */
async function heapBut(server: NfsServer): Promise<number> {
  const answers = valueOf(await scrape(server), "duplicate_answers_bytes");
  return liveHeap() - answers!;
}

for (const minorVersion of [0, 1]) {
  Deno.test(`NFSv4.${minorVersion}: opens and locks made and released leave memory where it was`, async () => {
    await using server = await startServer({
      tree: { f: "x" },
      metricsPort: 0,
    });
    const { port } = server;
    const cycles = { port, minorVersion, count: CYCLES };
    await cycleStates(cycles);
    const before = await heapBut(server.server);
    await cycleStates(cycles);
    await cycleStates(cycles);
    const grown = await heapBut(server.server) - before;
    // An open, a lock and their owners take some 2 KiB while they are there, each
    // of these hundreds of bytes.
    assert(grown < CYCLES * 2 * 100, `${grown} bytes more`);
    await using session = await openSession({ port });
    // Nobody has the file open any more, not even one that denies nothing.
    const { stateid } = await session.open(["f"], { access: 3, deny: 3 });
    assertEquals(stateid.seqid, 1);
    await session.compound([op.putrootfh()]);
  });
}
