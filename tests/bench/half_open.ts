/**
 * What connections cost that say nothing, or begin a request and leave it at
 * that: opens many, and prints the memory of the server and how long another
 * client's request takes meanwhile.
 *
 *     deno run -A tests/bench/half_open.ts [--connections 10000]
 *         [--bytes 0] [--limited]
 *
 * `--bytes` of a record of 1 MiB are sent on each connection. `--limited` leaves
 * the server's limits as they are; otherwise they are raised, so that every
 * connection stays. Needs as many file descriptors (`ulimit -n`).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { op, openSession } from "../support/client/mod.ts";
import {
  describeMemory,
  MeasuredServer,
  mebibytes,
} from "./measured_server.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10000" },
    bytes: { type: "string", default: "0" },
    limited: { type: "boolean", default: false },
  },
});
const count = Number(values.connections);
const bytes = Number(values.bytes);
const limits = values.limited ? {} : {
  maxConnections: count + 10,
  maxConnectionsPerAddress: count + 10,
};

await using server = await MeasuredServer.start(limits);
const { port } = server;
await using witness = await openSession({ port });
const before = await server.memory();
console.log(`at first: ${describeMemory(before)}, answer in ${await ask()} ms`);

const record = new Uint8Array(bytes);
if (bytes >= 4) new DataView(record.buffer).setUint32(0, 0x8010_0000);
const sockets: Deno.TcpConn[] = [];
const started = performance.now();
while (sockets.length < count) {
  sockets.push(
    ...await Promise.all(
      Array.from({ length: Math.min(100, count - sockets.length) }, open),
    ),
  );
}
const seconds = (performance.now() - started) / 1000;
console.log(`${count} connections, ${bytes} bytes each, in ${seconds} s`);

const opened = await server.memory();
console.log(`now: ${describeMemory(opened)}, answer in ${await ask()} ms`);
const each = (opened.rss - before.rss) / count;
console.log(`${Math.round(each)} bytes of resident memory for each`);
for (const socket of sockets) socket.close();
// The server hears of them one after the other.
await new Promise((resolve) => setTimeout(resolve, 2000));
const after = await server.memory();
console.log(`closed: ${describeMemory(after)}`);
console.log(`heap ${mebibytes(after.heapUsed - before.heapUsed)} more`);

async function open(): Promise<Deno.TcpConn> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  let at = 0;
  try {
    while (at < bytes) at += await socket.write(record.subarray(at));
  } catch {
    // Given up by the server for a newer one.
  }
  return socket;
}

/** Milliseconds that the answer to a request takes, the slowest of ten. */
async function ask(): Promise<string> {
  let slowest = 0;
  for (let i = 0; i < 10; i++) {
    const asked = performance.now();
    await witness.compound([op.putrootfh(), op.getattr(["type"])]);
    slowest = Math.max(slowest, performance.now() - asked);
  }
  return slowest.toFixed(1);
}
