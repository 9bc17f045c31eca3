/** A TCP connection to the server that carries calls both ways. */

import { NFS_PROGRAM, NFS_VERSION } from "../../../src/nfs4/constants.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import type { XdrWriter } from "../../../src/xdr/writer.ts";
import { frame, type ReceivedRecord, RecordReader } from "./framing.ts";
import {
  type Credential,
  encodeCall,
  MessageType,
  readReply,
  rootCredential,
  RpcError,
  type RpcOutcome,
} from "./rpc.ts";

/** Where a server listens. */
export interface ServerAddress {
  /** 127.0.0.1 by default. */
  readonly hostname?: string | undefined;
  readonly port: number;
}

/** What a connection reads from and writes to. */
export type ClientSocket =
  & Pick<Deno.TcpConn, "localAddr" | "closeWrite" | "close">
  & {
    read(into: Uint8Array): Promise<number | null>;
    write(bytes: Uint8Array): Promise<number>;
  };

/** How one call is made. */
export interface CallOptions {
  readonly credential?: Credential | undefined;
  readonly program?: number | undefined;
  readonly version?: number | undefined;
  readonly rpcVersion?: number | undefined;
  /** Chosen by the connection unless given. */
  readonly xid?: number | undefined;
  /** Cuts the record into fragments of this many bytes. */
  readonly fragmentSize?: number | undefined;
  /** Cuts what is written into writes of this many bytes. */
  readonly chunkSize?: number | undefined;
}

/** Takes a CALL that the server sends on the client's connection. */
export type CallHandler = (
  record: ReceivedRecord,
  connection: ClientConnection,
) => void;

interface Waiting {
  /** Runs in the read loop, before the next record is looked at. */
  settle(outcome: RpcOutcome): void;
  fail(error: unknown): void;
}

/** The server closed or cut the connection while an answer was due. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** Calls over one TCP connection; any number of them at a time. */
export class ClientConnection implements AsyncDisposable {
  /** Resolves when nothing more can be read; never rejects. */
  readonly closed: Promise<void>;
  /** REPLYs that nobody waited for. */
  readonly strays: number[] = [];
  /** What was wrong with something read outside of any call. */
  readonly faults: string[] = [];
  /** Gets the CALLs of the server; without one they are a fault. */
  onCall: CallHandler | undefined;

  readonly #socket: ClientSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #records = new RecordReader();
  #writes: Promise<void> = Promise.resolve();
  #nextXid: number;
  #reading: Promise<void> = Promise.resolve();
  #resume: (() => void) | undefined;
  #over = false;

  private constructor(socket: ClientSocket) {
    this.#socket = socket;
    // Tests that mix up connections meet an XID that is not theirs.
    this.#nextXid = (0x1000 + socket.localAddr.port * 0x1000) >>> 0;
    this.closed = this.#readLoop();
  }

  /** Connects, small writes going out at once. */
  static async connect(address: ServerAddress): Promise<ClientConnection> {
    const socket = await Deno.connect({
      hostname: address.hostname ?? "127.0.0.1",
      port: address.port,
    });
    socket.setNoDelay(true);
    return new ClientConnection(socket);
  }

  /** A connection of its own that was made by other means. */
  static over(socket: ClientSocket): ClientConnection {
    return new ClientConnection(socket);
  }

  /** Local address, as the server sees its peer. */
  get localAddress(): Deno.NetAddr {
    return this.#socket.localAddr;
  }

  /** Calls that wait for their answer. */
  get inFlight(): number {
    return this.#waiting.size;
  }

  /** Whether the server has not closed it yet, as far as is known. */
  get isOpen(): boolean {
    return !this.#over;
  }

  /**
   * Calls a procedure of NFSv4. `read` is given the server's answer while the
   * next record waits, so that what it notes down is known to a callback that
   * comes right behind.
   */
  async call<T>(
    procedure: number,
    args: (xdr: XdrWriter) => void,
    options: CallOptions & { readonly read: (outcome: RpcOutcome) => T },
  ): Promise<T> {
    const xid = options.xid ?? this.#nextXid++;
    const record = encodeCall({
      xid,
      rpcVersion: options.rpcVersion,
      program: options.program ?? NFS_PROGRAM,
      version: options.version ?? NFS_VERSION,
      procedure,
      credential: options.credential ?? rootCredential,
    }, args);
    const answer = this.#expect(xid, options.read);
    // The answer may fail before the write does; neither may go unheard.
    await Promise.all([this.send(record, options), answer]);
    return answer;
  }

