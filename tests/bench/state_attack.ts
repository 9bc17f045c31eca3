/**
 * What hostile clients cost in state: attacks a server in a process of its own,
 * prints its resident memory before and after, how much the attacker got, and
 * how long another client's request took meanwhile.
 *
 *     deno run -A tests/bench/state_attack.ts [--state 64]
 *
 * `--state` is the server's `maxStateBytes` in MiB. All of it comes from one
 * address, as a bench on loopback must.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { manyLocks, manyOpens, OPEN_ACCESS } from "../support/attacks.ts";
import {
  op,
  openSession,
  type Session,
  SessionClient,
} from "../support/client/mod.ts";
import { MeasuredServer, mebibytes } from "./measured_server.ts";

const { values } = parseArgs({
  options: { state: { type: "string", default: "64" } },
});
const maxStateBytes = Number(values.state) * 1024 * 1024;
/** Registers and confirms 10,000 clients, and one more. */
async function manyClients(port: number): Promise<number> {
  let count = 0;
  for (; count < 10_001; count++) {
    const client = await SessionClient.connect({ port });
    await client.exchangeId();
    await client.createSession({ flags: 0 });
    await client[Symbol.asyncDispose]();
  }
  return count;
}

/** Asks again and again until `signal` aborts; the longest answer took so many milliseconds. */
async function watch(session: Session, signal: AbortSignal): Promise<number> {
  let slowest = 0;
  while (!signal.aborted) {
    const since = performance.now();
    await session.compound([op.putrootfh(), op.getattr(["type"])]);
    slowest = Math.max(slowest, performance.now() - since);
    await new Promise((done) => setTimeout(done, 20));
  }
  return slowest;
}

const attacks = [
  [
    "opens of six clients",
    async (port: number) =>
      manyOpens(
        await Promise.all(
          Array.from({ length: 6 }, () => openSession({ port })),
        ),
      ),
  ],
  [
    "locks of one file",
    async (port: number) => manyLocks(await openSession({ port })),
  ],
  ["clients of one address", manyClients],
] as const;

console.log(`budget ${mebibytes(maxStateBytes)}`);
console.log(
  "attack                   got       rss before   rss after   slowest answer",
);
for (const [name, attack] of attacks) {
  await using server = await MeasuredServer.start({ maxStateBytes });
  await using quiet = await openSession({ port: server.port });
  const held = await quiet.open(["f"], { access: OPEN_ACCESS });
  const before = await server.memory();
  const end = new AbortController();
  const watched = watch(quiet, end.signal);
  const got = await attack(server.port);
  end.abort();
  const slowest = await watched;
  const after = await server.memory();
  await quiet.compound([op.putfh(held.filehandle), op.close(held.stateid)]);
  const grown = (after.rss - before.rss) / maxStateBytes;
  console.log(
    name.padEnd(24),
    String(got).padEnd(9),
    mebibytes(before.rss).padEnd(12),
    mebibytes(after.rss).padEnd(11),
    `${slowest.toFixed(0)} ms`,
    ` grown by ${grown.toFixed(2)} of the budget`,
  );
}
Deno.exit();
