/** A client of either protocol that works with the named attributes of a file. */

import { Share } from "../../../src/nfs4/constants.ts";
import {
  type AttributeName,
  type Attributes,
  type Component,
  type CompoundReply,
  CreateMode,
  type Credential,
  op,
  type OpenCreate,
  type OpenedFile,
  type Request,
  rootCredential,
  SessionClient,
  V40Client,
  walk,
} from "../../support/client/mod.ts";
import { statusName } from "../../support/client/names.ts";
import {
  startServer,
  type TestServer,
  type TestServerOptions,
} from "../../support/server.ts";

/** OPEN4_RESULT_CONFIRM (RFC 7530 16.16.2). */
const RESULT_CONFIRM = 2;

/** Minor versions that have sessions, and the one that has not. */
export const VERSIONS = [0, 1] as const;

/** As macOS makes an attribute. */
export const CREATE: OpenCreate = {
  mode: CreateMode.UNCHECKED,
  attributes: { mode: 0o644, size: 0n },
};

/** What the tests say in both protocols. */
export abstract class Speaker implements AsyncDisposable {
  abstract send(ops: readonly Request[]): Promise<CompoundReply>;

  /** OPEN of a name in the folder with this filehandle, confirmed. */
  abstract open(
    folder: Uint8Array,
    name: Component,
    how?: { readonly access?: number; readonly create?: OpenCreate },
  ): Promise<OpenedFile>;

  /** Name of the status of CLOSE. */
  abstract close(file: OpenedFile): Promise<string>;

  abstract [Symbol.asyncDispose](): Promise<void>;

  /** A COMPOUND that must succeed. */
  async ok(...ops: Request[]): Promise<CompoundReply> {
    const reply = await this.send(ops);
    if (reply.status !== 0) throw new Error(statusName(reply.status));
    return reply;
  }

  /** Name of the status that a COMPOUND ends with. */
  async status(...ops: Request[]): Promise<string> {
    return statusName((await this.send(ops)).status);
  }

  /** The filehandle that these lead to. */
  async handle(...ops: Request[]): Promise<Uint8Array> {
    return (await this.ok(...ops, op.getfh())).get("GETFH").filehandle;
  }

  /** The filehandle of the folder of attributes of what is at a path, made if need be. */
  attributeFolder(...path: string[]): Promise<Uint8Array> {
    return this.handle(...walk(path), op.openattr(true));
  }

  /** Attributes of what has this filehandle. */
  async attributes(
    handle: Uint8Array,
    ...names: AttributeName[]
  ): Promise<Attributes> {
    const reply = await this.ok(op.putfh(handle), op.getattr(names));
    return reply.get("GETATTR").attributes;
  }

  /** Makes an attribute of what is at a path, of these bytes. */
  async make(
    path: readonly string[],
    name: string,
    data: Component,
  ): Promise<Uint8Array> {
    const folder = await this.attributeFolder(...path);
    const file = await this.open(folder, name, { create: CREATE });
    const { filehandle, stateid } = file;
    await this.ok(op.putfh(filehandle), op.write({ stateid, data }));
    await this.close(file);
    return filehandle;
  }

  /** All that is in an attribute. */
  async content(handle: Uint8Array): Promise<Uint8Array> {
    const reply = await this.ok(
      op.putfh(handle),
      op.read({ count: 1_000_000 }),
    );
    return reply.get("READ").data;
  }

  /** The names in a folder with this filehandle, sorted. */
  async names(folder: Uint8Array): Promise<string[]> {
    const names: string[] = [];
    for (let cookie = 0n, verifier = new Uint8Array(8);;) {
      const list = op.readdir({ cookie, verifier, maxcount: 1024 });
      const page = (await this.ok(op.putfh(folder), list)).get("READDIR");
      for (const { name } of page.entries) names.push(String(name));
      if (page.eof) return names.sort();
      cookie = page.entries.at(-1)!.cookie;
      verifier = page.verifier as Uint8Array<ArrayBuffer>;
    }
  }
}

class V40Speaker extends Speaker {
  readonly #client: V40Client;

