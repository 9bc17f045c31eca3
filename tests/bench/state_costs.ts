/**
 * What each thing that the server remembers of clients takes, and what
 * `STATE_COSTS` has it count for: the first is not to be more than the second.
 *
 *     deno run -A tests/bench/state_costs.ts
 *
 * @module
 */

import { memory } from "../../src/backends/memory/mod.ts";
import { Backchannel } from "../../src/backchannel/backchannel.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { Direction } from "../../src/nfs4/sessions.ts";
import { AuthFlavor, UNKNOWN } from "../../src/rpc/auth.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import type { Client } from "../../src/state/client.ts";
import { grantDelegation } from "../../src/state/delegations.ts";
import type { FileState } from "../../src/state/file_states.ts";
import { addLockState, type LockState } from "../../src/state/locks.ts";
import { addOpen, type OpenState } from "../../src/state/opens.ts";
import {
  addLockOwner,
  addOpenOwner,
  LockOwner,
  OpenOwner,
} from "../../src/state/owners.ts";
import type { ServerState } from "../../src/state/server_state.ts";
import type { Session } from "../../src/state/session.ts";
import { STATE_COSTS, type StateKind } from "../../src/state/state_budget.ts";
import { defineExport } from "../../src/vfs/exports.ts";
import { Namespace } from "../../src/vfs/namespace.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import {
  bytes,
  FakeClock,
  knownRandom,
  StateFixture,
} from "../state/fixture.ts";
import { testConnection } from "../support/connection.ts";
import { liveHeap } from "../support/heap.ts";

const COUNT = 20_000;
const CLIENTS = 9_000;
const attributes = { mode: 0o644, uid: 0, gid: 0 };
const channel = {
  maxRequestSize: 4096,
  maxResponseSize: 4096,
  maxResponseSizeCached: 4096,
  maxOperations: 8,
  maxRequests: 64,
};

const fs = memory();
const terms = defineExport({ path: "/", fs });
const namespace = new Namespace([terms], {
  handleKey: new Uint8Array(16).fill(1),
  time: { seconds: 0, nanoseconds: 0 },
});
/** Kept until all is measured. */
const kept: unknown[] = [];

/** The bytes that a thing takes of which `make` makes one. */
function measure<T>(
  kind: StateKind,
  what: string,
  make: (index: number) => T,
  { count = COUNT, besides = 0 } = {},
): T[] {
  const made = new Array<T>(count);
  const before = liveHeap();
  for (let i = 0; i < count; i++) made[i] = make(i);
  const each = Math.round((liveHeap() - before) / count) - besides;
  report(kind, what, each);
  kept.push(made);
  return made;
}

function report(kind: StateKind, what: string, each: number): void {
  const cost = STATE_COSTS[kind];
  const verdict = each > cost ? "  MORE THAN IT COUNTS FOR" : "";
  console.log(`${what.padEnd(36)}${each}`.padEnd(44), `${cost}${verdict}`);
}

async function measureAll(protocol: 0 | 1): Promise<void> {
  const fixture = new StateFixture({
    maxClients: 1e6,
    maxConnectionsPerSession: 64,
  });
  kept.push(fixture);
  const { state } = fixture;
  const come = (name: string): Client => {
    const client = state.clients.register({
      protocol,
      owner: bytes(name),
      verifier: new Uint8Array(8),
      principal: "sys:0",
    })!;
    state.confirmClient(client);
    return client;
  };
  console.log(`NFSv4.${protocol}`.padEnd(36) + "bytes   counted as");
  const client = come("client");
  const clients = measure("client", "client", (i) => come(`client ${i}`), {
    count: CLIENTS,
  });
  const nodes = Array.from({ length: COUNT }, (_, i) => {
    const name = `file ${protocol} ${i}`;
    return fs.create(fs.root(), name, { type: "file" }, { attributes }).node;
  });
  const files = measure<FileState>("file", "file", (i) => {
    return state.files.obtain(namespace.refer(terms, nodes[i]!), client);
  });
  const owners = measure("owner", "open owner", (i) => {
    const owner = new OpenOwner(client, bytesAsText(`open owner ${i}`));
    addOpenOwner(owner);
    // NFSv4.0 keeps the owner's last answer.
    owner.sequence?.answer(1, {
      operation: 18,
      xid: 1,
      principal: "sys:0",
      status: 0,
      body: new Uint8Array(120),
      current: undefined,
      conflict: undefined,
    });
    return owner;
  });
  measure("owner", "lock owner", (i) => {
    const owner = new LockOwner(client, bytesAsText(`lock owner ${i}`));
    addLockOwner(owner);
    return owner;
  });
  const opens = measure<OpenState>("open", "open, by one owner", (i) => {
    const owner = owners[0]!;
    const open = addOpen(state, { owner, file: files[i]!, uid: 0 });
    open.share(3, 0);
    return open;
  });
  measure("open", "open, of one file", (i) => {
    const owner = owners[i]!;
    const open = addOpen(state, { owner, file: files[0]!, uid: 0 });
    open.share(3, 0);
    return open;
  });
  measure("delegation", "delegation", (i) => {
    return grantDelegation(state, opens[i]!, { type: "read" });
  });
  const locks = measure<LockState>(
    "lock",
    "lock stateid and its file's locks",
    (i) => {
      const owner = new LockOwner(client, "one of many");
      const lock = addLockState(state, opens[i]!, owner);
      lock.lock({ start: 0n, last: 0n }, true);
      return lock;
    },
    { besides: STATE_COSTS.range },
  );
  measure("range", "further range", (i) => {
    locks[0]!.lock(
      { start: BigInt(i + 1) * 2n, last: BigInt(i + 1) * 2n },
      true,
    );
  });
  if (protocol === 1) await measureSessions(fixture, clients);
  else measureDuplicates(fixture);
}

