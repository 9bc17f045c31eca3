/** A server over its restarts, whose sessions are kept beside its files, and a client that can send again. */
import { testConnection } from "../support/connection.ts";
import type { RpcCall } from "../../src/rpc/message.ts";
import { assertEquals } from "@std/assert";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { compound } from "../../src/engine/compound.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import { SessionRecovery } from "../../src/recovery/session_recovery.ts";
import type { ServerState } from "../../src/state/server_state.ts";
import type { FileSystem, ServerRecords } from "../../src/vfs/mod.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { StateFixture } from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import {
  bytesOf,
  type CompoundReply,
  type CreateSessionOptions,
  FileType,
  op,
  type Owner,
  readCompound,
  type Request,
  SessionFlag,
  writeCompound,
} from "../support/client/mod.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { MemoryRecords } from "./memory_records.ts";

/** One server over its restarts; what it changed is there again after each. */
export class PersistentFixture {
  readonly fs: FileSystem;
  readonly records: TestRecords;
  #owners = new MemoryRecords();
  readonly #log: Logger;
  #starts = 0;
  fixture!: StateFixture;

  constructor(
    options: {
      /** In place of a store in memory, where its records are in `records`. */
      readonly fs?: FileSystem;
      readonly records?: TestRecords;
      readonly log?: Logger;
    } = {},
  ) {
    const store = sqlite(":memory:", { mode: 0o777 });
    this.fs = options.fs ?? store as FileSystem;
    this.records = options.records ?? store.records;
    this.#log = options.log ?? silentLogger;
    this.restart();
  }

  get state(): ServerState {
    return this.fixture.services.state;
  }

  /** Ends the server where it is and starts it again. */
  restart(): void {
    const log = this.#log;
    const { fs, records } = this;
    this.#owners.flush();
    const store = this.#owners = this.#owners.afterCrash();
    this.fixture = new StateFixture({
      fs,
      recovery: new ClientRecovery({
        store,
        left: store.load(),
        leaseMs: LEASE,
        log,
      }),
      sessions: new SessionRecovery({ records, fs, server: "s", log }),
      random: new SeededRandom(++this.#starts).bytes,
    });
  }

  /** A client with a session. */
  async client(flags: number = SessionFlag.PERSIST): Promise<PersistentClient> {
    const client = new PersistentClient(this);
    await client.begin(flags);
    return client;
  }

  /** Rows of a collection. */
  rows(collection: "clients" | "sessions" | "slots"): number {
    return this.records.all(`${collection} s`).size;
  }
}

/** Records that do not have to be waited for. */
export interface TestRecords extends ServerRecords {
  all(collection: string): ReadonlyMap<string, Uint8Array>;
}

/** How a request is sent. */
export interface SendOptions {
  readonly slot?: number;
  /** The next of the slot if left out. */
  readonly sequence?: number | undefined;
  readonly cacheThis?: boolean;
  readonly uid?: number;
  readonly session?: Uint8Array;
  readonly highestSlot?: number;
}

const channel = {
  headerpadsize: 0,
  maxrequestsize: 1 << 20,
  maxresponsesize: 1 << 20,
  maxresponsesize_cached: 8192,
  maxoperations: 32,
  maxrequests: 8,
  rdma_ird: [],
};

/** A client of NFSv4.1 of a {@linkcode PersistentFixture}. */
export class PersistentClient {
  readonly server: PersistentFixture;
  clientid = 0n;
  verifier: Uint8Array = new Uint8Array(8);
  session!: Uint8Array;
  /** csr_flags of the session. */
  flags = 0;
  /** csa_sequence of the next session. */
  sequence = 0;
  /** Called before an answer that had to be settled leaves. */
  settles: () => void = () => {};
  readonly #sequences = new Map<number, number>();
  #connection = newConnection();

  constructor(server: PersistentFixture) {
    this.server = server;
  }