  constructor(client: V40Client) {
    super();
    this.#client = client;
  }

  send(ops: readonly Request[]): Promise<CompoundReply> {
    return this.#client.compound(ops, { expect: "any" });
  }

  async open(
    folder: Uint8Array,
    name: Component,
    { access = Share.ACCESS_BOTH, create }: {
      readonly access?: number;
      readonly create?: OpenCreate;
    } = {},
  ): Promise<OpenedFile> {
    const owner = this.#client.owner();
    const { seqid } = owner;
    const claim = { claim: "null", name } as const;
    const reply = await this.send([
      op.putfh(folder),
      op.open({ seqid, access, owner, create, claim }),
      op.getfh(),
    ]);
    owner.settle(reply.results[1]!.status);
    const opened = { ...reply.get("OPEN"), ...reply.get("GETFH") };
    if ((opened.flags & RESULT_CONFIRM) === 0) return opened;
    const confirmed = await this.ok(
      op.putfh(opened.filehandle),
      op.openConfirm(opened.stateid, owner.seqid),
    );
    owner.settle(confirmed.status);
    return { ...opened, stateid: confirmed.get("OPEN_CONFIRM").stateid };
  }

  async close({ filehandle, stateid }: OpenedFile): Promise<string> {
    const owner = this.#client.owner();
    const close = op.close(stateid, owner.seqid);
    const reply = await this.send([op.putfh(filehandle), close]);
    owner.settle(reply.status);
    return statusName(reply.status);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}

class SessionSpeaker extends Speaker {
  readonly #client: SessionClient;
  readonly #session: Awaited<ReturnType<SessionClient["createSession"]>>;

  constructor(
    client: SessionClient,
    session: Awaited<ReturnType<SessionClient["createSession"]>>,
  ) {
    super();
    this.#client = client;
    this.#session = session;
  }

  send(ops: readonly Request[]): Promise<CompoundReply> {
    // What is read may be more than a slot keeps.
    return this.#session.compound(ops, { expect: "any", cacheThis: false });
  }

  async open(
    folder: Uint8Array,
    name: Component,
    { access = Share.ACCESS_BOTH, create }: {
      readonly access?: number;
      readonly create?: OpenCreate;
    } = {},
  ): Promise<OpenedFile> {
    const { clientid } = this.#client;
    const owner = { clientid, owner: new TextEncoder().encode("owner") };
    const claim = { claim: "null", name } as const;
    const reply = await this.ok(
      op.putfh(folder),
      op.open({ access, owner, create, claim }),
      op.getfh(),
    );
    return { ...reply.get("OPEN"), ...reply.get("GETFH") };
  }

  close({ filehandle, stateid }: OpenedFile): Promise<string> {
    return this.status(op.putfh(filehandle), op.close(stateid));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}

/** A server and clients of it. */
export class Fixture implements AsyncDisposable {
  readonly server: TestServer;
  readonly #speakers: Speaker[] = [];

  private constructor(server: TestServer) {
    this.server = server;
  }

  /** Serves a file "file" and a folder "folder" in memory, where nothing else is said. */
  static async open(options: TestServerOptions = {}): Promise<Fixture> {
    const tree = { file: "content", folder: {} };
    return new Fixture(await startServer({ tree, ...options }));
  }

  /** A client of a minor version that may open files. */
  async speaker(
    minorVersion: 0 | 1 | 2,
    credential: Credential = rootCredential,
  ): Promise<Speaker> {
    const speaker = await connect(this.server.port, minorVersion, credential);
    this.#speakers.push(speaker);
    return speaker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const speaker of this.#speakers) await speaker[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

async function connect(
  port: number,
  minorVersion: 0 | 1 | 2,
  credential: Credential = rootCredential,
): Promise<Speaker> {
  if (minorVersion === 0) {
    const client = await V40Client.connect({ port, credential });
    await client.register();
    return new V40Speaker(client);
  }
  const options = { port, minorVersion, credential };
  const client = await SessionClient.connect(options);
  await client.exchangeId();
  const session = await client.createSession();
  await session.compound([op.reclaimComplete()]);
  return new SessionSpeaker(client, session);
}
