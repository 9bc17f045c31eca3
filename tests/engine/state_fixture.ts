/** A server without sockets whose clients send whole COMPOUNDs, with a clock of the test's own. */
import { testConnection } from "../support/connection.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import type { RpcCall } from "../../src/rpc/message.ts";
import { assertEquals } from "@std/assert";
import { memory, type MemoryTree } from "../../src/backends/memory/mod.ts";
import { compound } from "../../src/engine/compound.ts";
import { defaultLimits, type ProtocolLimits } from "../../src/engine/limits.ts";
import { AttributeTable } from "../../src/engine/attributes/attribute_table.ts";
import type { Services } from "../../src/engine/services.ts";
import { Jobs } from "../../src/base/jobs.ts";
import { systemWallClock, type WallClock } from "../../src/base/wall_clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { Share, Status } from "../../src/nfs4/constants.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { type Reliance, settleAll } from "../../src/rpc/reliance.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import type { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import type {
  KeptSessions,
  SessionRecovery,
} from "../../src/recovery/session_recovery.ts";
import type { RandomBytes } from "../../src/base/clock.ts";
import type { DelegationPolicy } from "../../src/state/delegations.ts";
import { EffectQueue } from "../../src/state/effects.ts";
import { ServerState } from "../../src/state/server_state.ts";
import { CallerTable } from "../../src/vfs/callers.ts";
import { defineExport } from "../../src/vfs/exports.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { Namespace } from "../../src/vfs/namespace.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { FakeClock, knownRandom, LEASE } from "../state/fixture.ts";
import {
  bytesOf,
  type CompoundReply,
  type OkResult,
  op,
  type OpenFileOptions,
  type OpName,
  type Owner,
  readCompound,
  type Request,
  type Stateid,
  statusName,
  walk,
  writeCompound,
} from "../support/client/mod.ts";

/** What of the server a test sets. */
export interface StateFixtureOptions {
  readonly tree?: MemoryTree | undefined;
  /** In place of a memory file system with `tree`. */
  readonly fs?: FileSystem | undefined;
  readonly readOnly?: boolean | undefined;
  readonly hide?: readonly string[] | undefined;
  readonly limits?: Partial<ProtocolLimits> | undefined;
  readonly delegations?: DelegationPolicy | undefined;
  /** Length of the grace period in milliseconds; none if left out. */
  readonly graceMs?: number | undefined;
  /** Who may reclaim, and how long, in place of `graceMs`. */
  readonly recovery?: ClientRecovery | undefined;
  /** By which files are dated; the machine's if left out. */
  readonly wallClock?: WallClock | undefined;
  /** Keeps sessions. */
  readonly sessions?: SessionRecovery | undefined;
  /** Of this start; the same each time if left out. */
  readonly random?: RandomBytes | undefined;
}

/** The server. */
export class StateFixture {
  readonly clock = new FakeClock();
  readonly services: Services;
  #clients = 0;

  constructor(options: StateFixtureOptions = {}) {
    const { clock } = this;
    const { random = knownRandom() } = options;
    const effects = new EffectQueue();
    const limits = { ...defaultLimits, ...options.limits };
    const fs = options.fs ?? memory(options.tree ?? { file: "content" });
    const { readOnly, hide, graceMs: durationMs, recovery } = options;
    const namespace = new Namespace(
      [defineExport({ path: "/", fs, squash: "none", readOnly, hide })],
      {
        handleKey: new Uint8Array(16),
        time: { seconds: 0, nanoseconds: 0 },
      },
    );
    this.services = {
      clock,
      wallClock: options.wallClock ?? systemWallClock,
      random,
      turn: undefined,
      observer: undefined,
      records: recovery,
      effects,
      jobs: new Jobs({ name: "deferred work", log: silentLogger }),
      limits,
      state: new ServerState({
        clock,
        random,
        effects,
        limits,
        leaseMs: LEASE,
        identity: { majorId: bytesOf("m"), scope: bytesOf("s") },
        grace: recovery?.grace ?? { durationMs },
        delegations: options.delegations,
        sessionStore: options.sessions,
      }),
      namespace,
      attributes: new AttributeTable({ namespace, limits, leaseMs: LEASE }),
      callers: new CallerTable(),
      writeVerifier: bytesOf("verifier"),
      log: silentLogger,
    };
    recovery?.watch(this.services.state);
    const kept = options.sessions?.load() as KeptSessions;
    options.sessions?.restore(this.services.state, kept);
  }

