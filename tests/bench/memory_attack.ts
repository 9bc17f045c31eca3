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
import {
  encodeCall,
  frame,
  op,
  openSession,
  rootCredential,
  walk,
  writeCompound,
} from "../support/client/mod.ts";
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

/** READs of 1 MiB, pipelined, by nobody who would read the answers. */
function deafReads(count: number): Uint8Array {
  const read = op.read({
    stateid: { seqid: 0, other: new Uint8Array(12) },
    offset: 0n,
    count: MIB,
  });
  const one = frame(encodeCall(
    {
      xid: 1,
      rpcVersion: 2,
      program: 100003,
      version: 4,
      procedure: 1,
      credential: rootCredential,
    },
    (xdr) =>
      writeCompound(xdr, { minorVersion: 0, ops: [...walk(["f"]), read] }),
  ));
  const all = new Uint8Array(one.length * count);
  for (let i = 0; i < count; i++) all.set(one, i * one.length);
  return all;
}

/** All of a record of 1 MiB but its end. */
function partialRecord(): Uint8Array {
  const bytes = new Uint8Array(MIB - 4);
  new DataView(bytes.buffer).setUint32(0, 0x8000_0000 + MIB);
  return bytes;
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
  const sockets: Deno.TcpConn[] = [];
  for (let i = 0; i < attack.connections; i++) {
    sockets.push(await Deno.connect({ port }));
  }
  const sends = sockets.map((socket) => send(socket, attack.bytes));
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
  for (const socket of sockets) socket.close();
  await Promise.all(sends);
}

async function send(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) {
      at += await socket.write(bytes.subarray(at));
    }
  } catch {
    // The server closed it, or we did.
  }
}
