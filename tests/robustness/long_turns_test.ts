/**
 * However long a request takes, and however many connections send one each at the
 * same time: a turn of the event loop is short. For every operation, by a clock
 * that goes on with each call of the file system and each operation.
 */

import { assert, assertEquals } from "@std/assert";
import { SLICE } from "../../src/base/turn.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { NfsProgram } from "../../src/engine/nfs_program.ts";
import type { EngineObserver } from "../../src/engine/observer.ts";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import { LONGEST_TURN } from "../../src/engine/compound_run.ts";
import { AuthFlavor } from "../../src/rpc/auth.ts";
import { CallTurns } from "../../src/rpc/call_turns.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { StateFixture } from "../engine/state_fixture.ts";
import { TestAcceptor } from "../rpc/in_process.ts";
import { call, Peer } from "../rpc/support.ts";
import {
  anonymousStateid,
  backChannel,
  bytesOf,
  Content,
  FileType,
  foreChannel,
  op,
  type Request,
  statusName,
  walk,
  writeCompound,
} from "../support/client/mod.ts";
import { samples } from "./samples.ts";
import { PIECE, working, WorkingLoop } from "./working_loop.ts";

/** Connections with a call each: as many as are begun between two looks for input. */
const CONNECTIONS = 48;
/** Operations of each. */
const MANY = 18;
/** Milliseconds that a brief operation takes. */
const BRIEF = 0.05;
/** Milliseconds that the longest single operation takes by that. */
const LONGEST_OPERATION = 5;

const many = (make: (i: number) => Request[]): Request[] =>
  Array.from({ length: MANY }, (_, i) => make(i)).flat();
const COPIED = {
  ...{ source: anonymousStateid, destination: anonymousStateid },
  ...{ sourceOffset: 0n, offset: 0n },
};
const FROM_START = { stateid: anonymousStateid, offset: 0n };

/** On a file of a MiB, as much as a request may ask for; of connection `k`. */
const MOST: Record<string, (k: number, clientid: bigint) => Request[]> = {
  ACCESS: () => many(() => [op.access(63)]),
  ALLOCATE: () => many(() => [op.allocate({ ...FROM_START, length: 9n })]),
  CLONE: () => [
    ...[op.savefh(), ...walk(["target"])],
    ...many(() => [op.clone({ ...COPIED, count: 65_536n })]),
  ],
  COMMIT: () => many(() => [op.commit()]),
  COPY: () => [
    ...[op.savefh(), ...walk(["target"])],
    op.copy({ ...COPIED, count: 2n ** 20n, synchronous: true }),
  ],
  CREATE: (k) =>
    many((i) => [
      op.putrootfh(),
      op.create({ type: FileType.DIR, name: `${k} ${i}` }),
    ]),
  DEALLOCATE: () => many(() => [op.deallocate({ ...FROM_START, length: 9n })]),
  GETATTR: () => many(() => [op.getattr(["type", "size", "space_free"])]),
  GETFH: () => many(() => [op.getfh()]),
  GETXATTR: () => many(() => [op.getxattr("x0")]),
  LINK: (k) => [
    ...[op.savefh(), op.putrootfh()],
    ...many((i) => [op.link(`${k} ${i}`)]),
  ],
  LISTXATTRS: () => many(() => [op.listxattrs(0n, 4_000)]),
  LOOKUP: () => many(() => [op.putrootfh(), op.lookup("file")]),
  LOOKUPP: () => many(() => [...walk(["folder"]), op.lookupp()]),
  NVERIFY: () => many(() => [op.nverify({ size: 1n })]),
  OPEN: (k, clientid) =>
    many((i) => [
      op.putrootfh(),
      op.open({
        owner: { clientid, owner: bytesOf(`${k} ${i}`) },
        claim: { claim: "null", name: "file" },
      }),
    ]),
  PUTROOTFH: () => many(() => [op.putrootfh()]),
  READ: () => many(() => [op.read({ count: 32_768 })]),
  READDIR: () => [
    op.putrootfh(),
    ...many(() => [op.readdir({ attributes: ["size"], maxcount: 4_000 })]),
  ],
  READ_PLUS: () => many(() => [op.readPlus({ ...FROM_START, count: 9 })]),
  REMOVEXATTR: (k) =>
    many(() => [op.setxattr(`${k}`, "value"), op.removexattr(`${k}`)]),
  RENAME: (k) => [
    ...[op.putrootfh(), op.create({ type: FileType.DIR, name: `${k}` })],
    ...[op.putrootfh(), op.savefh()],
    ...many((
      i,
    ) => [op.rename(i % 2 ? `${k} b` : `${k}`, i % 2 ? `${k}` : `${k} b`)]),
  ],
  SEEK: () => many(() => [op.seek({ ...FROM_START, what: Content.DATA })]),
  SECINFO: () => many(() => [op.putrootfh(), op.secinfo("file")]),
  SETATTR: () => many((i) => [op.setattr({ size: BigInt(i + 1) })]),
  SETXATTR: () => many((i) => [op.setxattr(`x${i}`, "value")]),
  VERIFY: () => many(() => [op.verify({ size: 2n ** 20n })]),
  WRITE: () => many(() => [op.write({ data: new Uint8Array(9) })]),
  WRITE_SAME: () => [
    op.writeSame({
      ...{ ...FROM_START, blockSize: 1n, blockCount: 2n ** 20n },
      ...{ patternOffset: 0n, pattern: Uint8Array.of(1) },
    }),
  ],
};

