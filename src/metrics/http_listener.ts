import { bindError } from "../rpc/bind_error.ts";
import { aborted } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { sleep } from "../base/timers.ts";
import type { Turn } from "../base/turn.ts";

/** Before a server that ended by itself is started again, in milliseconds. */
const PAUSE_MS = 50;

/**
 * Between two restarts for the sake of others, in milliseconds: scrapers are to
 * have a time to do it.
 */
const SPARED_EVERY_MS = 5_000;

/** Options of {@linkcode HttpListener}. */
export interface HttpListenerOptions {
  /** Address to bind. */
  readonly hostname: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** Requests that are being answered at once; more are answered 503. */
  readonly maxRequests: number;
  /** Answers GET and HEAD. */
  readonly handler: (url: URL) => Response | Promise<Response>;
  /** Whatever the answer is, it has its turn among all other work: clients may send their requests in a row. */
  readonly turn: Pick<Turn, "next">;
  /** A request was turned away at the limit. */
  readonly refused: () => void;
  /** What its pauses go by. */
  readonly clock: Clock;
  /** Hears of errors of our own. */
  readonly logger: Logger;
}

/**
 * `Deno.serve` for scrapes, kept up. It ends with the first connection that it
 * can't accept, which is when the process has no descriptor left, and it does
 * not count its connections: so it is started anew then, and whenever others are
 * short of descriptors, which ends those that are idle.
 */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #closing = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr>;
  #restart = new AbortController();
  /** Settles when nothing is served any more. */
  readonly #running: Promise<void>;
  /** The port that was bound. */
  readonly port: number;
  /** Requests whose answers are not made yet. */
  #requests = 0;
  /** The ends of requests whose answers are not taken yet. */
  readonly #underWay = new Set<Promise<void>>();
  #isTold = false;
  #sparedAt = -Infinity;

  /** Listens at once; throws one line that names the address and port that can't be bound. */
  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#server = this.#serve(options.port);
    this.port = this.#server.addr.port;
    this.#running = this.#keepUp();
  }

  /**
   * Ends all connections, since descriptors are short, unless it has just done
   * so; whether that may have freed any.
   */
  spare(): boolean {
    const now = this.#options.clock.now();
    if (now - this.#sparedAt < SPARED_EVERY_MS) return false;
    this.#sparedAt = now;
    this.#restart.abort();
    return true;
  }

  /** Stops, once the answers to requests that have come are taken, or `deadline` aborts. */
  async close(deadline: AbortSignal): Promise<void> {
    this.#closing.abort();
    // Deno's own way to wait, `shutdown`, can't be cut short any more.
    await Promise.race([Promise.all(this.#underWay), aborted(deadline)]);
    this.#restart.abort();
    await this.#running;
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    const { hostname } = this.#options;
    this.#restart = new AbortController();
    const { signal } = this.#restart;
    try {
      return Deno.serve(
        { hostname, port, signal, onListen: () => {} },
        (request, { completed }) => {
          const end = completed.catch(() => {})
            .finally(() => this.#underWay.delete(end));
          this.#underWay.add(end);
          return this.#answer(request);
        },
      );
    } catch (cause) {
      throw bindError(cause, hostname, port);
    }
  }

  /** Never rejects. */
  async #keepUp(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#server.finished;
      } catch (error) {
        // Once for each time that descriptors run out, not once a try.
        if (!this.#isTold) {
          logger.error("the metrics port is opened anew", { error });
        }
        this.#isTold = true;
      }
      // One that was shut down has nothing left to close, and Deno throws.
      if (signal.aborted) return;
      // Only this closes the connections of a server that ended by itself.
      this.#restart.abort();
      await sleep(clock, PAUSE_MS, signal);
      if (signal.aborted) return;
      try {
        this.#server = this.#serve(this.port);
      } catch {
        // No descriptor for it yet: the old one's end is awaited once more, and at once.
      }
    }
  }

  async #answer(request: Request): Promise<Response> {
    this.#isTold = false;
    this.#requests++;
    try {
      const isCrowded = this.#requests > this.#options.maxRequests;
      await this.#options.turn.next(this);
      return await this.#respond(request, isCrowded);
    } finally {
      this.#requests--;
    }
  }

  async #respond(
    { method, url }: Request,
    isCrowded: boolean,
  ): Promise<Response> {
    const { handler, refused, logger } = this.#options;
    if (method !== "GET" && method !== "HEAD") {
      return answer(405, "only GET", { allow: "GET, HEAD" });
    }
    if (isCrowded) {
      refused();
      return answer(503, "too many requests at once", { "retry-after": "1" });
    }
    try {
      return await handler(new URL(url));
    } catch (error) {
      logger.error("a request to the metrics port failed", { error });
      return answer(500, "failed");
    }
  }
}

function answer(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(`${text}\n`, { status, headers });
}
