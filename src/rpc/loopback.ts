import type { Clock } from "../base/clock.ts";
import { nextTurn } from "../base/turn.ts";

const HOST = "127.0.0.1";
/** Other programs of the host that may get in between before it is given up. */
const STRANGERS = 8;
/** Milliseconds after which a byte is lost, as by a firewall between a host and itself. */
const LOST_AFTER = 1000;

/**
 * A connection to ourselves, by which the event loop is had to look for input
 * within microseconds: the byte that is sent arrives when all other sockets
 * were looked at, too. A timer waits for a millisecond, in which nothing is
 * done; after `setImmediate` input is looked for once in some sixty turns.
 */
export class Loopback implements Disposable {
  readonly #reader: Deno.Conn;
  readonly #writer: Deno.Conn;
  readonly #clock: Clock;
  readonly #byte = new Uint8Array(1);
  #look: Promise<void> | undefined;
  /** Looks that have ended. */
  #looks = 0;
  /** Ends the wait for a look to end, if any is waited for. */
  #endWatch: (() => void) | undefined;
  #isClosed = false;

  private constructor(
    { reader, writer, clock }: {
      readonly reader: Deno.Conn;
      readonly writer: Deno.Conn;
      readonly clock: Clock;
    },
  ) {
    this.#reader = reader;
    this.#writer = writer;
    this.#clock = clock;
  }

  /** Makes one; undefined where the program may not connect to its own host, or can't. */
  static async open(clock: Clock): Promise<Loopback | undefined> {
    // Without asking the user: it is no more than faster.
    const wanted = { name: "net", host: HOST } as const;
    if (Deno.permissions.querySync(wanted).state !== "granted") {
      return undefined;
    }
    let writer: Deno.TcpConn | undefined;
    try {
      using listener = Deno.listen({ hostname: HOST, port: 0 });
      const { port } = listener.addr;
      writer = await Deno.connect({ hostname: HOST, port });
      writer.setNoDelay(true);
      for (let i = 0; i < STRANGERS; i++) {
        const reader = await listener.accept();
        const isOurs = reader.remoteAddr.port === writer.localAddr.port;
        if (isOurs) return new Loopback({ reader, writer, clock });
        reader.close();
      }
    } catch {
      // No descriptors, or a host without IPv4.
    }
    writer?.close();
    return undefined;
  }

  /** Resolves when the event loop has looked for input; never rejects. */
  look(): Promise<void> {
    return this.#look ??= this.#begin();
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endWatch?.();
    this.#reader.close();
    this.#writer.close();
  }

  /** One timer for many looks, of which each would else cost one. */
  #watch(): void {
    if (this.#endWatch !== undefined || this.#isClosed) return;
    const watched = this.#looks;
    this.#endWatch = this.#clock.schedule(() => {
      this.#endWatch = undefined;
      if (this.#look === undefined) return;
      // Still the one that it was set for?
      if (this.#looks === watched) this[Symbol.dispose]();
      else this.#watch();
    }, LOST_AFTER);
  }

  async #begin(): Promise<void> {
    this.#watch();
    try {
      if (this.#isClosed) return await nextTurn();
      const arrived = this.#reader.read(this.#byte);
      await this.#writer.write(this.#byte);
      if (await arrived === null) throw new Deno.errors.ConnectionReset();
    } catch {
      // Ended by the server's end, or by an operator who ends sockets.
      this[Symbol.dispose]();
      await nextTurn();
    } finally {
      this.#look = undefined;
      this.#looks++;
    }
  }
}
