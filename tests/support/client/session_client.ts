/** A client of NFSv4.1 and 4.2: EXCHANGE_ID, CREATE_SESSION and all that sessions need. */

import { Status } from "../../../src/nfs4/constants.ts";
import { CallbackPeer } from "./callback_peer.ts";
import { CallbackSession } from "./callback_session.ts";
import type { CompoundReply } from "./compound.ts";
import { ClientConnection, type ServerAddress } from "./connection.ts";
import { op } from "./op.ts";
import {
  type AuthSys,
  type CallbackSecurity,
  type ChannelAttributes,
  type CreateSessionOptions,
  type ExchangeIdOptions,
  SessionFlag,
} from "./ops_session.ts";
import {
  bootVerifier,
  bytesOf,
  type Component,
  type Request,
} from "./request.ts";
import type { OkResult } from "./results.ts";
import { type Credential, rootCredential } from "./rpc.ts";
import { type CompoundOptions, sendCompound } from "./sender.ts";
import { Session } from "./session.ts";

/** Who the client is. */
export interface SessionClientOptions extends ServerAddress {
  /** 1 by default. */
  readonly minorVersion?: number | undefined;
  /** co_ownerid; a new one for each client unless given. */
  readonly owner?: Component | undefined;
  /** co_verifier: another one stands for a client that has rebooted. 8 bytes. */
  readonly verifier?: Uint8Array | undefined;
  readonly credential?: Credential | undefined;
  /** Where callbacks are judged; shared by clients that share connections. */
  readonly callbacks?: CallbackPeer | undefined;
  /** Used in place of a connection of its own. */
  readonly connection?: ClientConnection | undefined;
}

/** What CREATE_SESSION asks for, all of it optional. */
export interface SessionOptions {
  readonly flags?: number | undefined;
  readonly fore?: Partial<ChannelAttributes> | undefined;
  readonly back?: Partial<ChannelAttributes> | undefined;
  readonly program?: number | undefined;
  readonly security?: readonly CallbackSecurity[] | undefined;
  /** csa_sequence where it is to differ from the expected one. */
  readonly sequence?: number | undefined;
  readonly connection?: ClientConnection | undefined;
  readonly credential?: Credential | undefined;
}

/** What {@linkcode openSession} is told. */
export interface OpenSessionOptions
  extends SessionClientOptions, Omit<SessionOptions, "connection"> {
  /** Whether RECLAIM_COMPLETE is sent; it is by default. */
  readonly reclaimComplete?: boolean | undefined;
}

/** Program number of this client's callbacks. */
export const CALLBACK_PROGRAM = 0x40000000;

/** What this client's callbacks are to be authenticated with. */
export const callbackCredential: AuthSys = {
  stamp: 0x5eed,
  machine: "strict-client",
  uid: 0,
  gid: 0,
  gids: [],
};

/** Fore channel as a Linux client asks for it. */
export const foreChannel: ChannelAttributes = {
  headerpadsize: 0,
  maxrequestsize: 1_049_620,
  maxresponsesize: 1_049_480,
  maxresponsesize_cached: 7584,
  maxoperations: 32,
  maxrequests: 16,
  rdma_ird: [],
};

/** Back channel as a Linux client asks for it, with a single slot. */
export const backChannel: ChannelAttributes = {
  headerpadsize: 0,
  maxrequestsize: 4096,
  maxresponsesize: 4096,
  maxresponsesize_cached: 0,
  maxoperations: 2,
  maxrequests: 1,
  rdma_ird: [],
};

let clients = 0;

/** One client, with any number of connections and sessions. */
export class SessionClient implements AsyncDisposable {
  readonly address: ServerAddress;
  readonly minorVersion: number;
  readonly owner: Uint8Array;
  readonly verifier: Uint8Array;
  readonly credential: Credential;
  /** Judges and answers callbacks. */
  readonly callbacks: CallbackPeer;
  /** The first connection, used where none is named. */
  readonly connection: ClientConnection;
  /** Of the last EXCHANGE_ID; 0 before. */
  clientid = 0n;
  /** csa_sequence of the next CREATE_SESSION. */
  sequence = 0;
  readonly #connections: ClientConnection[] = [];

  private constructor(
    options: SessionClientOptions,
    connection: ClientConnection,
  ) {
    this.address = options;
    this.minorVersion = options.minorVersion ?? 1;
    this.owner = bytesOf(options.owner ?? `strict client ${++clients}`);
    this.verifier = options.verifier ?? bootVerifier;
    this.credential = options.credential ?? rootCredential;
    this.callbacks = options.callbacks ?? new CallbackPeer();
    this.connection = connection;
    this.#own(connection);
  }

  /** Connects; nothing is said yet. */
  static async connect(options: SessionClientOptions): Promise<SessionClient> {
    const connection = options.connection ??
      await ClientConnection.connect(options);
    return new SessionClient(options, connection);
  }

  /** One more connection to the same server, whose callbacks come here too. */
  async newConnection(): Promise<ClientConnection> {
    const connection = await ClientConnection.connect(this.address);
    this.#own(connection);
    return connection;
  }

