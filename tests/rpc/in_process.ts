/** Connections that need no socket: both ends are in this process. */

import { concat } from "@std/bytes";
import type {
  Acceptor,
  Connected,
  Transport,
} from "../../src/rpc/transport.ts";

/** Bytes on their way from one end to the other. */
class Way {
  #bytes: Uint8Array = new Uint8Array();
  #isEnded = false;
  #wake = Promise.withResolvers<void>();

  put(bytes: Uint8Array): void {
    this.#bytes = concat([this.#bytes, bytes]);
    this.#wake.resolve();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake.resolve();
  }

  async take(into: Uint8Array): Promise<number | null> {
    while (this.#bytes.length === 0) {
      if (this.#isEnded) return null;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
    const part = this.#bytes.subarray(0, into.length);
    this.#bytes = this.#bytes.slice(part.length);
    into.set(part);
    return part.length;
  }
}

/** Both ends of a connection inside this process. */
function pipe(): { ours: Transport; theirs: Transport } {
  const [up, down] = [new Way(), new Way()];
  return { ours: end(up, down), theirs: end(down, up) };
}

function end(from: Way, to: Way): Transport {
  return {
    read: (into) => from.take(into),
    write(bytes) {
      to.put(bytes);
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(to.end()),
    close() {
      to.end();
      from.end();
    },
  };
}

/** Accepts what a test gives it. */
export class TestAcceptor implements Acceptor {
  readonly #given: Connected[] = [];
  #wake = Promise.withResolvers<void>();
  #isClosed = false;

  /** The peer's end of a new connection from a host. */
  connect(hostname = "test"): Transport {
    const { ours, theirs } = pipe();
    const peer = { hostname, port: undefined };
    const local = { hostname: "test", port: undefined };
    this.#given.push({ transport: ours, local, peer });
    this.#wake.resolve();
    return theirs;
  }

  async accept(): Promise<Connected> {
    for (;;) {
      if (this.#isClosed) throw new Deno.errors.BadResource("closed");
      const next = this.#given.shift();
      if (next !== undefined) return next;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wake.resolve();
  }
}
