import { assert, assertEquals } from "@std/assert";
import { op, openSession } from "../support/client/mod.ts";
import { liveHeap } from "../support/heap.ts";
import { startServer } from "../support/server.ts";
import { cycleStates } from "../support/state_cycles.ts";

/** Three times of them, and each is an open and a lock: 20,000 and more. */
const CYCLES = 3_500;

/** Fills what is bounded: more than the 4,096 answers that NFSv4.0 keeps for retries. */
const FIRST_CYCLES = 4_500;

for (const minorVersion of [0, 1]) {
  Deno.test(`NFSv4.${minorVersion}: opens and locks made and released leave memory where it was`, async () => {
    await using server = await startServer({ tree: { f: "x" } });
    const { port } = server;
    const cycles = { port, minorVersion, count: CYCLES };
    await cycleStates({ ...cycles, count: FIRST_CYCLES });
    const before = liveHeap();
    await cycleStates(cycles);
    await cycleStates(cycles);
    const grown = liveHeap() - before;
    // An open, a lock and their owners take some 2 KiB while they are there, each
    // of these hundreds of bytes. What is bounded goes on filling, by half a MiB.
    assert(grown < CYCLES * 2 * 100, `${grown} bytes more`);
    await using session = await openSession({ port });
    // Nobody has the file open any more, not even one that denies nothing.
    const { stateid } = await session.open(["f"], { access: 3, deny: 3 });
    assertEquals(stateid.seqid, 1);
    await session.compound([op.putrootfh()]);
  });
}