  /** A COMPOUND as it is, without SEQUENCE. */
  compound(
    ops: readonly Request[],
    options: CompoundOptions & {
      readonly connection?: ClientConnection | undefined;
      readonly minorVersion?: number | undefined;
      readonly learn?: ((reply: CompoundReply) => void) | undefined;
    } = {},
  ): Promise<CompoundReply> {
    const { tag, operationCount } = options;
    const minorVersion = options.minorVersion ?? this.minorVersion;
    return sendCompound(
      options.connection ?? this.connection,
      { minorVersion, ops, tag, operationCount },
      { credential: this.credential, ...options },
    );
  }

  /** EXCHANGE_ID; the clientid and sequence of the answer are this client's from now on. */
  async exchangeId(
    changes: Partial<ExchangeIdOptions> = {},
    options: CompoundOptions = {},
  ): Promise<OkResult<"EXCHANGE_ID">> {
    const reply = await this.compound([
      op.exchangeId({ owner: this.owner, verifier: this.verifier, ...changes }),
    ], options);
    const result = reply.get("EXCHANGE_ID");
    this.clientid = result.clientid;
    this.sequence = result.sequence;
    return result;
  }

  /** The arguments of CREATE_SESSION that these options come to. */
  sessionArguments(options: SessionOptions = {}): CreateSessionOptions {
    return {
      clientid: this.clientid,
      sequence: options.sequence ?? this.sequence,
      flags: options.flags ?? SessionFlag.CONN_BACK_CHAN,
      fore: { ...foreChannel, ...options.fore },
      back: { ...backChannel, ...options.back },
      program: options.program ?? CALLBACK_PROGRAM,
      security: options.security ??
        [{ flavor: "sys", credential: callbackCredential }],
    };
  }

  /** CREATE_SESSION, which binds its connection as the server answers. */
  async createSession(options: SessionOptions = {}): Promise<Session> {
    const args = this.sessionArguments(options);
    const connection = options.connection ?? this.connection;
    let session: Session | undefined;
    // Done before the next record is read: a callback may be right behind.
    const learn = (reply: CompoundReply) => {
      if (reply.status !== Status.OK) return;
      session = this.#adopt(reply.get("CREATE_SESSION"), args, connection);
    };
    const { credential } = options;
    await this.compound([op.createSession(args)], {
      connection,
      learn,
      ...(credential ? { credential } : {}),
    });
    this.sequence = (args.sequence + 1) >>> 0;
    return session!;
  }

  /** DESTROY_CLIENTID outside of any session. */
  async destroyClientid(options: CompoundOptions = {}): Promise<void> {
    await this.compound([op.destroyClientid(this.clientid)], options);
  }

  /** Cuts every connection, as a client that vanishes. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#connections.map((each) => each.closed));
  }

  #own(connection: ClientConnection): void {
    this.#connections.push(connection);
    this.callbacks.attach(connection);
  }

  #adopt(
    created: OkResult<"CREATE_SESSION">,
    args: CreateSessionOptions,
    connection: ClientConnection,
  ): Session {
    checkChannels(created, args);
    const callback: CallbackSession = new CallbackSession({
      sessionid: created.sessionid,
      minorVersion: this.minorVersion,
      program: args.program,
      security: args.security,
      channel: created.back,
      isOutstanding: (slotid, sequenceid) =>
        session.isOutstanding(slotid, sequenceid),
    });
    if (created.flags & SessionFlag.CONN_BACK_CHAN) {
      callback.connections.add(connection);
    }
    this.callbacks.addSession(callback);
    const session = new Session(this, { created, connection, callback });
    return session;
  }
}

/** RFC 8881 18.36.3: a server may lower what was asked for, never raise it. */
function checkChannels(
  created: OkResult<"CREATE_SESSION">,
  args: CreateSessionOptions,
): void {
  for (const side of ["fore", "back"] as const) {
    for (
      const field of [
        "maxrequestsize",
        "maxresponsesize",
        "maxresponsesize_cached",
        "maxoperations",
        "maxrequests",
      ] as const
    ) {
      if (created[side][field] > args[side][field]) {
        throw new Error(`CREATE_SESSION raised ${side} ${field}`);
      }
    }
  }
  if (created.sequence !== args.sequence) {
    throw new Error(`csr_sequence ${created.sequence} for ${args.sequence}`);
  }
  if (created.flags & ~args.flags) {
    throw new Error(`CREATE_SESSION set flags that nobody asked for`);
  }
}

/** Connects, EXCHANGE_ID, CREATE_SESSION, RECLAIM_COMPLETE: ready to work. */
export async function openSession(
  options: OpenSessionOptions,
): Promise<Session> {
  const client = await SessionClient.connect(options);
  try {
    await client.exchangeId();
    const session = await client.createSession({
      ...options,
      connection: client.connection,
    });
    if (options.reclaimComplete ?? true) {
      await session.compound([op.reclaimComplete()]);
    }
    return session;
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}
