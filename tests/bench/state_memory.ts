/**
 * Opens and locks that are made and released again: prints the memory of the
 * server after each part of them, which is to stay where it was.
 *
 *     deno run -A tests/bench/state_memory.ts [--count 1000000] [--parts 5]
 *         [--minor 1]
 *
 * A count is one OPEN with a file owner of its own, one LOCK with a lock owner
 * of its own, one LOCKU and one CLOSE.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { cycleStates } from "../support/state_cycles.ts";
import { describeMemory, MeasuredServer } from "./measured_server.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    parts: { type: "string", default: "5" },
    minor: { type: "string", default: "1" },
  },
});
const parts = Number(values.parts);
const count = Math.ceil(Number(values.count) / parts);

await using server = await MeasuredServer.start();
console.log(`at first: ${describeMemory(await server.memory())}`);
for (let part = 1; part <= parts; part++) {
  const started = performance.now();
  await cycleStates({
    port: server.port,
    minorVersion: Number(values.minor),
    count,
  });
  const rate = Math.round(count / (performance.now() - started) * 1000);
  const memory = describeMemory(await server.memory());
  console.log(`${part * count}: ${memory} (${rate} a second)`);
}
