import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import {
  op,
  openSession,
  type Request,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { Gate, waiting } from "./fixture.ts";

const MIB = 2 ** 20;
const LIMIT = 16 * MIB;
const PEERS = 40;

/** A server of promises alone, with 16 MiB for what is in hand. */
async function smallServer(fs: FileSystem) {
  const server = await serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
    metricsPort: 0,
    shutdownTimeout: 1000,
    limits: { maxBufferBytes: LIMIT },
  });
  const metric = async (name: string) =>
    valueOf(await scrape(server), name) ?? 0;
  return {
    port: server.port,
    /** Bytes that the server counts. */
    held: () => metric("buffer_bytes"),
    refusals: () => metric("buffer_refusals_total"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The statuses of the same request on so many connections at once. */
async function crowd(port: number, ops: readonly Request[]) {
  const peers = await Promise.all(
    Array.from({ length: PEERS }, () => V40Client.connect({ port })),
  );
  const replies = peers.map((peer) => peer.compound(ops, { expect: "any" }));
  return {
    statuses: async () => (await Promise.all(replies)).map((it) => it.status),
    [Symbol.asyncDispose]: async () => {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },
  };
}

Deno.test("replies that grow while they wait stay within the budget, and the others are DELAY", async () => {
  const inner = memory({ f: new Uint8Array(MIB) }) as FileSystem;
  const read = inner.read.bind(inner);
  const gate = new Gate("end of read");
  let held = 0;
  let most = 0;
  let asked = 0;
  inner.read = async (node, offset, into) => {
    asked++;
    held += into.length;
    most = Math.max(most, held);
    await gate.hold("end of read");
    held -= into.length;
    return read(node, offset, into);
  };
  await using server = await smallServer(waiting(inner));
  gate.shut();
  await using readers = await crowd(server.port, [
    ...walk(["f"]),
    op.read({ count: MIB }),
  ]);
  // Whoever is not reading was refused.
  while (asked + await server.refusals() < PEERS) await gate.reached();
  assert(most > LIMIT / 2 && most <= LIMIT, `${most} bytes asked for`);
  const counted = await server.held();
  assert(counted >= held && counted <= LIMIT, `${counted} bytes counted`);
  // A quiet client is answered meanwhile.
  await using quiet = await openSession({ port: server.port });
  const { status } = await quiet.compound([op.putrootfh(), op.getattr([1])]);
  assertEquals(status, Status.OK);
  gate.open();
  const statuses = await readers.statuses();
  const delayed = statuses.filter((it) => it === Status.DELAY).length;
  assertEquals(statuses.filter((it) => it === Status.OK).length, asked);
  assertEquals(asked + delayed, PEERS);
});
