import { acceptAll } from "../accept.ts";
import type { Logger } from "../log.ts";
import { bindError } from "../rpc/bind_error.ts";
import { readHead, writeAnswer } from "./http_message.ts";

/** Milliseconds for a request to come, be answered, and its answer be taken. */
const EXCHANGE_MS = 10_000;
/** Bytes of a request's body that are read away, so that the answer is not lost to a reset. */
const MAX_BODY = 64 * 1024;

/** Options of {@linkcode HttpListener}. */
export interface HttpListenerOptions {
  /** Address to bind. */
  readonly hostname: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** Connections open at once; beyond it the oldest without a request gives way, or else the newest. */
  readonly maxConnections: number;
  /** Requests that are being answered at once; more are answered 503. */
  readonly maxRequests: number;
  /** Answers GET and HEAD. */
  readonly handler: (url: URL) => Response | Promise<Response>;
  /** A connection or a request was turned away at a limit. */
  readonly refused: () => void;
  /** Hears of errors of our own. */
  readonly logger: Logger;
  /** Milliseconds for one exchange; 10,000 if left out. */
  readonly exchangeMs?: number;
}

/**
 * HTTP/1.1 for scrapes, one request a connection. Deno's own server has no limit
 * of connections, and ends with the first error of its `accept`.
 */
export class HttpListener implements AsyncDisposable {
  readonly #options: HttpListenerOptions;
  readonly #listener: Deno.TcpListener;
  readonly #ending = new AbortController();
  readonly #accepting: Promise<void>;
  readonly #serving = new Map<Deno.TcpConn, Promise<void>>();
  /** Those whose request is still to come, the oldest first. */
  readonly #waiting = new Set<Deno.TcpConn>();
  #requests = 0;

  /** Listens at once; throws one line that names the address and port that can't be bound. */
  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#listener = listen(options);
    this.#accepting = acceptAll(this.#listener, {
      admit: (conn) => this.#admit(conn),
      spare: () => this.#evict(),
      logger: options.logger,
      signal: this.#ending.signal,
    });
  }

  /** The port that was bound. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Stops, once the requests that have come are answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#listener.close();
    await this.#accepting;
    while (this.#evict());
    await Promise.all(this.#serving.values());
  }

  #admit(conn: Deno.TcpConn): void {
    const { maxConnections, refused } = this.#options;
    if (this.#serving.size >= maxConnections && !this.#evict()) {
      refused();
      close(conn);
      return;
    }
    this.#waiting.add(conn);
    this.#serving.set(conn, this.#serve(conn));
  }

  /** The oldest connection without a request gives way; whether there was one. */
  #evict(): boolean {
    const [oldest] = this.#waiting;
    if (oldest === undefined) return false;
    this.#waiting.delete(oldest);
    this.#serving.delete(oldest);
    this.#options.refused();
    close(oldest);
    return true;
  }

  /** Never rejects. */
  async #serve(conn: Deno.TcpConn): Promise<void> {
    const { exchangeMs = EXCHANGE_MS } = this.#options;
    const timer = setTimeout(() => close(conn), exchangeMs);
    try {
      const head = await readHead(conn);
      this.#waiting.delete(conn);
      if (head !== undefined) {
        const response = await this.#answer(head.method, head.url);
        await writeAnswer(conn, response, { isHead: head.method === "HEAD" });
        await conn.closeWrite();
        await readAway(conn);
      }
    } catch {
      // The peer is gone, or its time is up.
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(conn);
      this.#serving.delete(conn);
      close(conn);
    }
  }

  async #answer(method: string, url: URL | undefined): Promise<Response> {
    if (url === undefined) return answer(400, "no HTTP that is understood");
    if (method !== "GET" && method !== "HEAD") {
      return answer(405, "only GET", { allow: "GET, HEAD" });
    }
    const { handler, maxRequests, refused, logger } = this.#options;
    if (this.#requests >= maxRequests) {
      refused();
      return answer(503, "too many requests at once", { "retry-after": "1" });
    }
    this.#requests++;
    try {
      return await handler(url);
    } catch (error) {
      logger.error("a request to the metrics port failed", { error });
      return answer(500, "failed");
    } finally {
      this.#requests--;
    }
  }
}

function listen(
  { hostname, port }: HttpListenerOptions,
): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    throw bindError(cause, hostname, port);
  }
}

function answer(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(`${text}\n`, { status, headers });
}

/** What is left unread when a connection is closed resets it, and the answer with it. */
async function readAway(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let read = 0; read < MAX_BODY;) {
    const length = await conn.read(buffer);
    if (length === null) return;
    read += length;
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed before.
  }
}