  /** Stateids, files, and fs.close calls that are known of. */
  get counts(): { stateids: number; files: number } {
    const { stateids, files } = this.services.state;
    return { stateids: stateids.size, files: files.size };
  }

  /** A client with a session, or a confirmed clientid in NFSv4.0. */
  async client(
    minorVersion: 0 | 1 | 2,
    options: {
      reclaimComplete?: boolean;
      uid?: number;
      connection?: Connection;
    } = {},
  ): Promise<StateClient> {
    const client = new StateClient(this, minorVersion, ++this.#clients);
    client.uid = options.uid ?? 0;
    client.connection = options.connection ?? client.connection;
    await client.register(options.reclaimComplete ?? true);
    return client;
  }
}

const channel = {
  headerpadsize: 0,
  maxrequestsize: 1 << 20,
  maxresponsesize: 1 << 20,
  maxresponsesize_cached: 8192,
  maxoperations: 32,
  maxrequests: 1,
  rdma_ird: [],
};

/** A client of a {@linkcode StateFixture}. */
export class StateClient {
  readonly fixture: StateFixture;
  readonly minorVersion: 0 | 1 | 2;
  clientid = 0n;
  uid = 0;
  /** Of its incarnation. */
  verifier: Uint8Array = new Uint8Array(8);
  readonly #number: number;
  /** Where its requests come from. */
  connection: Connection = testConnection();
  #session: Uint8Array | undefined;
  #sequence = 0;
  #xid = 0;

  constructor(fixture: StateFixture, minorVersion: 0 | 1 | 2, number: number) {
    this.fixture = fixture;
    this.minorVersion = minorVersion;
    this.#number = number;
  }

  /** The status of SETCLIENTID or EXCHANGE_ID. */
  introduce(): Promise<string> {
    return this.status(this.#introduction);
  }

  get #introduction(): Request<"SETCLIENTID"> | Request<"EXCHANGE_ID"> {
    const owner = bytesOf(`client ${this.#number}`);
    const { verifier } = this;
    if (this.minorVersion > 0) return op.exchangeId({ owner, verifier });
    const callback = { program: 1, netid: "tcp", address: "127.0.0.1.3.3" };
    return op.setclientid({ verifier, id: owner, ident: 1, ...callback });
  }