  /** NULL (RFC 8881 16.1). */
  ping(options: CallOptions = {}): Promise<void> {
    const read = (outcome: RpcOutcome) => {
      if (outcome.kind !== "success") throw new RpcError(outcome);
      if (outcome.body.remaining > 0) throw new Error("NULL with a result");
    };
    return this.call(0, () => {}, { ...options, read });
  }

  /** Sends one record, marked. */
  send(
    record: Uint8Array,
    options: Pick<CallOptions, "fragmentSize" | "chunkSize"> = {},
  ): Promise<void> {
    return this.sendRaw(frame(record, options.fragmentSize), options.chunkSize);
  }

  /** Sends bytes as they are, in writes of `chunkSize`. */
  sendRaw(
    bytes: Uint8Array,
    chunkSize: number = Math.max(bytes.length, 1),
  ): Promise<void> {
    const sent = this.#writes.then(async () => {
      for (let at = 0; at < bytes.length; at += chunkSize) {
        await this.#write(bytes.subarray(at, at + chunkSize));
      }
    });
    this.#writes = sent.catch(() => {});
    return sent;
  }

  /** Several records in a single write. */
  sendTogether(records: readonly Uint8Array[]): Promise<void> {
    const marked = records.map((record) => frame(record));
    const whole = new Uint8Array(marked.reduce((n, m) => n + m.length, 0));
    let at = 0;
    for (const bytes of marked) {
      whole.set(bytes, at);
      at += bytes.length;
    }
    return this.sendRaw(whole);
  }

  /** Waits for the answer to a record that was sent by other means. */
  reply(xid: number): Promise<RpcOutcome> {
    return this.#expect(xid, (outcome) => outcome);
  }

  /** Stops reading, as a client that hangs does; what arrives piles up. */
  pauseReading(): void {
    this.#reading = new Promise((resolve) => this.#resume = resolve);
  }

  /** Reads on. */
  resumeReading(): void {
    this.#resume?.();
  }

  /** Says that nothing more will be written (FIN), and reads on. */
  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  /** Closes at once; calls under way fail with {@linkcode ConnectionLost}. */
  close(): void {
    this.resumeReading();
    this.#end();
  }

  /** Closes and waits until the read loop is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  #expect<T>(xid: number, read: (outcome: RpcOutcome) => T): Promise<T> {
    if (this.#over) return Promise.reject(new ConnectionLost("closed"));
    if (this.#waiting.has(xid)) throw new Error(`XID ${xid} is in use`);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.set(xid, {
      settle(outcome) {
        try {
          resolve(read(outcome));
        } catch (error) {
          reject(error);
        }
      },
      fail: reject,
    });
    return promise;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      let at = 0;
      while (at < bytes.length) {
        at += await this.#socket.write(bytes.subarray(at));
      }
    } catch (error) {
      throw new ConnectionLost("write failed", { cause: error });
    }
  }

  async #readLoop(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      while (true) {
        await this.#reading;
        const length = await this.#socket.read(buffer);
        if (length === null) break;
        for (const record of this.#records.push(buffer.subarray(0, length))) {
          this.#receive(record);
        }
      }
      if (this.#records.pending > 0) this.faults.push("cut record at the end");
    } catch (error) {
      if (error instanceof Error && error.message === "empty fragment") {
        this.faults.push(error.message);
      }
    }
    this.#end();
  }

  #receive(record: ReceivedRecord): void {
    const xdr = new XdrReader(record.bytes);
    let xid: number, type: number;
    try {
      xid = xdr.uint32();
      type = xdr.discriminant(1);
    } catch {
      this.faults.push(`not an RPC message of ${record.bytes.length} bytes`);
      return;
    }
    if (type === MessageType.CALL) {
      if (this.onCall) this.onCall(record, this);
      else this.faults.push(`CALL ${xid} that nobody expected`);
      return;
    }
    const waiting = this.#waiting.get(xid);
    if (!waiting) {
      this.strays.push(xid);
      return;
    }
    this.#waiting.delete(xid);
    try {
      waiting.settle(readReply(xdr));
    } catch (error) {
      waiting.fail(error);
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#socket.close();
    } catch {
      // The runtime has closed it already.
    }
    for (const waiting of this.#waiting.values()) {
      waiting.fail(new ConnectionLost("the connection is closed"));
    }
    this.#waiting.clear();
  }
}
