import { concat } from "@std/bytes";
import { systemClock } from "../../src/base/clock.ts";
import type { CallCredential } from "../../src/rpc/call_credential.ts";
import { SMALL_REPLY } from "../../src/rpc/buffer_budget.ts";
import type { CloseReason, RpcHandlers } from "../../src/rpc/handlers.ts";
import {
  AcceptStatus,
  decodeReply,
  encodeCall,
  type RpcCall,
} from "../../src/rpc/message.ts";
import { beginRecord, endRecord } from "../../src/rpc/record_framer.ts";
import { type ListenerOptions, RpcListener } from "../../src/rpc/listener.ts";
import { acceptorOf, type Transport } from "../../src/rpc/transport.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";

export const PROGRAM = 0x2000_0001;
export const VERSION = 1;

/** What the test program does, by procedure. */
export const Procedure = { NULL: 0, ECHO: 1, FILL: 2, WAIT: 3, FAIL: 4 };

/** One whole record of one fragment. */
export function record(
  write: (xdr: XdrWriter) => void,
): Uint8Array<ArrayBuffer> {
  const xdr = new XdrWriter();
  const at = beginRecord(xdr);
  write(xdr);
  endRecord(xdr, at);
  return xdr.slice();
}

/** `payload` in fragments of the given sizes; the last takes what is left. */
export function fragments(
  payload: Uint8Array,
  sizes: number[],
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, Infinity]) {
    const part = payload.subarray(at, at + size);
    at += part.length;
    const mark = new Uint8Array(4);
    const last = size === Infinity ? 0x8000_0000 : 0;
    new DataView(mark.buffer).setUint32(0, last + part.length);
    parts.push(mark, part);
  }
  return concat(parts);
}

export interface TestCall {
  xid: number;
  procedure: number;
  program?: number;
  version?: number;
  credential?: CallCredential;
  args?: (xdr: XdrWriter) => void;
}

/** A whole call of the test program. */
export function call(options: TestCall): Uint8Array<ArrayBuffer> {
  const { args, ...header } = options;
  return record((xdr) => {
    encodeCall(xdr, { program: PROGRAM, version: VERSION, ...header });
    args?.(xdr);
  });
}

/** A call that is answered with its own argument. */
export function echo(xid: number, text = "hello"): Uint8Array<ArrayBuffer> {
  return call({
    xid,
    procedure: Procedure.ECHO,
    args: (xdr) => xdr.string(text),
  });
}

/** What a server is told, in the order of its telling. */
export class TestHandlers implements RpcHandlers {
  readonly calls: RpcCall[] = [];
  readonly replies: number[] = [];
  readonly closes: CloseReason[] = [];
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();

  call: RpcHandlers["call"] = (call, results, connection) => {
    this.calls.push(call);
    if (call.program !== PROGRAM) return AcceptStatus.PROG_UNAVAIL;
    switch (call.procedure) {
      case Procedure.NULL:
        return AcceptStatus.SUCCESS;
      case Procedure.ECHO:
        results.string(call.body.string(1 << 20));
        return AcceptStatus.SUCCESS;
      case Procedure.FILL: {
        const wanted = call.body.uint32();
        const fits = wanted <= SMALL_REPLY || connection.hasRoom(wanted);
        const length = fits ? wanted : 0;
        results.space(length).fill(0x5a);
        results.spaceUsed(length, length);
        return AcceptStatus.SUCCESS;
      }
      case Procedure.WAIT: {
        const text = call.body.opaque(1 << 20);
        results.uint32(call.xid);
        return this.waiter(call.xid).promise.then(() => {
          results.opaque(text); // still valid: the call holds its buffer
          return AcceptStatus.SUCCESS;
        });
      }
      case Procedure.FAIL:
        results.uint32(1);
        throw new Error("on purpose");
      default:
        results.uint32(1); // is cut off again
        return AcceptStatus.PROC_UNAVAIL;
    }
  };

  /** Ends the WAIT call `xid`, now or when it comes. */
  waiter(xid: number): PromiseWithResolvers<void> {
    let waiter = this.#waiting.get(xid);
    if (waiter === undefined) {
      waiter = Promise.withResolvers<void>();
      this.#waiting.set(xid, waiter);
    }
    return waiter;
  }

  reply: RpcHandlers["reply"] = (_connection, xid) => {
    this.replies.push(xid);
  };

  closed: RpcHandlers["closed"] = (_connection, reason) => {
    this.closes.push(reason);
  };
}

/** A listener on a port of its own. */
export class TestListener extends RpcListener {
  readonly address: Deno.NetAddr;

  constructor(handlers: RpcHandlers, options: Partial<ListenerOptions>) {
    const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    super({
      acceptor: acceptorOf(tcp),
      clock: systemClock,
      handlers,
      ...options,
    });
    this.address = tcp.addr;
  }
}

/** A listener of the test program on a free port. */
export function serve(
  handlers: RpcHandlers,
  options: Partial<ListenerOptions> = {},
): TestListener {
  return new TestListener(handlers, options);
}

/** The other end of a connection, byte by byte. */
export class Peer implements Disposable {
  #rest = new Uint8Array(0);

  constructor(readonly conn: Transport) {}

  static async connect(listener: TestListener): Promise<Peer> {
    const conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: listener.address.port,
    });
    conn.setNoDelay(true);
    return new Peer(conn);
  }

  async send(...parts: Uint8Array[]): Promise<void> {
    const bytes = concat(parts);
    for (let at = 0; at < bytes.length;) {
      at += await this.conn.write(bytes.subarray(at));
    }
  }

  /** The payload of the next record; undefined at the end of the stream. */
  async receive(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#rest.length >= 4) {
        const mark = new DataView(this.#rest.buffer, this.#rest.byteOffset)
          .getUint32(0);
        if (mark < 0x8000_0000) throw new Error("a fragmented reply");
        const end = 4 + mark - 0x8000_0000;
        if (this.#rest.length >= end) {
          const payload = this.#rest.slice(4, end);
          this.#rest = this.#rest.slice(end);
          return payload;
        }
      }
      const chunk = new Uint8Array(1 << 18);
      let length: number | null = null;
      try {
        length = await this.conn.read(chunk);
      } catch {
        // A reset: the server closed with bytes of ours unread.
      }
      if (length === null) {
        if (this.#rest.length > 0) throw new Error("a record was cut short");
        return undefined;
      }
      this.#rest = concat([this.#rest, chunk.subarray(0, length)]);
    }
  }

  /** The next reply, taken apart. */
  async reply(): Promise<Reply> {
    const payload = await this.receive();
    if (payload === undefined) throw new Error("the connection is closed");
    return readReply(payload);
  }

  /** Whether the server closes the connection without another record. */
  async closed(): Promise<boolean> {
    return await this.receive() === undefined;
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Closed by the test already.
    }
  }
}

export interface Reply {
  xid: number;
  header: ReturnType<typeof decodeReply>;
  results: XdrReader;
}

export function readReply(payload: Uint8Array): Reply {
  const results = new XdrReader(payload);
  const xid = results.uint32();
  if (results.uint32() !== 1) throw new Error("not a reply");
  return { xid, header: decodeReply(results), results };
}

/** Waits, in turns of the event loop, until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never came: ${condition}`);
}