  /** Introduces itself, also once more. */
  async register(reclaimComplete: boolean): Promise<void> {
    this.#session = undefined;
    this.#sequence = 0;
    if (this.minorVersion === 0) {
      const id = await this.ok("SETCLIENTID", this.#introduction);
      this.clientid = id.clientid;
      await this.call(op.setclientidConfirm(id.clientid, id.verifier));
      return;
    }
    const id = await this.ok("EXCHANGE_ID", this.#introduction);
    this.clientid = id.clientid;
    const session = op.createSession({
      clientid: id.clientid,
      sequence: id.sequence,
      flags: 0,
      fore: channel,
      back: channel,
      program: 1,
      security: [{ flavor: "none" }],
    });
    this.#session = (await this.ok("CREATE_SESSION", session)).sessionid;
    if (reclaimComplete) await this.call(op.reclaimComplete());
  }

  /** An owner of this client. */
  owner(name = "owner"): Owner {
    return { clientid: this.clientid, owner: bytesOf(name) };
  }

  /** Sends a COMPOUND, behind SEQUENCE where there is a session. */
  async call(...ops: Request[]): Promise<CompoundReply> {
    const { services } = this.fixture;
    const all = this.#session === undefined ? ops : [
      op.sequence({
        sessionid: this.#session,
        sequenceid: ++this.#sequence,
        slotid: 0,
        highestSlotid: 0,
      }),
      ...ops,
    ];
    const args = { minorVersion: this.minorVersion, ops: all };
    const request = new XdrWriter();
    writeCompound(request, args);
    const reply = new XdrWriter();
    const body = new XdrReader(request.slice());
    const { uid } = this;
    const credential = sysCredential({ uid, gid: uid, gids: [] });
    const procedure = {
      program: 100003,
      version: 4,
      procedure: 1,
      xid: ++this.#xid,
    };
    const call: RpcCall = { ...procedure, credential, seal: PLAIN, body };
    const { connection } = this;
    await compound(services, call, { reply, connection });
    const answer = await settled(call.reliance, reply);
    return readCompound(new XdrReader(answer.slice()), args);
  }

  /** The name of the status of a COMPOUND. */
  async status(...ops: Request[]): Promise<string> {
    return statusName((await this.call(...ops)).status);
  }

  /** What the last operation answers, which is to succeed. */
  async ok<N extends OpName>(
    name: N,
    ...ops: Request[]
  ): Promise<OkResult<N>> {
    const reply = await this.call(...ops);
    assertEquals(reply.describe().includes("ERR"), false, reply.describe());
    assertEquals(reply.status, Status.OK, reply.describe());
    return reply.get(name);
  }

  /** OPEN of a name in the root; in NFSv4.0 as the seqid says. */
  openOp(
    name: string,
    options: OpenFileOptions & { readonly seqid?: number } = {},
  ): Request<"OPEN"> {
    return op.open({
      seqid: options.seqid,
      access: options.access ?? Share.ACCESS_BOTH,
      deny: options.deny,
      owner: this.owner(options.owner as string | undefined),
      create: options.create,
      claim: options.claim ?? { claim: "null", name },
    });
  }

  /** Opens a name in the root, and confirms it; an owner's name is used once in NFSv4.0. */
  async open(
    name: string,
    options: OpenFileOptions & { readonly seqid?: number } = {},
  ): Promise<Stateid> {
    const opened = await this.ok(
      "OPEN",
      op.putrootfh(),
      this.openOp(name, options),
    );
    if ((opened.flags & 2) === 0) return opened.stateid;
    const seqid = (options.seqid ?? 0) + 1;
    const confirm = op.openConfirm(opened.stateid, seqid);
    return (await this.ok("OPEN_CONFIRM", ...walk([name]), confirm)).stateid;
  }

  /** The status of an OPEN of a name in the root. */
  openStatus(
    name: string,
    options: OpenFileOptions & { readonly seqid?: number } = {},
  ): Promise<string> {
    return this.status(op.putrootfh(), this.openOp(name, options));
  }
}

/** The answer that leaves: a refusal, where what it relies on can't be kept. */
async function settled(
  reliance: Reliance | undefined,
  reply: XdrWriter,
): Promise<XdrWriter> {
  if (reliance === undefined) return reply;
  const failures = await settleAll([{ at: 0, reliance, seal: PLAIN }]);
  if (failures === undefined) {
    reliance.settled();
    return reply;
  }
  const results = new XdrWriter();
  reliance.refuse(failures, { written: reply.slice(), results });
  return results;
}

/** PUTROOTFH and LOOKUP of the file that a {@linkcode StateFixture} has by default. */
export const AT_FILE: readonly Request[] = walk(["file"]);

/** The uses of a stateid for I/O: READ, WRITE, SETATTR of the size. */
export function uses(stateid: Stateid): Request[] {
  return [
    op.read({ stateid }),
    op.write({ stateid, data: "x" }),
    op.setattr({ size: 1n }, stateid),
  ];
}

/** The status of each request, on {@linkcode AT_FILE}. */
export function statuses(
  client: StateClient,
  requests: readonly Request[],
): Promise<string[]> {
  return Promise.all(
    requests.map((request) => client.status(...AT_FILE, request)),
  );
}
