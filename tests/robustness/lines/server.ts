/** A server whose clients come from whichever address the test says. */

import { type NfsServer, serve } from "../../../src/server.ts";
import type { ServeOptions } from "../../../src/server/options.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import {
  ClientConnection,
  openSession,
  type Session,
} from "../../support/client/mod.ts";
import { TestAcceptor } from "../../rpc/in_process.ts";

/** The port that the server takes for one of the host's. */
const PORT = 4;
const PEER_PORT = 700;

/** The whole server, and connections to it that need no socket. */
export class ManyParties implements AsyncDisposable {
  readonly #server: NfsServer;
  readonly #acceptor: TestAcceptor;
  readonly #sessions: Session[] = [];

  private constructor(server: NfsServer, acceptor: TestAcceptor) {
    this.#server = server;
    this.#acceptor = acceptor;
  }

  /** Serves `fs` as "/". */
  static async serve(
    fs: FileSystem,
    options: ServeOptions = {},
  ): Promise<ManyParties> {
    const acceptor = new TestAcceptor();
    const { listen } = Deno;
    // deno-lint-ignore no-explicit-any
    (Deno as any).listen = (where: Deno.TcpListenOptions) =>
      where.port === PORT ? listenerOf(acceptor) : listen(where);
    try {
      const exported = { path: "/", fs, squash: "none", trust: "any" } as const;
      const server = await serve([exported], {
        port: PORT,
        shutdownTimeout: 2_000,
        delegations: false,
        ...options,
      });
      return new ManyParties(server, acceptor);
    } finally {
      Deno.listen = listen;
    }
  }

  /** A client of its own, from an address, which is the name of its party. */
  async mount(hostname: string): Promise<Session> {
    const transport = this.#acceptor.connect(hostname);
    const localAddr = { transport: "tcp", hostname, port: PEER_PORT } as const;
    const connection = ClientConnection.over({ ...transport, localAddr });
    const fore = { maxrequests: 64 };
    const session = await openSession({
      ...{ port: PORT, connection, fore, minorVersion: 2 },
    });
    this.#sessions.push(session);
    return session;
  }

  /** Unmounts all, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) await session[Symbol.asyncDispose]();
    await this.#server.close();
  }
}

function listenerOf(acceptor: TestAcceptor): Deno.TcpListener {
  const addr = { transport: "tcp", hostname: "10.0.0.1", port: PORT };
  const listener = {
    addr,
    async accept() {
      const { transport, peer } = await acceptor.accept();
      const remoteAddr = { ...addr, hostname: peer.hostname, port: PEER_PORT };
      return { ...transport, localAddr: addr, remoteAddr };
    },
    close: () => acceptor.close(),
  };
  return listener as unknown as Deno.TcpListener;
}
