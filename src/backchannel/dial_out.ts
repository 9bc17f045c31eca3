import { type Logger, silentLogger } from "../base/log.ts";
import type { CallbackLocation, Client } from "../state/client.ts";
import type { RandomBytes } from "../base/clock.ts";
import type { ClientObserver } from "../state/observers.ts";
import { connect, type ConnectOptions } from "../rpc/client.ts";
import { AcceptStatus } from "../rpc/message.ts";
import {
  type AttemptOptions,
  type Attempts,
  attemptsOf,
  ofLease,
  report,
} from "./attempts.ts";
import { CallbackChannel, CallbackTransportError } from "./callback_channel.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
  type CbRecallArgs,
} from "./callback_ops.ts";
import type { CallbackOutcome, CallbackRequest } from "./callback_request.ts";
import { V40CallbackPath } from "./v40_callback_path.ts";
import { withTimeout } from "../base/sleep.ts";
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
export interface DialOutOptions extends AttemptOptions {
  /** Where the XIDs of a connection begin. */
  readonly random: RandomBytes;
  /** Which addresses are dialled; the client's own if left out. */
  readonly allow?: AllowCallbackAddress;
  /** Connections open at once; 1,024. */
  readonly maxConnections?: number;
  /** Callbacks of one client that are under way; 64. */
  readonly queueLimit?: number;
  /** Milliseconds after which a connection that nobody uses is closed; 60,000. */
  readonly idleTimeout?: number;
  /** Milliseconds after which a path that is down is tried again; 30,000, with a lease shorter than 90 s as much shorter. */
  readonly probeInterval?: number;
  /** Whether a client has not been heard of for a lease: its path is not tried again. */
  readonly isExpired?: (client: Client) => boolean;
  /** For addresses that are refused; silent. */
  readonly log?: Logger;
}

const MAX_CONNECTIONS = 1_024;
const QUEUE_LIMIT = 64;
/** Milliseconds. */
export const IDLE_TIMEOUT = 60_000;
/** Milliseconds, with a lease of 90 s or more. */
export const PROBE_INTERVAL = 30_000;
/** Paths that one sweep tries again: the next are the next one's. */
const PROBES_AT_ONCE = 64;
const MAX_REPLY = 64 * 1024;
/**
 * The callbacks of NFSv4.0, whose clients are dialled at the address that
 * SETCLIENTID gave: a connection for each, made when it is needed, proved with
 * CB_NULL before any delegation is granted, closed when nobody uses it.
 */
export class DialOut implements ClientObserver {
  readonly #options: DialOutOptions;
  readonly #attempts: Attempts;
  readonly #lines = new Map<Client, V40CallbackPath>();
  /** Those that have a connection. */
  readonly #connected = new Set<V40CallbackPath>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  /** Called when a client's callbacks have a way, for the first time or again. */
  regained: (client: Client) => void = () => {};
  /** Replies that came late, twice or uncalled for. */
  unknownReplies = 0;

  constructor(options: DialOutOptions) {
    this.#options = options;
    this.#attempts = attemptsOf(options);
  }

