/** A client of NFSv4.0: clientid, owners with their seqids, a port for callbacks. */

import { Status } from "../../../src/nfs4/constants.ts";
import { CallbackListener } from "./callback_listener.ts";
import type { CompoundReply } from "./compound.ts";
import { ClientConnection, type ServerAddress } from "./connection.ts";
import { op } from "./op.ts";
import { type OpenedFile, type OpenFileOptions, openRequests } from "./open.ts";
import type { SetclientidOptions } from "./ops_state.ts";
import {
  bootVerifier,
  bytesOf,
  type Component,
  type Owner,
  type Request,
} from "./request.ts";
import { type Credential, rootCredential } from "./rpc.ts";
import {
  type CompoundOptions,
  type Expectation,
  sendCompound,
} from "./sender.ts";

/** Who the client is. */
export interface V40ClientOptions extends ServerAddress {
  /** nfs_client_id4.id; a new one for each client unless given. */
  readonly id?: Component;
  /** 8 bytes. */
  readonly verifier?: Uint8Array;
  readonly credential?: Credential;
  /** callback_ident; 0x1d by default, so that nobody guesses it. */
  readonly ident?: number;
  readonly program?: number;
}

/** OPEN4_RESULT_CONFIRM (RFC 7530 16.16.2). */
export const RESULT_CONFIRM = 2;

/** RFC 7530 9.1.7: after these the owner's seqid stays where it was. */
const seqidStays: ReadonlySet<number> = new Set([
  Status.STALE_CLIENTID,
  Status.STALE_STATEID,
  Status.BAD_STATEID,
  Status.BAD_SEQID,
  Status.BADXDR,
  Status.RESOURCE,
  Status.NOFILEHANDLE,
  Status.MOVED,
]);

/** An open-owner or lock-owner and the seqid of its next request. */
export class SeqidOwner implements Owner {
  readonly clientid: bigint;
  readonly owner: Uint8Array;
  seqid: number;

  constructor(clientid: bigint, owner: Component, seqid = 1) {
    this.clientid = clientid;
    this.owner = bytesOf(owner);
    this.seqid = seqid;
  }

  /** Moves on as the status of its request demands. */
  settle(status: number): void {
    if (!seqidStays.has(status)) this.seqid = (this.seqid + 1) >>> 0;
  }
}

let clients = 0;

/** One client: a connection out, and a listener that the server dials. */
export class V40Client implements AsyncDisposable {
  readonly id: Uint8Array;
  readonly verifier: Uint8Array;
  readonly credential: Credential;
  readonly connection: ClientConnection;
  /** Takes the callbacks. */
  readonly listener: CallbackListener;
  readonly program: number;
  readonly ident: number;
  /** Of the last SETCLIENTID. */
  clientid = 0n;
  readonly #owners = new Map<string, SeqidOwner>();

  private constructor(options: V40ClientOptions, connection: ClientConnection) {
    this.id = bytesOf(options.id ?? `strict v4.0 client ${++clients}`);
    this.verifier = options.verifier ?? bootVerifier;
    this.credential = options.credential ?? rootCredential;
    this.connection = connection;
    this.program = options.program ?? 0x40000000;
    this.ident = options.ident ?? 0x1d;
    this.listener = new CallbackListener({
      v40: { program: this.program, ident: this.ident },
    });
  }

  /** Connects; nothing is said yet. */
  static async connect(options: V40ClientOptions): Promise<V40Client> {
    return new V40Client(options, await ClientConnection.connect(options));
  }

  /** A COMPOUND of minor version 0. */
  compound(
    ops: readonly Request[],
    options: CompoundOptions = {},
  ): Promise<CompoundReply> {
    const { tag, operationCount } = options;
    return sendCompound(
      this.connection,
      { minorVersion: 0, ops, tag, operationCount },
      {
        credential: this.credential,
        ...options,
        learn: (reply) => this.listener.peer.delegations.learn(reply, ops),
      },
    );
  }

  /** As `compound`, for a status that is not NFS4_OK. */
  expectStatus(
    expect: Expectation,
    ops: readonly Request[],
    options: CompoundOptions = {},
  ): Promise<CompoundReply> {
    return this.compound(ops, { ...options, expect });
  }

  /** The arguments of SETCLIENTID: this client, its own listener. */
  setclientidArguments(
    changes: Partial<SetclientidOptions> = {},
  ): SetclientidOptions {
    return {
      verifier: this.verifier,
      id: this.id,
      program: this.program,
      netid: this.listener.netid,
      address: this.listener.universalAddress,
      ident: this.ident,
      ...changes,
    };
  }

  /** SETCLIENTID and SETCLIENTID_CONFIRM. */
  async register(changes: Partial<SetclientidOptions> = {}): Promise<void> {
    const args = this.setclientidArguments(changes);
    const reply = await this.compound([op.setclientid(args)]);
    const { clientid, verifier } = reply.get("SETCLIENTID");
    this.clientid = clientid;
    await this.compound([op.setclientidConfirm(clientid, verifier)]);
  }

  /** The owner of this name, always the same one. */
  owner(name: Component = "owner"): SeqidOwner {
    const key = `${this.clientid} ${bytesOf(name)}`;
    let owner = this.#owners.get(key);
    if (!owner) {
      owner = new SeqidOwner(this.clientid, name);
      this.#owners.set(key, owner);
    }
    return owner;
  }

  /** Opens a file by its path, and confirms the owner when the server asks for it. */
  async open(
    path: readonly Component[],
    options: OpenFileOptions = {},
  ): Promise<OpenedFile> {
    const owner = this.owner(options.owner);
    const reply = await this.compound(
      openRequests(path, {
        ...options,
        clientid: this.clientid,
        seqid: owner.seqid,
      }),
      { expect: "any" },
    );
    const result = reply.results.find(({ name }) => name === "OPEN");
    if (result) owner.settle(result.status);
    const opened = { ...reply.get("OPEN"), ...reply.get("GETFH") };
    if (!(opened.flags & RESULT_CONFIRM)) return opened;
    const confirmed = await this.compound([
      op.putfh(opened.filehandle),
      op.openConfirm(opened.stateid, owner.seqid),
    ]);
    owner.settle(confirmed.status);
    return { ...opened, stateid: confirmed.get("OPEN_CONFIRM").stateid };
  }

  /** Closes the connection and the listener. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    await this.listener[Symbol.asyncDispose]();
  }
}
