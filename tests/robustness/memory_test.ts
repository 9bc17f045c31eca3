import { assert, assertEquals } from "@std/assert";
import type { NfsServer } from "../../src/server.ts";
import {
  MeasuredServer,
  mebibytes,
  type Memory,
} from "../bench/measured_server.ts";
import {
  deafReads,
  Flood,
  manyLocks,
  manyOpens,
  partialRecord,
} from "../support/attacks.ts";
import { cannotRun } from "../support/cli.ts";
import {
  argumentBytes,
  backChannel,
  bytesOf,
  type ChannelAttributes,
  foreChannel,
  op,
  openSession,
  type Session,
  SessionClient,
} from "../support/client/mod.ts";
import { liveHeap } from "../support/heap.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { startServer } from "../support/server.ts";
import { cycleStates } from "../support/state_cycles.ts";
import { Witness } from "./fixture.ts";
import { type Names, samplesOf } from "./samples.ts";

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

// What attackers cost a server in memory: a process of its own stays within its budgets.

const MIB = 1024 * 1024;

/** What is in use when the garbage is collected. */
function liveBytes({ heapUsed, external }: Memory): number {
  return heapUsed + external;
}

/** From here on twice the budget is kept to: what V8 gives back late is as much for a small one. */
const BUFFERS = 256 * MIB;
/** How often an attack is looked at, each tenth of a second, once it has got somewhere. */
const LOOKS = 10;

for (
  const [name, bytes] of [
    ["readers who take no answer", deafReads(16)],
    ["senders of all of a request but its end", partialRecord()],
  ] as const
) {
  Deno.test(
    `250 ${name} cost no more memory than the budget of buffers`,
    {
      ignore: cannotRun,
    },
    async () => {
      await using server = await MeasuredServer.start({
        maxBufferBytes: BUFFERS,
      });
      const { port } = server;
      await using quiet = await openSession({ port });
      const { filehandle, stateid } = await quiet.open(["f"], { access: 3 });
      const size = op.setattr({ size: BigInt(MIB) }, stateid);
      await quiet.compound([op.putfh(filehandle), size]);
      const before = await server.memory();
      await using _flood = await Flood.start({ port, connections: 250, bytes });
      let live = 0;
      let resident = 0;
      // A slow machine takes its time to fill the budget.
      for (let left = LOOKS, looks = 0; left > 0 && looks < 300; looks++) {
        await new Promise((done) => setTimeout(done, 100));
        await quiet.compound([op.putfh(filehandle), op.getattr(["size"])]);
        const now = await server.memory();
        live = Math.max(live, liveBytes(now) - liveBytes(before));
        resident = Math.max(resident, now.rss - before.rss);
        if (live > BUFFERS / 2) left--;
      }
      assert(live > BUFFERS / 2, `${mebibytes(live)}: the attack is none`);
      assert(live < 1.5 * BUFFERS, `${mebibytes(live)} more`);
      assert(resident < 2 * BUFFERS, `${mebibytes(resident)} more resident`);
    },
  );
}

const STATE = 4 * MIB;

for (
  const [name, attack] of [
    ["opens", (sessions) => manyOpens(sessions)],
    ["locks", ([session]) => manyLocks(session!)],
  ] as readonly [string, (sessions: readonly Session[]) => Promise<number>][]
) {
  Deno.test(
    `${name} until they are refused cost no more memory than the budget of state`,
    {
      ignore: cannotRun,
    },
    async () => {
      await using server = await MeasuredServer.start({ maxStateBytes: STATE });
      const { port } = server;
      await using first = await openSession({ port });
      await using second = await openSession({ port });
      const before = await server.memory();
      const got = await attack([first, second]);
      const more = (await server.memory()).heapUsed - before.heapUsed;
      assert(got > 1_000, `${got} ${name}`);
      assert(more < 1.5 * STATE, `${mebibytes(more)} more, ${got} ${name}`);
    },
  );
}

// A number off the wire sizes neither memory nor work, in a request of somebody who is known.

/** The first is small enough for whoever believes it to be caught, and not to be lost. */
const HUGE = [0x0010_0000, 0x7fff_ffff, 0xffff_ffff];
/** Bytes that what a handful of clients hold may come to. */
const MODEST = 4 << 20;

/** Fails when `work` leaves more behind than a few clients and their sessions. */
async function costsLittle(work: () => Promise<void>): Promise<void> {
  const before = liveHeap();
  await work();
  const grown = liveHeap() - before;
  assert(grown < MODEST, `${grown} bytes more`);
}

Deno.test("CREATE_SESSION: whatever a channel is to be, nothing is made of it in advance", async () => {
  await using server = await startServer();
  const { port } = server;
  await using witness = await Witness.on(port);
  const fields = Object.keys(backChannel)
    .filter((name) => name !== "rdma_ird") as (keyof ChannelAttributes)[];
  for (const huge of HUGE) {
    await costsLittle(async () => {
      for (const field of [...fields, undefined]) {
        const some = field === undefined ? fields : [field];
        const changes = Object.fromEntries(some.map((name) => [name, huge]));
        await using client = await SessionClient.connect({ port });
        await client.exchangeId();
        const session = await client.createSession({
          fore: { ...foreChannel, ...changes },
          back: { ...backChannel, ...changes },
        });
        // RFC 8881 18.36.3: what the client offers of these is not changed.
        const { maxoperations, maxrequests } = { ...backChannel, ...changes };
        assertEquals(session.back.maxoperations, maxoperations);
        assertEquals(session.back.maxrequests, maxrequests);
        await session.compound([op.putrootfh()]);
        await witness.check();
      }
    });
  }
});

async function namesOf(session: Session): Promise<Names> {
  const { stateid, filehandle } = await session.open(["f"]);
  const { clientid } = session.client;
  const owner = { clientid, owner: bytesOf("locker") };
  const locked = await session.compound([
    op.putfh(filehandle),
    op.lock({ locker: { openStateid: stateid, owner } }),
  ]);
  const lockStateid = locked.get("LOCK").stateid;
  return { clientid, sessionid: session.id, stateid, lockStateid };
}

Deno.test("every word of every request may be huge, about state that is there too", async () => {
  await using server = await startServer({ tree: { f: "content" } });
  const { port } = server;
  await using witness = await Witness.on(port);
  const walk = [op.putrootfh(), op.savefh(), op.lookup("f")];
  const any = { expect: "any" } as const;
  for (const huge of HUGE) {
    await costsLittle(async () => {
      await using session = await openSession({ port, minorVersion: 2 });
      for (const sample of samplesOf(await namesOf(session))) {
        const original = argumentBytes(sample);
        const spoilt = [];
        for (let at = 0; at + 4 <= original.length; at += 4) {
          const bytes = original.slice();
          new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, huge);
          spoilt.push(op.raw(sample.number, bytes));
        }
        await Promise.all(spoilt.flatMap((request) => [
          session.compound([...walk, request], any),
          session.client.compound([request], any),
        ]));
        await witness.check();
      }
    });
  }
});
