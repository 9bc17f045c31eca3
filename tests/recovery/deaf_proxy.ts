/** A TCP proxy that can keep the server's replies to itself: the network that fails at the worst moment. */
import { RecordReader } from "../support/client/framing.ts";

/** Bytes of an RPC reply header with an AUTH_NONE verifier. */
const RPC_REPLY_HEADER = 24;

/** Passes bytes to a server, and back unless told not to. */
export class DeafProxy implements AsyncDisposable {
  /** Where clients connect. */
  readonly port: number;
  /** Whether replies are kept instead of being delivered. */
  isDeaf = false;
  /** The kept replies' COMPOUND4res. */
  readonly kept: Uint8Array[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;
  #changed = Promise.withResolvers<void>();

  /** In front of a port of 127.0.0.1. */
  constructor(target: number) {
    this.#target = target;
    this.port = this.#listener.addr.port;
    this.#running = this.#accept();
  }

  /** Resolves when so many replies were kept. */
  async until(count: number): Promise<void> {
    while (this.kept.length < count) await this.#changed.promise;
  }

  /** Cuts all connections; new ones are welcome. */
  cut(): void {
    for (const socket of this.#sockets) {
      try {
        socket.close();
      } catch {
        // The other side was quicker.
      }
    }
    this.#sockets.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#running;
  }

  async #accept(): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ port: this.#target });
      this.#sockets.add(client).add(server);
      const records = new RecordReader();
      passing.push(
        pass(client, (bytes) => write(server, bytes)),
        pass(server, async (bytes) => {
          if (!this.isDeaf) return await write(client, bytes);
          for (const record of records.push(bytes)) {
            this.kept.push(record.bytes.slice(RPC_REPLY_HEADER));
          }
          this.#changed.resolve();
          this.#changed = Promise.withResolvers();
        }),
      );
    }
    await Promise.all(passing);
  }
}

async function pass(
  from: Deno.TcpConn,
  to: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    for (;;) {
      const length = await from.read(buffer);
      if (length === null) return;
      await to(buffer.slice(0, length));
    }
  } catch {
    // One of the two is gone.
  }
}

async function write(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
