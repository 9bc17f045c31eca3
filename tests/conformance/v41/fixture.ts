/** What these tests stand on: a server over TCP, many clients on one connection, a file of every type. */

import { assert } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import {
  authSys,
  type CallbackPeer,
  type ClientConnection,
  type Component,
  type CompoundReply,
  CreateMode,
  type Credential,
  FileType,
  op,
  type OpenedFile,
  type OpenFileOptions,
  openRequests,
  type OpenSessionOptions,
  type Request,
  rootCredential,
  type Session,
  SessionClient,
  type SessionClientOptions,
  walk,
} from "../../support/client/mod.ts";
import {
  startServer,
  type TestServer,
  type TestServerOptions,
} from "../../support/server.ts";

/** Who registers clients and owns files. */
export const root: Credential = rootCredential;

/** Somebody else on the same machine. */
export const stranger: Credential = authSys(1111, 37);

/** Another verifier: the client's next incarnation. */
export const restarted: Uint8Array = new Uint8Array(8).fill(0x52);

/** OPEN4_SHARE_ACCESS_WANT_NO_DELEG, for opens that are about something else. */
export const NOT_WANTED = 0x0400;

/** Attributes of a new file, made only if it is new. */
export const created = {
  mode: CreateMode.GUARDED,
  attributes: { mode: 0o644 },
} as const;

/** Objects of all types, by the names that {@linkcode Fixture.makeObjects} gives them. */
export const objectTypes = {
  dir: FileType.DIR,
  socket: FileType.SOCK,
  fifo: FileType.FIFO,
  link: FileType.LNK,
  block: FileType.BLK,
  char: FileType.CHR,
} as const;

/** A server and its clients, all of which share one connection. */
export class Fixture implements AsyncDisposable {
  readonly server: TestServer;
  readonly connection: ClientConnection;
  readonly #first: SessionClient;

  private constructor(server: TestServer, first: SessionClient) {
    this.server = server;
    this.#first = first;
    this.connection = first.connection;
  }

  /** Starts the server and connects. */
  static async open(
    options: TestServerOptions = {},
    callbacks?: CallbackPeer,
  ): Promise<Fixture> {
    const server = await startServer(options);
    try {
      const { port } = server;
      const first = await SessionClient.connect({ port, callbacks });
      return new Fixture(server, first);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A client that has said nothing yet. */
  client(options: Partial<SessionClientOptions> = {}): Promise<SessionClient> {
    return SessionClient.connect({
      port: this.server.port,
      connection: this.connection,
      callbacks: this.#first.callbacks,
      ...options,
    });
  }

  /** A new client with a session that is ready to open files. */
  async session(
    options: Partial<OpenSessionOptions> = {},
  ): Promise<Session> {
    const client = await this.client(options);
    await client.exchangeId();
    const session = await client.createSession({
      ...options,
      connection: this.connection,
    });
    if (options.reclaimComplete ?? true) {
      await session.compound([op.reclaimComplete()]);
    }
    return session;
  }

  /** Makes a folder of this name with an object of every type in it. */
  async makeObjects(session: Session, folder: string): Promise<void> {
    await session.compound([...walk([]), makeFolder(folder)]);
    for (const [name, type] of Object.entries(objectTypes)) {
      await session.compound([
        ...walk([folder]),
        op.create({
          type,
          name,
          link: "/etc/X11",
          device: { major: 1, minor: 2 },
          attributes: { mode: 0o755 },
        }),
      ]);
    }
    const access = Share.ACCESS_BOTH | NOT_WANTED;
    const file = await session.open([folder, "file"], {
      access,
      create: created,
    });
    await session.compound([
      op.putfh(file.filehandle),
      op.write({ stateid: file.stateid, data: "text" }),
      op.close(file.stateid),
    ]);
  }

  /** Cuts the connection and stops the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    const { faults, strays } = this.connection;
    assert(faults.length + strays.length === 0, `${faults} ${strays}`);
    this.#first.callbacks.assertClean();
  }
}

/** CREATE of a folder. */
export function makeFolder(name: Component): Request<"CREATE"> {
  const attributes = { mode: 0o755 };
  return op.create({ type: FileType.DIR, name, attributes });
}

/** Creates an empty file and closes it again; its filehandle. */
export async function makeFile(
  session: Session,
  path: readonly Component[],
): Promise<Uint8Array> {
  const access = Share.ACCESS_BOTH | NOT_WANTED;
  const file = await session.open(path, { access, create: created });
  await closeFile(session, file);
  return file.filehandle;
}

/** CLOSE. */
export function closeFile(
  session: Session,
  file: Pick<OpenedFile, "filehandle" | "stateid">,
): Promise<CompoundReply> {
  return session.compound([op.putfh(file.filehandle), op.close(file.stateid)]);
}

/** What an OPEN of this path ends with. */
export async function statusOfOpen(
  session: Session,
  path: readonly Component[],
  options: OpenFileOptions = {},
): Promise<number> {
  const { clientid } = session.client;
  const requests = openRequests(path, { ...options, clientid });
  return (await session.expectStatus("any", requests)).status;
}
