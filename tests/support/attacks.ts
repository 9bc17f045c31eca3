/** What hostile clients send, for the tests and benches that measure what it costs the server. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  encodeCall,
  frame,
  op,
  rootCredential,
  type Session,
  walk,
  writeCompound,
} from "./client/mod.ts";

const MIB = 1024 * 1024;

/** READs of 1 MiB of "f", pipelined, whose answers their sender would not read. */
export function deafReads(count: number): Uint8Array {
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
export function partialRecord(): Uint8Array {
  const bytes = new Uint8Array(MIB - 4);
  new DataView(bytes.buffer).setUint32(0, 0x8000_0000 + MIB);
  return bytes;
}

/** Connections that all send the same, and read nothing, until it is disposed of. */
export class Flood implements AsyncDisposable {
  readonly #sockets: Deno.TcpConn[] = [];
  readonly #sends: Promise<void>[] = [];

  private constructor() {}

  /** All are connected; they go on sending. */
  static async start(
    { port, connections, bytes }: {
      readonly port: number;
      readonly connections: number;
      /** All that is sent on each of them. */
      readonly bytes: Uint8Array;
    },
  ): Promise<Flood> {
    const flood = new Flood();
    for (let i = 0; i < connections; i++) {
      flood.#sockets.push(await Deno.connect({ port }));
    }
    for (const socket of flood.#sockets) flood.#sends.push(send(socket, bytes));
    return flood;
  }

  /** Closes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#sends);
  }
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

/** Access of an open: both, and no delegation. */
export const OPEN_ACCESS = 3 | 0x400;

/** Opens "f" by ever new owners, in each session, until it is refused; returns how often it was not. */
export async function manyOpens(sessions: readonly Session[]): Promise<number> {
  const counts = await Promise.all(
    sessions.map((session, client) =>
      untilRefused(session, (i) => [
        op.putrootfh(),
        op.open({
          access: OPEN_ACCESS,
          owner: { clientid: 0n, owner: bytesOf(`${client} ${i}`) },
          claim: { claim: "null", name: "f" },
        }),
      ])
    ),
  );
  return counts.reduce((sum, count) => sum + count);
}

/** Locks every second byte of "f" until it is refused; returns how many it got. */
export async function manyLocks(session: Session): Promise<number> {
  const { filehandle, stateid } = await session.open(["f"], {
    access: OPEN_ACCESS,
  });
  const owner = { clientid: 0n, owner: bytesOf("locker") };
  return await untilRefused(session, (i) => [
    op.putfh(filehandle),
    op.lock({
      locker: { openStateid: stateid, owner },
      offset: BigInt(2 * i),
      length: 1n,
    }),
  ]);
}

/** Sends what `requests` has, as many at a time as there are slots; returns how many were carried out. */
async function untilRefused(
  session: Session,
  requests: (index: number) => Parameters<Session["compound"]>[0],
): Promise<number> {
  let next = 0;
  let done = 0;
  let refused = false;
  await Promise.all(
    Array.from({ length: session.fore.maxrequests }, async () => {
      while (!refused && next < 200_000) {
        const ops = requests(next++);
        const reply = await session.compound(ops, { expect: "any" });
        if (reply.status === Status.OK) done++;
        else refused = true;
      }
    }),
  );
  return done;
}
