/**
 * A TCP proxy on loopback whose connections can be cut.
 *
 * @module
 */

/** Passes bytes to a port of this host until it is told to cut them off. */
export class Proxy implements Disposable {
  /** The port that it listens on. */
  readonly port: number;
  #listener: Deno.TcpListener;
  #connections: Set<Deno.TcpConn> = new Set();

  /** A proxy in front of `target`, a port on 127.0.0.1. */
  constructor(target: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#accept(target);
  }

  /** Closes every connection on both sides, whatever is under way; says how many. */
  drop(): number {
    const count = this.#connections.size / 2;
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
    return count;
  }

  /** Stops listening and closes every connection. */
  [Symbol.dispose](): void {
    this.#listener.close();
    this.drop();
  }

  async #accept(target: number): Promise<void> {
    for await (const client of this.#listener) {
      try {
        const server = await Deno.connect({
          hostname: "127.0.0.1",
          port: target,
        });
        server.setNoDelay(true);
        client.setNoDelay(true);
        this.#connections.add(client).add(server);
        this.#pass(client, server);
        this.#pass(server, client);
      } catch {
        // The server is down for a moment: the guest tries again.
        client.close();
      }
    }
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(256 * 1024);
    try {
      for (;;) {
        const n = await from.read(buffer);
        if (n === null) break;
        for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
      }
    } catch {
      // Cut, by us or by one of the ends.
    }
    for (const connection of [from, to]) {
      if (this.#connections.delete(connection)) connection.close();
    }
  }
}