  /** EXCHANGE_ID, CREATE_SESSION, RECLAIM_COMPLETE. */
  async begin(flags: number): Promise<void> {
    await this.introduce();
    const created = await this.createSession(flags);
    this.session = created.get("CREATE_SESSION").sessionid;
    this.flags = created.get("CREATE_SESSION").flags;
    await this.send([op.reclaimComplete()]);
  }

  async introduce(): Promise<CompoundReply> {
    const { verifier } = this;
    const owner = bytesOf("client");
    const reply = await this.compound([op.exchangeId({ owner, verifier })]);
    const { clientid, sequence } = reply.get("EXCHANGE_ID");
    this.clientid = clientid;
    this.sequence = sequence;
    return reply;
  }

  async createSession(
    flags: number,
    sequence = this.sequence,
    changes: Partial<CreateSessionOptions> = {},
  ): Promise<CompoundReply> {
    const { clientid } = this;
    const reply = await this.compound([
      op.createSession({
        ...{ clientid, sequence, flags, fore: channel, back: channel },
        program: 0x4000_0001,
        security: [{
          flavor: "sys",
          credential: {
            ...{ stamp: 3, machine: "callback", uid: 7, gid: 11, gids: [12] },
          },
        }],
        ...changes,
      }),
    ]);
    this.sequence = sequence + 1;
    return reply;
  }

  /** A connection of its own from now on. */
  reconnect(): void {
    this.#connection = newConnection();
  }

  /** Sends operations behind a SEQUENCE; `last` is what was sent, to be sent again. */
  send(
    ops: readonly Request[],
    options: SendOptions = {},
  ): Promise<CompoundReply> {
    const { slot = 0, cacheThis = true, session = this.session } = options;
    const sequence = options.sequence ?? (this.#sequences.get(slot) ?? 0) + 1;
    this.#sequences.set(slot, sequence >>> 0);
    return this.compound([
      op.sequence({
        sessionid: session,
        sequenceid: sequence >>> 0,
        slotid: slot,
        highestSlotid: options.highestSlot ?? 7,
        cacheThis,
      }),
      ...ops,
    ], options.uid);
  }

  /** As `send`; all must succeed. */
  async ok(
    ops: readonly Request[],
    options: SendOptions = {},
  ): Promise<CompoundReply> {
    const reply = await this.send(ops, options);
    assertEquals(reply.status, Status.OK, reply.describe());
    return reply;
  }

  /** Sends the last request of a slot again. */
  again(
    ops: readonly Request[],
    options: SendOptions = {},
  ): Promise<CompoundReply> {
    const sequence = this.#sequences.get(options.slot ?? 0);
    return this.send(ops, { sequence, ...options });
  }

  owner(): Owner {
    return { clientid: this.clientid, owner: bytesOf("owner") };
  }

  async compound(ops: readonly Request[], uid = 0): Promise<CompoundReply> {
    const args = { minorVersion: 1, ops };
    const request = new XdrWriter();
    writeCompound(request, args);
    const reply = new XdrWriter();
    const credential = sysCredential({ uid, gid: 0, gids: [] });
    const procedure = { program: 100003, version: 4, procedure: 1, xid: 1 };
    const body = new XdrReader(request.slice());
    const call: RpcCall = { ...procedure, credential, seal: PLAIN, body };
    const connection = this.#connection;
    const { services } = this.server.fixture;
    await compound(services, call, { reply, connection });
    if (call.reliance !== undefined) this.settles();
    call.reliance?.settled();
    return readCompound(new XdrReader(reply.slice()), args);
  }
}

/** Looks, and changes nothing. */
export const look: readonly Request[] = [
  op.putrootfh(),
  op.getattr(["change"]),
];

/** Makes a folder. */
export function mkdir(name: string): Request[] {
  const attributes = { mode: 0o755 };
  return [
    op.putrootfh(),
    op.create({ type: FileType.DIR, name, attributes }),
    op.getfh(),
  ];
}

function newConnection(): Connection {
  return testConnection({ peer: { hostname: "192.0.2.1", port: 700 } });
}