  /** Clients that have an address, connections, and callbacks under way. */
  get held(): {
    readonly lines: number;
    readonly connections: number;
    readonly tasks: number;
  } {
    const connections = this.#connected.size;
    return { lines: this.#lines.size, connections, tasks: this.#tasks.size };
  }

  /** Whether callbacks reach the client: the last one was answered. */
  isUp(client: Client): boolean {
    return this.#lines.get(client)?.proven ?? false;
  }

  /** {@inheritDoc ClientObserver.callbackConfirmed} */
  callbackConfirmed(client: Client): void {
    this.#drop(client);
    const { callback } = client.registration!;
    const address = this.#addressOf(callback);
    // Nobody will ever be reached there: RENEW says so to who holds delegations.
    if (address === undefined) return client.noteCallbackPath(false);
    if (this.#stopping.signal.aborted) return;
    const { program, ident } = callback;
    const now = this.#attempts.now();
    const line = new V40CallbackPath(client, address, { program, ident, now });
    this.#lines.set(client, line);
    this.#track(this.#probe(line));
  }

  /** {@inheritDoc ClientObserver.clientGone} */
  clientGone(client: Client): void {
    this.#drop(client);
  }

  /** Sends a callback; its operations are those of NFSv4.0, without CB_SEQUENCE. */
  send(client: Client, request: CallbackRequest): void {
    const line = this.#lines.get(client);
    if (line === undefined) {
      const reason = "no address that may be dialled";
      return request.done({ kind: "failed", reason });
    }
    if (line.inFlight >= (this.#options.queueLimit ?? QUEUE_LIMIT)) {
      return request.done({ kind: "full" });
    }
    line.inFlight++;
    const since = this.#attempts.now();
    this.#track(
      this.#deliver(line, request).then((outcome) => {
        line.inFlight--;
        line.usedAt = this.#attempts.now();
        report(this.#attempts, outcome, since);
        request.done(outcome);
      }),
    );
  }

  /** Closes what is idle, and tries again what is down; called every few seconds. */
  sweep(): void {
    const {
      idleTimeout = IDLE_TIMEOUT,
      probeInterval = ofLease(PROBE_INTERVAL, this.#attempts.leaseMs),
      isExpired = () => false,
    } = this.#options;
    const now = this.#attempts.now();
    let probes = 0;
    for (const line of this.#lines.values()) {
      if (line.inFlight > 0) continue;
      if (line.connection !== undefined && now - line.usedAt > idleTimeout) {
        line.connection.close("shutdown");
      }
      const isDue = !line.proven && now - line.usedAt > probeInterval;
      if (isDue && probes < PROBES_AT_ONCE && !isExpired(line.client)) {
        probes++;
        this.#track(this.#probe(line));
      }
    }
  }

  /** Ends all; resolves when nothing is left. */
  async close(): Promise<void> {
    this.#stopping.abort();
    for (const client of [...this.#lines.keys()]) this.#drop(client);
    await Promise.all(this.#tasks);
  }

  #addressOf(callback: CallbackLocation): InternetAddress | undefined {
    const { netid, address: universal, peer } = callback;
    const address = parseUniversalAddress(netid, universal);
    const { allow = isOwnAddress, log = silentLogger } = this.#options;
    if (address !== undefined && allow(address, { peer })) return address;
    // Many clients say so, on purpose: 0.0.0.0.0.0 wants no callbacks.
    log.debug("no callbacks for a client: its address is not dialled", {
      peer,
      netid,
      address: universal,
    });
    return undefined;
  }

  /** RFC 7530 16.34.5: CB_NULL, before the first delegation. */
  async #probe(line: V40CallbackPath): Promise<void> {
    line.inFlight++;
    const answered = await this.#exchange(
      line,
      (channel, signal) => channel.probe(line.target, signal),
    );
    line.inFlight--;
    line.usedAt = this.#attempts.now();
    this.#judge(line, answered === true);
  }

  /** Never rejects. */
  async #deliver(
    line: V40CallbackPath,
    { operations, wanted, unanswered }: CallbackRequest,
  ): Promise<CallbackOutcome> {
    const { attempts, backoff, sleep, observer } = this.#attempts;
    const { signal } = this.#stopping;
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) {
        unanswered?.();
        await sleep(
          backoff[Math.min(attempt, backoff.length) - 1] ?? 0,
          signal,
        );
      }
      if (line.ended || wanted?.() === false) return { kind: "stopped" };
      if (attempt > 0) observer?.recordRetry();
      const kept = line.channel !== undefined;
      let outcome = await this.#call(line, operations);
      if (outcome === undefined && kept && !line.ended) {
        // The connection may have died while it was idle: a new one, at once.
        observer?.recordRetry();
        outcome = await this.#call(line, operations);
      }
      if (line.ended) return { kind: "stopped" };
      this.#judge(line, outcome?.kind === "answered");
      if (outcome !== undefined) return outcome;
    }
    return { kind: "failed", reason: `no answer in ${attempts} attempts` };
  }

  async #call(
    line: V40CallbackPath,
    operations: CallbackRequest["operations"],
  ): Promise<CallbackOutcome | undefined> {
    const { target } = line;
    const reply = await this.#exchange(
      line,
      (channel, signal) => channel.call({ target, operations }, signal),
    );
    if (reply === undefined || reply instanceof Error) {
      return reply && { kind: "refused", reason: reply.message };
    }
    if ("refused" in reply) return { kind: "refused", reason: reply.refused };
    const { status, results } = reply;
    results.forEach(({ status }, i) =>
      this.#attempts.observer?.recordOperation(operations[i].row.name, status)
    );
    if (results.length === 0) {
      return { kind: "refused", reason: `CB_COMPOUND: status ${status}` };
    }
    return { kind: "answered", results };
  }

  /** Resolves to the answer, to what is wrong with it, or to nothing when there is none. */
  async #exchange<T>(
    line: V40CallbackPath,
    use: (channel: CallbackChannel, signal: AbortSignal) => Promise<T>,
  ): Promise<T | Error | undefined> {
    const { replyTimeout: ms, sleep } = this.#attempts;
    const { signal } = this.#stopping;
    try {
      return await withTimeout(async (signal) => {
        return await use(await this.#open(line, signal), signal);
      }, { ms, signal, sleep });
    } catch (error) {
      line.connection?.close("transport");
      const noAnswer = error instanceof CallbackTransportError;
      return noAnswer ? undefined : error as Error;
    }
  }

  #open(line: V40CallbackPath, signal: AbortSignal): Promise<CallbackChannel> {
    if (line.channel !== undefined) return Promise.resolve(line.channel);
    line.opening ??= this.#dial(line, signal)
      .finally(() => line.opening = undefined);
    return line.opening;
  }

  /** Rejects with {@linkcode CallbackTransportError}. */
  async #dial(
    line: V40CallbackPath,
    signal: AbortSignal,
  ): Promise<CallbackChannel> {
    if (!this.#makeRoom()) {
      throw new CallbackTransportError("too many callback connections");
    }
    const random = this.#options.random(4);
    const firstXid = new DataView(random.buffer, random.byteOffset)
      .getUint32(0);
    const handlers: ConnectOptions["handlers"] = {
      // Whoever is dialled is a client: it has nothing to ask for here.
      call: () => AcceptStatus.PROG_UNAVAIL,
      reply: (_connection, xid, xdr) => {
        if (!line.channel?.pending.deliver(xid, xdr)) this.unknownReplies++;
      },
      closed: () => {
        const { channel } = line;
        line.connection = line.channel = undefined;
        this.#connected.delete(line);
        channel?.closed();
      },
    };
    try {
      const connection = await connect({
        ...line.address,
        handlers,
        signal,
        maxRecord: MAX_REPLY,
      });
      line.connection = connection;
      this.#connected.add(line);
      this.#track(connection.ended);
    } catch (error) {
      throw new CallbackTransportError((error as Error).message);
    }
    if (line.ended) line.connection.close("shutdown");
    line.channel = new CallbackChannel(line.connection, firstXid);
    return line.channel;
  }

  /** At the limit the connection goes that nobody has used for longest. */
  #makeRoom(): boolean {
    const { maxConnections = MAX_CONNECTIONS } = this.#options;
    if (this.#connected.size < maxConnections) return true;
    let oldest: V40CallbackPath | undefined;
    for (const line of this.#connected) {
      const idle = line.inFlight === 0;
      if (idle && (oldest === undefined || line.usedAt < oldest.usedAt)) {
        oldest = line;
      }
    }
    oldest?.connection?.close("evicted");
    return oldest !== undefined;
  }

  #judge(line: V40CallbackPath, answered: boolean): void {
    if (line.ended) return;
    const regained = answered && !line.proven;
    line.proven = answered;
    line.client.noteCallbackPath(answered);
    if (regained) this.regained(line.client);
  }

  #drop(client: Client): void {
    const line = this.#lines.get(client);
    if (line === undefined) return;
    this.#lines.delete(client);
    line.ended = true;
    line.connection?.close("shutdown");
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    task.finally(() => this.#tasks.delete(task));
  }
}

/**
 * Recalls a delegation of a client of NFSv4.0 over a connection of the server's
 * own (RFC 7530 15.2). Resolves to what became of it; never rejects.
 */
export function sendCBRecall(
  dialOut: DialOut,
  client: Client,
  recall: CbRecallArgs,
): Promise<CallbackOutcome> {
  return new Promise((done) =>
    dialOut.send(client, {
      operations: [callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, recall)],
      done,
    })
  );
}

/** By default a client can't make the server dial anybody but itself. */
const isOwnAddress: AllowCallbackAddress = ({ hostname }, { peer }) =>
  isSameHost(hostname, peer);
