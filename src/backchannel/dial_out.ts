import type { CallTurns } from "../rpc/call_turns.ts";
import type { CallbackLocation, Client } from "../state/client.ts";
import type { RandomBytes } from "../base/clock.ts";
import type { ClientObserver } from "../state/observers.ts";
import type { Endpoint } from "../rpc/transport.ts";
import { reportOutcome } from "./callback_observer.ts";
import {
  ofLease,
  type RetryOptions,
  type RetryPolicy,
  retryPolicyOf,
} from "./retry_policy.ts";
import {
  type CallbackChannel,
  CallbackTransportError,
  isPeers,
} from "./callback_channel.ts";
import { tryCallback } from "./retry_loop.ts";
import type { CallbackOutcome, CallbackRequest } from "./callback_request.ts";
import { Dialler, NoPlace } from "./dialler.ts";
import { ProbeLine } from "./probe_line.ts";
import { V40CallbackPath } from "./v40_callback_path.ts";
import { Jobs } from "../base/jobs.ts";
import { withTimeout } from "../base/timers.ts";
import {
  type InternetAddress,
  isSameHost,
  parseUniversalAddress,
} from "./universal_address.ts";

/** Decides whether a client may have its callbacks sent to an address. */
export type AllowCallbackAddress = (
  address: InternetAddress,
  client: {
    /** Address that the client came from. */
    readonly peer: string;
  },
) => boolean;

/** How {@linkcode DialOut} dials; all but the randomness can be left out. */
export interface DialOutOptions extends RetryOptions {
  /** Where the XIDs of a connection begin. */
  readonly random: RandomBytes;
  /** Shares out what clients send over these connections too; it is taken at once if left out. */
  readonly callTurns?: CallTurns | undefined;
  /** Which addresses are dialled; the client's own if left out. */
  readonly allow?: AllowCallbackAddress | undefined;
  /** Connections open at once; 1,024. Of one party half of them, and a quarter for CB_NULLs. */
  readonly maxConnections?: number | undefined;
  /** Callbacks of one client that are under way; 64. */
  readonly queueLimit?: number | undefined;
  /** Milliseconds after which a connection that no callback uses is closed; 60,000. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds after which a path that is down is tried again; 30,000, with a lease shorter than 90 s as much shorter. */
  readonly probeInterval?: number | undefined;
  /** Whether a client has not been heard of for a lease: its path is not tried again. */
  readonly isExpired?: ((client: Client) => boolean) | undefined;
  /** Called when a client's callbacks have a way, for the first time or again. */
  readonly regained?: ((client: Client) => void) | undefined;
}

const MAX_CONNECTIONS = 1_024;
const QUEUE_LIMIT = 64;
/** Milliseconds after which an unused connection is closed. */
export const IDLE_TIMEOUT = 60_000;
/** Milliseconds, with a lease of 90 s or more. */
export const PROBE_INTERVAL = 30_000;
/** Paths that one sweep looks up to be tried again: the next are the next one's. */
const PROBES_A_SWEEP = 64;
/** What a call comes to: the answer, what is wrong with it, nothing where there is none, or that no connection is to be had. */
type Exchanged<T> = T | Error | undefined | "full";

/**
 * The callbacks of NFSv4.0, whose clients are dialled at the address that
 * SETCLIENTID gave: a connection for each, made when it is needed, proved with
 * CB_NULL before any delegation is granted, closed when no callback uses it.
 */
export class DialOut implements ClientObserver {
  readonly #options: DialOutOptions;
  readonly #policy: RetryPolicy;
  /** Those that were tried longest ago first. */
  readonly #paths = new Map<Client, V40CallbackPath>();
  readonly #dialler: Dialler;
  /** Paths to be proved, as soon as fewer than {@linkcode DialOut.#mostProbes} are. */
  readonly #toProve = new ProbeLine();
  /** A client may leave CB_NULL without an answer, and recalls need connections too. */
  readonly #mostProbes: number;
  #probes = 0;
  readonly #jobs: Jobs;

