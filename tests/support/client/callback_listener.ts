/** Where an NFSv4.0 client takes its callbacks: a port of its own (RFC 7530 2.2.11). */

import type { CallbackPeerOptions, CallbackReturn } from "./callback_call.ts";
import { CallbackPeer } from "./callback_peer.ts";
import { frame, RecordReader } from "./framing.ts";

/** A listener on loopback whose calls a {@linkcode CallbackPeer} judges. */
export class CallbackListener implements AsyncDisposable {
  /** Judges the calls. */
  readonly peer: CallbackPeer;
  /** Connections that were accepted so far. */
  accepted = 0;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  /** Listens on a port that the system chooses. */
  constructor(options: CallbackPeerOptions, hostname = "127.0.0.1") {
    this.peer = new CallbackPeer(options);
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.#accepting = this.#accept();
  }

  /** Port on loopback. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** "tcp", or "tcp6" on an IPv6 address. */
  get netid(): string {
    return this.#listener.addr.hostname.includes(":") ? "tcp6" : "tcp";
  }

  /** Universal address: host, high byte and low byte of the port (RFC 5665 5.2.3). */
  get universalAddress(): string {
    const { hostname, port } = this.#listener.addr;
    return `${hostname}.${port >> 8}.${port & 0xff}`;
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#open.size;
  }

  /** Closes what is open, as a client that reboots; the port goes on listening. */
  cut(): void {
    for (const socket of this.#open) this.#close(socket);
  }

  /** Stops listening and closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#accepting;
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    try {
      for await (const socket of this.#listener) {
        this.accepted++;
        this.#open.add(socket);
        const task = this.#serve(socket);
        this.#tasks.add(task);
        task.finally(() => this.#tasks.delete(task));
      }
    } catch {
      // The listener is closed.
    }
  }

  async #serve(socket: Deno.TcpConn): Promise<void> {
    const records = new RecordReader();
    const buffer = new Uint8Array(65536);
    const channel: CallbackReturn = {
      send: async (record) => {
        const bytes = frame(record);
        let at = 0;
        while (at < bytes.length) at += await socket.write(bytes.subarray(at));
      },
      close: () => this.#close(socket),
    };
    try {
      while (true) {
        const length = await socket.read(buffer);
        if (length === null) break;
        for (const record of records.push(buffer.subarray(0, length))) {
          this.peer.accept(record, channel);
        }
      }
    } catch {
      // Cut off by either side.
    }
    this.#close(socket);
  }

  #close(socket: Deno.TcpConn): void {
    if (this.#open.delete(socket)) socket.close();
  }
}