/** A session with a slot for each connection, and the file that requests are about. */
async function served() {
  const loop = new WorkingLoop();
  const fs = memory({ file: "x".repeat(2 ** 20), target: "", folder: {} }, {
    mode: 0o777,
  });
  const file = fs.lookup(fs.root(), "file")!;
  for (let i = 0; i < 200; i++) {
    fs.setxattr(file, `x${i}`, new Uint8Array(1), "either");
  }
  const fixture = new StateFixture({ fs: working(fs as FileSystem, loop) });
  const client = await fixture.client(2);
  const { sessionid } = await client.ok(
    "CREATE_SESSION",
    op.createSession({
      ...{ clientid: client.clientid, sequence: 2, flags: 0, program: 1 },
      fore: { ...foreChannel, maxrequests: 64, maxoperations: 64 },
      ...{ back: backChannel, security: [{ flavor: "none" }] },
    }),
  );
  const observer: EngineObserver = {
    operation: ({ isBrief }) => loop.work(isBrief ? BRIEF : PIECE),
  };
  const { services } = fixture;
  const clock = loop.clock(services.clock);
  Object.assign(services, { observer, clock, turn: loop });
  return { loop, services, sessionid, clientid: client.clientid };
}

type Served = Awaited<ReturnType<typeof served>>;

const credential = {
  ...{ flavor: AuthFlavor.SYS, stamp: 0, machineName: "" },
  ...{ uid: 0, gid: 0, gids: [] },
} as const;

/** The request of a connection, as a call of its own. */
function requestOf(
  operation: string,
  k: number,
  { sessionid, clientid }: Served,
): Uint8Array {
  const most = MOST[operation]?.(k, clientid);
  const sample = samples.find(({ name }) => name === operation);
  const ops = [...walk(["file"]), ...most ?? [sample!]];
  const sequence = op.sequence({
    ...{ sessionid, sequenceid: 1, slotid: k, highestSlotid: 63 },
  });
  const isOld = !OPERATIONS.some((row) =>
    row?.name === operation && row.versions.includes(2)
  );
  return call({
    ...{ xid: k, program: 100003, version: 4, procedure: 1, credential },
    args: (xdr) =>
      writeCompound(xdr, {
        minorVersion: isOld ? 0 : 2,
        ops: isOld ? ops : [sequence, ...ops],
      }),
  });
}

for (const row of OPERATIONS) {
  if (row === undefined || row.versions.length === 0) continue;
  const { name } = row;
  Deno.test(`${name}: a turn is short, however many connections ask for as much as they may`, async () => {
    const server = await served();
    const { loop, services } = server;
    const acceptor = new TestAcceptor();
    const program = new NfsProgram(services);
    await using _listener = new RpcListener({
      ...{ acceptor, clock: services.clock, turn: loop },
      callTurns: new CallTurns(loop.look),
      handlers: {
        call: (...given) => program.call(...given),
        reply() {},
        closed() {},
      },
    });
    const peers = Array.from(
      { length: CONNECTIONS },
      () => new Peer(acceptor.connect()),
    );
    for (const [k, peer] of peers.entries()) {
      peer.send(requestOf(name, k, server));
    }
    for (const peer of peers) {
      const { results } = await peer.reply();
      if (name in MOST) assertEquals(statusName(results.uint32()), "OK");
      peer[Symbol.dispose]();
    }
    const most = SLICE + LONGEST_TURN + LONGEST_OPERATION;
    assert(loop.longest <= most, `${loop.longest} ms`);
  });
}
