/** A number off the wire sizes neither memory nor work, in a request of somebody who is known. */

import { assert, assertEquals } from "@std/assert";
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
import { startServer } from "../support/server.ts";
import { Witness } from "./fixture.ts";
import { type Names, samplesOf } from "./samples.ts";

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
