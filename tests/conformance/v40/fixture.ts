/** What the behaviour tests of NFSv4.0 stand on: a server over TCP, a file of each type, strict clients. */

import { assertEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  bytesOf,
  type CompoundReply,
  CreateMode,
  FileType,
  op,
  type OpenCreate,
  type OpenedFile,
  type OpenFileOptions,
  type Owner,
  type Request,
  type Stateid,
  V40Client,
  type V40ClientOptions,
  walk,
} from "../../support/client/mod.ts";
import { statusName } from "../../support/client/names.ts";
import {
  startServer,
  type TestServer,
  type TestServerOptions,
} from "../../support/server.ts";

/** The types that a test goes through; each is the name of an object in the root. */
export const KINDS = [
  "file",
  "dir",
  "link",
  "block",
  "char",
  "socket",
  "fifo",
] as const;

/** Name of an object in the root, which says what it is. */
export type Kind = typeof KINDS[number];

/** All types but those named. */
export function kindsBut(...kinds: Kind[]): Kind[] {
  return KINDS.filter((kind) => !kinds.includes(kind));
}

/** nfs_ftype4 of each kind. */
export const TYPE_OF: Readonly<Record<Kind, number>> = {
  file: FileType.REG,
  dir: FileType.DIR,
  link: FileType.LNK,
  block: FileType.BLK,
  char: FileType.CHR,
  socket: FileType.SOCK,
  fifo: FileType.FIFO,
};

/** Content of `file`. */
export const CONTENT = "This is what the file says.";
/** Target of `link`. */
export const TARGET = "/etc/nowhere";

/** A file with no mode for others, as most tests make it. */
export const CREATE: OpenCreate = {
  mode: CreateMode.UNCHECKED,
  attributes: { mode: 0o644 },
};

/** CREATE of an object of a kind that is not a file. */
export function createOp(kind: Exclude<Kind, "file">, name: string): Request {
  return op.create({
    type: TYPE_OF[kind],
    name,
    link: TARGET,
    device: { major: 1, minor: 2 },
    attributes: { mode: 0o755 },
  });
}

/** RFC 7530 10.2: nowhere to be called back, so no delegation comes in between. */
export const NO_CALLBACKS = { netid: "tcp", address: "0.0.0.0.0.0" } as const;

/** A client that names its statuses. */
export class Peer implements AsyncDisposable {
  readonly client: V40Client;

  constructor(client: V40Client) {
    this.client = client;
  }

  /** Name of the status that a COMPOUND ends with. */
  async status(...ops: Request[]): Promise<string> {
    const reply = await this.client.compound(ops, { expect: "any" });
    return statusName(reply.status);
  }

  /** A COMPOUND that must succeed. */
  ok(...ops: Request[]): Promise<CompoundReply> {
    return this.client.compound(ops);
  }

  /** Opens (and confirms) a file, made if need be; both accesses, nothing denied. */
  open(
    path: string | readonly string[],
    options: OpenFileOptions = {},
  ): Promise<OpenedFile> {
    const names = typeof path === "string" ? [path] : path;
    return this.client.open(names, { create: CREATE, ...options });
  }

  /** Name of the status of an OPEN that creates nothing, its owner's seqid in step. */
  async openStatus(
    name: string,
    options: Omit<OpenFileOptions, "create" | "claim"> & {
      readonly create?: OpenCreate | undefined;
      readonly folder?: readonly string[];
    } = {},
  ): Promise<string> {
    const owner = this.client.owner(options.owner);
    const reply = await this.client.compound([
      ...walk(options.folder ?? []),
      op.open({
        seqid: owner.seqid,
        access: options.access ?? Share.ACCESS_BOTH,
        deny: options.deny,
        owner,
        create: options.create,
        claim: { claim: "null", name },
      }),
    ], { expect: "any" });
    if (reply.last?.name === "OPEN") owner.settle(reply.status);
    return statusName(reply.status);
  }

  /** CLOSE with the owner's next seqid. */
  async close(
    { filehandle, stateid }: Pick<OpenedFile, "filehandle" | "stateid">,
    owner?: string,
  ): Promise<string> {
    const sequence = this.client.owner(owner);
    const status = await this.status(
      op.putfh(filehandle),
      op.close(stateid, sequence.seqid),
    );
    sequence.settle(Status[status as keyof typeof Status]);
    return status;
  }

  /** A LOCK by a new lock owner, whose first seqid is 0; its stateid. */
  async lock(
    file: Pick<OpenedFile, "filehandle" | "stateid">,
    options: LockChoice = {},
  ): Promise<Stateid> {
    const reply = await this.#lock(file, options);
    return reply.get("LOCK").stateid;
  }

  /** As `lock`, for the name of its status. */
  async lockStatus(
    file: Pick<OpenedFile, "filehandle" | "stateid">,
    options: LockChoice = {},
  ): Promise<string> {
    return statusName((await this.#lock(file, options)).status);
  }

  /** A lock owner of this client. */
  lockOwner(name: string): Owner {
    return { clientid: this.client.clientid, owner: bytesOf(name) };
  }

  async #lock(
    { filehandle, stateid }: Pick<OpenedFile, "filehandle" | "stateid">,
    { owner, locker = "locker", ...lock }: LockChoice,
  ): Promise<CompoundReply> {
    const sequence = this.client.owner(owner);
    const reply = await this.client.compound([
      op.putfh(filehandle),
      op.lock({
        ...lock,
        locker: {
          openStateid: stateid,
          openSeqid: sequence.seqid,
          lockSeqid: 0,
          owner: this.lockOwner(locker),
        },
      }),
    ], { expect: "any" });
    sequence.settle(reply.status);
    return reply;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client[Symbol.asyncDispose]();
  }
}

/** What a new lock owner locks. */
export interface LockChoice {
  /** Open owner. */
  readonly owner?: string;
  /** Lock owner. */
  readonly locker?: string;
  readonly type?: number;
  readonly offset?: bigint;
  readonly length?: bigint;
}

/** A server with one object of each kind, and a client of root. */
export class Fixture extends Peer {
  readonly server: TestServer;
  readonly #others: Peer[] = [];

  constructor(server: TestServer, client: V40Client) {
    super(client);
    this.server = server;
  }

  /** Another client, registered unless told otherwise. */
  async peer(
    options: Omit<V40ClientOptions, "port"> & {
      readonly registered?: boolean;
    } = {},
  ): Promise<Peer> {
    const { registered = true, ...rest } = options;
    const { port } = this.server;
    const client = await V40Client.connect({ ...rest, port });
    const peer = new Peer(client);
    this.#others.push(peer);
    if (registered) await client.register(NO_CALLBACKS);
    return peer;
  }

  /** Ends clients and server; nothing may have come that nobody asked for. */
  override async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of [this, ...this.#others]) {
      assertEquals(client.connection.faults, []);
      assertEquals(client.connection.strays, []);
      await client[Symbol.asyncDispose]();
    }
    await this.server[Symbol.asyncDispose]();
  }
}

/** Starts it all. */
export async function startFixture(
  options: TestServerOptions = {},
): Promise<Fixture> {
  const tree = { file: CONTENT, dir: {} };
  const server = await startServer({ tree, ...options });
  const client = await V40Client.connect({ port: server.port });
  await client.register(NO_CALLBACKS);
  const fixture = new Fixture(server, client);
  for (const kind of ["link", "block", "char", "socket", "fifo"] as const) {
    await fixture.ok(op.putrootfh(), createOp(kind, kind));
  }
  return fixture;
}
