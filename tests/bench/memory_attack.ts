/**
 * What hostile connections cost in memory: attacks a server in a process of its
 * own, prints its resident memory before and at most, and how long another
 * client's request took meanwhile.
 *
 *     deno run -A tests/bench/memory_attack.ts [--buffers 256]
 *
 * `--buffers` is the server's `maxBufferBytes` in MiB. Takes a descriptor for
 * each connection (`ulimit -n`).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { deafReads, Flood, partialRecord } from "../support/attacks.ts";
import { op, openSession } from "../support/client/mod.ts";
import { MeasuredServer, mebibytes } from "./measured_server.ts";

const MIB = 1024 * 1024;
/** How long an attack is looked at. */
const WATCH_MS = 8_000;
const { values } = parseArgs({
  options: { buffers: { type: "string", default: "256" } },
});
const maxBufferBytes = Number(values.buffers) * MIB;

interface Attack {
  readonly name: string;
  readonly connections: number;
  /** All that is sent on each of them. */
  readonly bytes: Uint8Array;
}

const attacks: readonly Attack[] = [
  { name: "150 deaf readers", connections: 150, bytes: deafReads(16) },
  { name: "900 deaf readers", connections: 900, bytes: deafReads(16) },
  { name: "900 partial records", connections: 900, bytes: partialRecord() },
];

console.log(
  "attack                 rss before     rss at most    slowest answer",
);
for (const attack of attacks) {
  await using server = await MeasuredServer.start({ maxBufferBytes });
  const { port } = server;
  await using quiet = await openSession({ port });
  const { filehandle, stateid } = await quiet.open(["f"], { access: 3 });
  await quiet.compound([
    op.putfh(filehandle),
    op.setattr({ size: BigInt(MIB) }, stateid),
  ]);
  const before = await server.memory();
  await using _flood = await Flood.start({ port, ...attack });
  let rss = 0;
  let slowest = 0;
  for (const since = performance.now(); performance.now() - since < WATCH_MS;) {
    const asked = performance.now();
    await quiet.compound([op.putfh(filehandle), op.getattr(["size"])]);
    slowest = Math.max(slowest, performance.now() - asked);
    rss = Math.max(rss, (await server.memory()).rss);
  }
  console.log(
    attack.name.padEnd(22),
    mebibytes(before.rss).padStart(11),
    mebibytes(rss).padStart(15),
    `${slowest.toFixed(0)} ms`.padStart(13),
  );
}