/** Answers to requests of NFSv4.0, of connections with many and with one. */
function measureDuplicates({ state: { duplicates } }: StateFixture): void {
  const answerOn = (connection: Connection, xid: number) => {
    const body = new XdrReader(fill);
    const header = { xid, program: 100_003, version: 4, procedure: 1 };
    const call = { ...header, credential: UNKNOWN, seal: PLAIN, body };
    const entry = duplicates.begin(call, connection, 0)!;
    duplicates.finish(entry, fill, { hasChanged: true });
    return connection;
  };
  const from = (hostname: string) =>
    testConnection({ peer: { hostname, port: 700 } });
  const busy = Array.from({ length: COUNT / 1_000 }, (_, i) => from(`${i}`));
  measure("answer", "kept answer of 256 bytes", (i) => {
    return answerOn(busy[i % busy.length]!, i);
  }, { besides: 256 });
  const quiet = Array.from({ length: COUNT }, (_, i) => from(`192.0.2.${i}`));
  measure("requester", "connection with one such answer", (i) => {
    return answerOn(quiet[i]!, COUNT + i);
  }, { besides: 256 + STATE_COSTS.answer });
}

function measureSessions(
  { state }: StateFixture,
  clients: Client[],
): Promise<void> {
  const sessions = measure<Session>("session", "session", (i) => {
    return state.sessions.create(clients[i]!, {
      minorVersion: 1,
      fore: { ...channel },
      back: { ...channel },
      callback: { program: 1, credential: { flavor: AuthFlavor.NONE } },
    }) as Session;
  }, { count: CLIENTS });
  const connections = Array.from({ length: 40 }, () => testConnection());
  measure("binding", "bound connection, the first", (i) => {
    const session = sessions[i]!;
    state.sessions.bind(session, connections[0]!, Direction.FORE);
  }, { count: CLIENTS });
  measure("binding", "bound connection, of some", (i) => {
    const connection = connections[i % 16]!;
    const session = sessions[Math.floor(i / 16)]!;
    state.sessions.bind(session, connection, Direction.FORE);
  });
  measure("binding", "bound connection, of many", (i) => {
    const connection = connections[i % 40]!;
    const session = sessions[sessions.length - 1 - Math.floor(i / 40)]!;
    state.sessions.bind(session, connection, Direction.FORE);
  });
  measure("slot", "slots", (i) => {
    return sessions[Math.floor(i / 40)]!.slots.slot(i % 40);
  });
  measure("reply", "kept reply of 256 bytes", (i) => {
    const slot = sessions[Math.floor(i / 40)]!.slots.slot(i % 40)!;
    const request = { sequence: 1, cacheThis: true, principal: "sys:0" };
    slot.begin({ ...request, bytes: fill, start: 0, end: 100 });
    slot.finish(fill);
  }, { besides: 256 });
  return measureBackchannels(state, sessions);
}

/** Back channels whose CB_NULL is not answered. */
async function measureBackchannels(
  { sessions: table }: ServerState,
  sessions: readonly Session[],
): Promise<void> {
  const backchannel = new Backchannel({
    sessions: table,
    random: knownRandom(),
    sender: { clock: new FakeClock() },
  });
  kept.push(backchannel);
  const silent = testConnection({ sendCall: () => true });
  const before = liveHeap();
  for (const session of sessions) table.bind(session, silent, Direction.BACK);
  // CB_NULL leaves after the answer to what has bound the connection.
  await nextTurn();
  const bytes = Math.round((liveHeap() - before) / sessions.length);
  report("backchannel", "back channel", bytes - STATE_COSTS.binding);
}

const fill = new Uint8Array(256);

/** A flat string of bytes, as a name off the wire is. */
function bytesAsText(text: string): string {
  return String.fromCharCode(...bytes(text));
}

await measureAll(1);
await measureAll(0);
