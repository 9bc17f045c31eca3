import { bindError } from "../rpc/bind_error.ts";
import { aborted } from "../base/abort.ts";
import type { Asker } from "../base/asker.ts";
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

/** What an answer takes there beside its text. */
const ANSWER_BYTES = 8 * 1024;

/** Requests under way for each that may be: the others wait for their turn to be refused. */
const CROWD = 64;

/** Connections that wait to be accepted: each may bring hundreds of requests at once. */
const BACKLOG = 16;

/** Milliseconds between two requests that are answered without a turn. */
const PROBE_EVERY_MS = 50;

/** What a request is answered with. */
export interface Answer {
  /** 200 where absent. */
  readonly status?: number;
  /** The body. */
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** All that ask here have their turns together. */
const SCRAPES: Asker = { party: "metrics port" };

/** Options of {@linkcode HttpListener}. */
export interface HttpListenerOptions {
  /** Address to bind. */
  readonly hostname: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** Requests that are being answered at once; more are answered 503, but for probes. */
  readonly maxRequests: number;
  /**
   * Bytes of answers from which on all connections are ended, when none asks, and at
   * twice as many in any case. Deno speaks HTTP/2, in which a peer may ask for
   * hundreds and take none: it keeps them all, and does not tell.
   */
  readonly maxGiven: number;
  /** Answers GET and HEAD. */
  readonly handler: (url: URL) => Answer | Promise<Answer>;
  /**
   * Whether what is asked for costs next to nothing and is asked for by what ends a
   * server that answers late: one of those each {@linkcode PROBE_EVERY_MS} needs no turn.
   */
  readonly isProbe: (url: URL) => boolean;
  /** All other answers have their turn among all other work: clients may send their requests in a row. */
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
  /** Requests, but for probes, whose answers are not made yet. */
  #scrapes = 0;
  /** Bytes of answers since it was opened, of which no more is known. */
  #given = 0;
  /** The ends of requests whose answers are not taken yet. */
  readonly #underWay = new Set<Promise<void>>();
  #isTold = false;
  #sparedAt = -Infinity;
  #probedAt = -Infinity;

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
    this.#given = 0;
    const { signal } = this.#restart;
    try {
      return Deno.serve(
        { hostname, port, signal, tcpBacklog: BACKLOG, onListen: () => {} },
        (request, { completed }) => {
          const end = completed.catch(() => {}).finally(() => {
            this.#underWay.delete(end);
            this.#endCrowd();
          });
          this.#underWay.add(end);
          this.#endCrowd();
          if (signal.aborted) return new Response(null, { status: 503 });
          return this.#answer(request);
        },
      );
    } catch (cause) {
      throw bindError(cause, hostname, port);
    }
  }

  /**
   * Ends all connections where too many ask, or as much may wait to be taken: Deno
   * does not tell of which.
   */
  #endCrowd(): void {
    const { maxGiven, maxRequests } = this.#options;
    const most = this.#underWay.size === 0 ? maxGiven : 2 * maxGiven;
    const isCrowd = this.#underWay.size > CROWD * maxRequests;
    if (isCrowd || this.#given >= most) this.#restart.abort();
  }

  /** Never rejects. */
  async #keepUp(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#closing;
    let isShort = false;
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
      // One that we ended is opened anew at once: a supervisor's probe comes at any time.
      const isOurs = this.#restart.signal.aborted && !isShort;
      // Only this closes the connections of a server that ended by itself.
      this.#restart.abort();
      if (!isOurs) await sleep(clock, PAUSE_MS, signal);
      if (signal.aborted) return;
      try {
        this.#server = this.#serve(this.port);
        isShort = false;
      } catch {
        // No descriptor for it yet: the old one's end is awaited once more, and at once.
        isShort = true;
      }
    }
  }

  async #answer(request: Request): Promise<Response> {
    this.#isTold = false;
    const { isProbe, maxRequests, turn } = this.#options;
    const url = new URL(request.url);
    const scrapes = isProbe(url) ? 0 : 1;
    this.#scrapes += scrapes;
    try {
      // A supervisor ends a server for whose probes others' scrapes left no place.
      const isCrowded = scrapes > 0 && this.#scrapes > maxRequests;
      if (scrapes > 0 || !this.#skipsTurn()) await turn.next(SCRAPES);
      const answer = await this.#respond(request, { url, isCrowded });
      const { status = 200, text, headers } = answer;
      this.#given += ANSWER_BYTES + text.length;
      return new Response(text, { status, headers: { ...headers } });
    } finally {
      this.#scrapes -= scrapes;
    }
  }

  /** Whether the last probe that needed no turn was long ago; this is the next. */
  #skipsTurn(): boolean {
    const now = this.#options.clock.now();
    if (now - this.#probedAt < PROBE_EVERY_MS) return false;
    this.#probedAt = now;
    return true;
  }

  async #respond(
    { method }: Request,
    { url, isCrowded }: { readonly url: URL; readonly isCrowded: boolean },
  ): Promise<Answer> {
    const { handler, refused, logger } = this.#options;
    if (method !== "GET" && method !== "HEAD") {
      const headers = { allow: "GET, HEAD" };
      return { status: 405, text: "only GET\n", headers };
    }
    if (isCrowded) {
      refused();
      const headers = { "retry-after": "1" };
      return { status: 503, text: "too many requests at once\n", headers };
    }
    try {
      return await handler(url);
    } catch (error) {
      logger.error("a request to the metrics port failed", { error });
      return { status: 500, text: "failed\n" };
    }
  }
}
