/** What the robustness tests stand on: file systems that wait, requests as bytes, a witness. */

import { assertEquals } from "@std/assert";
import type { FileSystem } from "../../src/vfs/mod.ts";
import {
  ClientConnection,
  type CompoundRequest,
  encodeCall,
  op,
  openSession,
  type Request,
  rootCredential,
  type Session,
  writeCompound,
} from "../support/client/mod.ts";

/** What a method of a {@linkcode waiting} file system waits for; undefined: nothing, but a turn. */
export type Hold = (method: string) => Promise<void> | undefined;

/** The methods of a file system that never wait. */
const SYNCHRONOUS: ReadonlySet<string | symbol> = new Set([
  "root",
  "identify",
  "failure",
  "watch",
  "guard",
  "guardFolder",
  "preserveUnlinked",
  "place",
]);

/**
 * The same file system, whose every method returns a promise and acts only
 * after what `hold` says: what an operation sees after its wait is what counts.
 */
export function waiting<T extends FileSystem>(
  inner: T,
  hold: Hold = () => undefined,
): FileSystem {
  return new Proxy<T>(inner, {
    get(target, name) {
      const value = target[name as keyof T];
      if (typeof value !== "function") return value;
      if (SYNCHRONOUS.has(name)) return value.bind(target);
      return async (...args: unknown[]) => {
        await hold(String(name));
        return value.apply(target, args);
      };
    },
  });
}

/** A gate that calls of some methods stand before, from when it is shut until it is opened. */
export class Gate {
  readonly #methods: ReadonlySet<string>;
  readonly #waiters: (() => void)[] = [];
  readonly #opened = Promise.withResolvers<void>();
  #isShut = false;
  /** Calls that came to the shut gate. */
  arrivals = 0;

  /** Is for these methods; all calls pass until it is {@linkcode shut}. */
  constructor(...methods: string[]) {
    this.#methods = new Set(methods);
  }

  /** To be given to {@linkcode waiting}. */
  readonly hold: Hold = (method) => {
    if (!this.#isShut || !this.#methods.has(method)) return undefined;
    this.arrivals++;
    for (const tell of this.#waiters.splice(0)) tell();
    return this.#opened.promise;
  };

  /** From now on calls are held back. */
  shut(): void {
    this.#isShut = true;
  }

  /** Resolves when `count` calls stand before it. */
  async reached(count = 1): Promise<void> {
    while (this.arrivals < count) {
      await new Promise<void>((tell) => this.#waiters.push(tell));
    }
  }

  /** Lets all through that stand before it, and all that come. */
  open(): void {
    this.#isShut = false;
    this.#opened.resolve();
  }
}

/** A COMPOUND call as one record, mark not included. */
export function callBytes(
  compound: CompoundRequest,
  xid = 1,
): Uint8Array<ArrayBuffer> {
  return encodeCall(
    {
      xid,
      program: 100003,
      version: 4,
      procedure: 1,
      credential: rootCredential,
    },
    (xdr) => writeCompound(xdr, compound),
  );
}

/** Another client, whose requests must be answered whatever happens to the server meanwhile. */
export class Witness implements AsyncDisposable {
  readonly #session: Session;
  /** Requests that it made. */
  requests = 0;

  private constructor(session: Session) {
    this.#session = session;
  }

  /** Mounts. */
  static async on(port: number): Promise<Witness> {
    return new Witness(await openSession({ port }));
  }

  /** Has the root's attributes answered, or throws. */
  async check(): Promise<void> {
    const reply = await this.#session.compound([
      op.putrootfh(),
      op.getattr(["type"]),
    ]);
    this.requests++;
    assertEquals(reply.get("GETATTR").attributes.type, 2);
  }

  /** Unmounts without a word. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#session[Symbol.asyncDispose]();
  }
}

/**
 * Sends bytes as they are on a connection of their own, says that nothing more
 * comes, and reads whatever is answered until the server ends it.
 */
export async function throwAt(
  port: number,
  bytes: Uint8Array,
  options: { readonly chunkSize?: number } = {},
): Promise<number> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  let received = 0;
  try {
    socket.setNoDelay(true);
    const { chunkSize = Math.max(1, bytes.length) } = options;
    for (let at = 0; at < bytes.length;) {
      at += await socket.write(bytes.subarray(at, at + chunkSize));
    }
    await socket.closeWrite();
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const length = await socket.read(buffer);
      if (length === null) break;
      received += length;
    }
  } catch {
    // The server has closed it while something was on the way.
  }
  socket.close();
  return received;
}

/** A connection on which one request is made after the other, each answered before the next. */
export function connect(port: number): Promise<ClientConnection> {
  return ClientConnection.connect({ port });
}

/** Requests with the same meaning in every minor version, for a test that makes many. */
export const getRoot: readonly Request[] = [op.putrootfh(), op.getfh()];