  constructor(options: DialOutOptions) {
    this.#options = options;
    this.#policy = retryPolicyOf(options);
    this.#jobs = new Jobs({ name: "a callback", log: this.#policy.log });
    const { maxConnections = MAX_CONNECTIONS } = options;
    const { random, clock, callTurns } = options;
    const jobs = this.#jobs;
    this.#dialler = new Dialler({
      ...{ clock, random, callTurns, maxConnections, jobs },
    });
    this.#mostProbes = Math.ceil(maxConnections / 4);
  }

  /** Replies that came late, twice or uncalled for. */
  get unknownReplies(): number {
    return this.#dialler.unknownReplies;
  }

  /** Clients that have an address, connections, and callbacks under way. */
  get held(): {
    readonly paths: number;
    readonly connections: number;
    readonly jobs: number;
  } {
    const { connections } = this.#dialler;
    return { paths: this.#paths.size, connections, jobs: this.#jobs.size };
  }

  /** Whether callbacks reach the client: the last one was answered. */
  isUp(client: Client): boolean {
    return this.#paths.get(client)?.isProven ?? false;
  }

  /** {@inheritDoc ClientObserver.callbackConfirmed} */
  callbackConfirmed(client: Client): void {
    this.#drop(client);
    const { callback } = client.registration!;
    const address = this.#addressOf(callback);
    // No callback will ever arrive there: RENEW says so to a client with
    // delegations.
    if (address === undefined) return client.noteCallbackPath(false);
    if (this.#jobs.signal.aborted) return;
    const { program, ident } = callback;
    const now = this.#policy.clock.now();
    const path = new V40CallbackPath(client, address, { program, ident, now });
    this.#paths.set(client, path);
    this.#prove(path);
  }

  /** {@inheritDoc ClientObserver.clientGone} */
  clientGone(client: Client): void {
    this.#drop(client);
  }

  /** Sends a callback; its operations are those of NFSv4.0, without CB_SEQUENCE. */
  send(client: Client, request: CallbackRequest): void {
    const path = this.#paths.get(client);
    if (path === undefined) {
      const reason = "no address that may be dialled";
      return request.done({ kind: "failed", reason });
    }
    if (path.inFlight >= (this.#options.queueLimit ?? QUEUE_LIMIT)) {
      return request.done({ kind: "full" });
    }
    this.#jobs.begin(() => this.#deliver(path, request));
  }

  /** Closes what is idle, and tries again what is down; called every second. */
  sweep(): void {
    const {
      idleTimeout = IDLE_TIMEOUT,
      probeInterval = ofLease(PROBE_INTERVAL, this.#policy.leaseMs),
      isExpired = () => false,
    } = this.#options;
    const now = this.#policy.clock.now();
    const due: V40CallbackPath[] = [];
    for (const path of this.#paths.values()) {
      if (path.inFlight > 0) continue;
      if (path.connection !== undefined && now - path.usedAt > idleTimeout) {
        path.connection.close("shutdown");
      }
      const isDue = !path.isProven && now - path.usedAt > probeInterval;
      if (isDue && due.length < PROBES_A_SWEEP && !isExpired(path.client)) {
        due.push(path);
      }
    }
    for (const path of due) {
      // Behind the others: where many are down, each has its turn.
      this.#paths.delete(path.client);
      this.#paths.set(path.client, path);
      this.#prove(path);
    }
  }

  /** Ends all; resolves when nothing is left. */
  async close(): Promise<void> {
    for (const client of [...this.#paths.keys()]) this.#drop(client);
    await this.#jobs.stop();
  }

  #addressOf(callback: CallbackLocation): InternetAddress | undefined {
    const { netid, address: universal, peer, local } = callback;
    const address = parseUniversalAddress(netid, universal);
    const { allow = isOwnAddress } = this.#options;
    const isDialled = address !== undefined && !isServer(address, local) &&
      allow(address, { peer });
    if (isDialled) return address;
    // Many clients say so, on purpose: 0.0.0.0.0.0 wants no callbacks.
    this.#policy.log.debug(
      "no callbacks for a client: its address is not dialled",
      {
        peer,
        netid,
        address: universal,
      },
    );
    return undefined;
  }

  /** RFC 7530 16.34.5: CB_NULL, before the first delegation. */
  #prove(path: V40CallbackPath): void {
    this.#toProve.add(path);
    this.#proveNext();
  }

  #proveNext(): void {
    while (this.#probes < this.#mostProbes) {
      const path = this.#toProve.take();
      if (path === undefined) return;
      path.isTried = true;
      this.#jobs.begin(() => this.#probe(path));
    }
  }

  async #probe(path: V40CallbackPath): Promise<void> {
    path.inFlight++;
    this.#probes++;
    let answered: Exchanged<boolean>;
    try {
      answered = await this.#exchange(
        path,
        (channel, signal) => channel.probe(path.target, signal),
      );
    } finally {
      path.inFlight--;
      this.#probes--;
      path.usedAt = this.#policy.clock.now();
      if (answered !== "full") this.#judge(path, answered === true);
      // What refuses CB_NULL takes no callback either.
      if (!path.isProven) path.connection?.close("shutdown");
      this.#proveNext();
    }
  }

  async #deliver(
    path: V40CallbackPath,
    request: CallbackRequest,
  ): Promise<void> {
    const policy = this.#policy;
    path.inFlight++;
    const since = policy.clock.now();
    const outcome = await tryCallback({
      policy,
      request,
      attempt: () => this.#attempt(path, request.operations),
      ended: path.ending.signal,
    });
    path.inFlight--;
    path.usedAt = policy.clock.now();
    reportOutcome(policy, outcome, since);
    request.done(outcome);
  }

  /** One attempt, over a connection that is there and, when that fails, at once over a new one. */
  async #attempt(
    path: V40CallbackPath,
    operations: CallbackRequest["operations"],
  ): Promise<CallbackOutcome | undefined> {
    const kept = path.channel !== undefined;
    let outcome = await this.#call(path, operations);
    if (outcome === undefined && kept && !path.isEnded) {
      // The connection may have died while it was idle.
      this.#policy.observer?.recordRetry();
      outcome = await this.#call(path, operations);
    }
    if (path.isEnded) return { kind: "stopped" };
    // That the server has no connection left says nothing of the client.
    if (outcome?.kind !== "full") {
      this.#judge(path, outcome?.kind === "answered");
    }
    return outcome;
  }

  async #call(
    path: V40CallbackPath,
    operations: CallbackRequest["operations"],
  ): Promise<CallbackOutcome | undefined> {
    const { target } = path;
    const reply = await this.#exchange(
      path,
      (channel, signal) => channel.call({ target, operations }, signal),
    );
    if (reply === "full") return { kind: "full" };
    if (reply === undefined || reply instanceof Error) {
      return reply && { kind: "refused", reason: reply.message };
    }
    if ("refused" in reply) return { kind: "refused", reason: reply.refused };
    const { status, results } = reply;
    results.forEach(({ status }, i) =>
      this.#policy.observer?.recordOperation(operations[i]!.row.name, status)
    );
    if (results.length === 0) {
      return { kind: "refused", reason: `CB_COMPOUND: status ${status}` };
    }
    return { kind: "answered", results };
  }

  /** Rejects with errors of our own. */
  async #exchange<T>(
    path: V40CallbackPath,
    use: (channel: CallbackChannel, signal: AbortSignal) => Promise<T>,
  ): Promise<Exchanged<T>> {
    const { replyTimeout: ms, clock } = this.#policy;
    const { signal } = this.#jobs;
    try {
      return await withTimeout(async (signal) => {
        return await use(await this.#dialler.open(path, signal), signal);
      }, { clock, ms, signal });
    } catch (error) {
      if (error instanceof NoPlace) return "full";
      path.connection?.close(isPeers(error) ? "transport" : "internal");
      if (!isPeers(error)) throw error;
      return error instanceof CallbackTransportError ? undefined : error;
    }
  }

  #judge(path: V40CallbackPath, answered: boolean): void {
    if (path.isEnded) return;
    const regained = answered && !path.isProven;
    path.isProven = answered;
    path.client.noteCallbackPath(answered);
    if (regained) this.#options.regained?.(path.client);
  }

  #drop(client: Client): void {
    const path = this.#paths.get(client);
    if (path === undefined) return;
    this.#paths.delete(client);
    this.#toProve.delete(path);
    path.ending.abort();
    path.connection?.close("shutdown");
  }
}

/** Whether that is where the client reached the server. */
function isServer(address: InternetAddress, local: Endpoint): boolean {
  return address.port === local.port &&
    isSameHost(address.hostname, local.hostname);
}

/** By default a client can't make the server dial any host but its own. */
const isOwnAddress: AllowCallbackAddress = ({ hostname }, { peer }) =>
  isSameHost(hostname, peer);
