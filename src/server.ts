import { aborted } from "./base/abort.ts";
import type { Callbacks } from "./server/callbacks.ts";
import { runEffects } from "./engine/effects.ts";
import type { Services } from "./engine/services.ts";
import { rateLimited, silentLogger } from "./base/log.ts";
import { type MetricsServer, serveMetrics } from "./metrics/http.ts";
import { observeBuffers } from "./metrics/buffer_metrics.ts";
import { observeLog } from "./metrics/log_metrics.ts";
import { MetricsRegistry } from "./metrics/registry.ts";
import { TransportMetrics } from "./metrics/transport_metrics.ts";
import type { ClientRecovery } from "./recovery/client_recovery.ts";
import { BufferBudget } from "./rpc/buffer_budget.ts";
import { listenTcp } from "./rpc/listen.ts";
import { RpcListener } from "./rpc/listener.ts";
import { acceptorOf } from "./rpc/transport.ts";
import {
  DEFAULT_FILE_SYSTEM_MS,
  DEFAULT_PORT,
  DEFAULT_SHUTDOWN_MS,
  type ServeOptions,
} from "./server/options.ts";
import { checkOptions, exportsOf } from "./server/check_arguments.ts";
import { CheckedFileSystems } from "./server/file_systems.ts";
import { overlapNotices } from "./server/overlaps.ts";
import { buildHandlers } from "./server/handlers.ts";
import {
  buildCallbacks,
  buildServices,
  identityOf,
  recoveryOf,
} from "./server/services.ts";
import {
  buildFlavors,
  completeTerms,
  hostKnowledge,
  trustNotices,
} from "./server/trust.ts";
import { sessionRecoveryOf } from "./server/session_recovery.ts";
import { completeLimits, type ServerLimits } from "./server/limits.ts";
import { type Clock, systemClock, wakingClock } from "./base/clock.ts";
import { every } from "./base/timers.ts";
import {
  defineExport,
  type Export,
  type ExportOptions,
} from "./vfs/exports.ts";
import type { FileSystem } from "./vfs/file_system.ts";

const SWEEP_INTERVAL_MS = 1_000;
const LOG_LINES_PER_MINUTE = 60;
/** RPC record besides the largest request: header and credential. */
const RPC_CALL_HEADER = 1_024;

/**
 * Serves a file system as "/", or several exports. Rejects with an error whose
 * message is one line for the user:
 *
 * - `TypeError` for what is no file system, export or option (of an unknown
 *   name, or another type), and for a word that an option can't be;
 * - `RangeError` for a number that an option can't be, and for limits that
 *   don't fit each other;
 * - `Error` itself for exports that can't be served together or at their path,
 *   and where nothing can speak for callers as `trust` asks;
 * - `Deno.errors.AddrInUse` for a port that is taken,
 *   `Deno.errors.PermissionDenied` for one that this user may not take,
 *   `Deno.errors.AddrNotAvailable` for an address that is none of this host's;
 * - what the host throws (a class of `Deno.errors`) for a `stateDirectory` that
 *   can't be used;
 * - the reason of a `signal` that has aborted.
 */
export async function serve(
  source: FileSystem | readonly ExportOptions[],
  options: ServeOptions = {},
): Promise<NfsServer> {
  const asked = exportsOf(source);
  checkOptions(options);
  const { hostname, log } = options;
  const host = hostKnowledge();
  const exports = asked.map((each) =>
    defineExport(completeTerms(each, { hostname, host }))
  );
  const server = new NfsServer(exports, options);
  const notices = [
    ...trustNotices(exports, asked, server.hostname),
    ...overlapNotices(asked, options.stateDirectory),
  ];
  for (const notice of notices) log?.warn(notice);
  try {
    const { metricsPort } = options;
    if (metricsPort !== undefined) server.serveMetrics(metricsPort);
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

/** A server that runs. Disposing of it is closing it. */
export class NfsServer implements AsyncDisposable {
  /** Address that it listens on. */
  readonly hostname: string;
  /** TCP port that it listens on. */
  readonly port: number;
  readonly #exports: readonly Export[];
  readonly #fileSystems: CheckedFileSystems;
  readonly #listener: RpcListener;
  readonly #callbacks: Callbacks;
  readonly #services: Services;
  readonly #recovery: ClientRecovery | undefined;
  readonly #registry = new MetricsRegistry();
  readonly #options: ServeOptions;
  readonly #limits: ServerLimits;
  #metrics: MetricsServer | undefined;
  readonly #abort = (): void => void this.close();
  readonly #clock: Clock;
  readonly #endSweeps: () => void;
  readonly #finished = Promise.withResolvers<void>();
  #closing: Promise<void> | undefined;

  /** Starts at once; see {@linkcode serve}. */
  constructor(offered: readonly Export[], given: ServeOptions) {
    const { clock = wakingClock(systemClock) } = given;
    const options = { ...given, clock };
    this.#clock = clock;
    options.signal?.throwIfAborted();
    this.#options = options;
    // Whoever calls `close` hears of a failure; nobody else has to listen.
    this.finished.catch(() => {});
    const log = rateLimited(options.log ?? silentLogger, {
      perMinute: LOG_LINES_PER_MINUTE,
      clock,
    });
    const registry = this.#registry;
    observeLog(registry, options.log);
    const limits = this.#limits = completeLimits(options.limits);
    const fileSystems = new CheckedFileSystems(offered, {
      timeout: options.fileSystemTimeout ?? DEFAULT_FILE_SYSTEM_MS,
      maxOverdue: limits.maxOverdueCalls,
      clock,
      log,
      registry,
    });
    this.#fileSystems = fileSystems;
    const { exports } = fileSystems;
    this.#exports = exports;
    const recovery = recoveryOf(options, log);
    this.#recovery = recovery;
    const identity = identityOf(options);
    const sessions = recovery && sessionRecoveryOf(exports, {
      options,
      identity,
      log,
    });
    const parts = { recovery, sessions, identity };
    const context = { options, limits, log, registry, ...parts };
    try {
      const services = buildServices(exports, context);
      this.#services = services;
      this.#callbacks = buildCallbacks(services, options, registry);
      // Everybody who is to know of sessions listens by now.
      sessions?.restore(services.state);
      for (const { fs } of offered) {
        fs.watch?.((node) => this.#recallHeard(fs, node));
      }
      const budget = new BufferBudget({
        limit: limits.maxBufferBytes,
        step: limits.maxReply,
      });
      observeBuffers(registry, budget);
      const { hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
      const listener = listenTcp(hostname, port);
      this.hostname = listener.addr.hostname;
      this.port = listener.addr.port;
      this.#listener = new RpcListener({
        budget,
        turn: services.turn,
        acceptor: acceptorOf(listener),
        maxRecord: limits.maxRequest + RPC_CALL_HEADER,
        maxConnections: limits.maxConnections,
        maxPerAddress: limits.maxConnectionsPerAddress,
        maxCalls: limits.maxRequestsPerConnection,
        clock,
        handlers: buildHandlers(services, this.#callbacks),
        spare: () => this.#metrics?.spare() ?? false,
        hurry: (ms) => fileSystems.hurry(ms),
        flavors: buildFlavors(exports, { clock, log }),
        observer: new TransportMetrics(registry),
        logger: services.log,
      });
    } catch (error) {
      recovery?.[Symbol.dispose]();
      throw error;
    }
    fileSystems.begin();
    this.#endSweeps = every(
      clock,
      SWEEP_INTERVAL_MS,
      () => this.#sweepSafely(),
    );
    options.signal?.addEventListener("abort", this.#abort);
  }

  /** TCP port of `/metrics`, `/healthz` and `/readyz`; `undefined` without. */
  get metricsPort(): number | undefined {
    return this.#metrics?.port;
  }

  /** Resolves when the server is closed; rejects when a file system could not be flushed. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Why it can't serve all that it should, in one line; `undefined` while it can. */
  get trouble(): string | undefined {
    if (this.#closing !== undefined) return "shutting down";
    for (const { path, fs } of this.#exports) {
      const failure = fs.failure?.();
      if (failure !== undefined) return `export ${path}: ${failure}`;
    }
    return undefined;
  }

  /** The command that mounts the server on `directory`, to be run as root on Linux. */
  mountCommand(directory: string): string {
    const options = `vers=4.2,proto=tcp,port=${this.port}`;
    const host = connectable(this.hostname);
    return `mount -t nfs4 -o ${options} ${host}:/ ${directory}`;
  }

  /**
   * Stops accepting, answers what is in flight (bounded by `shutdownTimeout`),
   * and has the file systems flush. Calling it again waits for the same end.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close().then(
      this.#finished.resolve,
      this.#finished.reject,
    );
    return this.finished;
  }

  /** {@linkcode NfsServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Makes clients return what they were granted of a file (delegations), to be
   * awaited before it is changed, removed or renamed other than over NFS. Resolves
   * when nobody relies on it any more, at the latest after the lease time.
   */
  async recall<Node extends object>(
    fs: FileSystem<Node>,
    node: Node,
  ): Promise<void> {
    const recalled = this.#exports
      .filter((each) => this.#fileSystems.isOf(each, fs))
      .map((each) => this.#services.namespace.refer(each, node))
      .map((file) => this.#callbacks.recallFile(file));
    await Promise.all(recalled);
  }

  /** For a file system, which need not wait for the end, nor hear of an error. */
  #recallHeard(fs: FileSystem, node: object): Promise<void> {
    const recalled = this.recall(fs, node);
    recalled.catch((error) => {
      this.#services.log.error("a file could not be recalled", { error });
    });
    return recalled;
  }

  /** What time alone brings: leases that run out, recalls that go unanswered. Called every second by itself. */
  sweep(): void {
    const { state } = this.#services;
    this.#fileSystems.sweep();
    // Nothing new is begun any more.
    if (this.#closing !== undefined) return;
    state.sweep(this.#clock.now());
    this.#callbacks.sweep();
    runEffects(this.#services);
  }

  /**
   * Starts `/metrics`, `/healthz` and `/readyz` on a TCP port, 0 for a free one,
   * unless they run already; `metricsPort` of {@linkcode ServeOptions} does it from the start.
   * Throws `Deno.errors.AddrInUse` when the port is taken.
   */
  serveMetrics(port: number): void {
    this.#metrics ??= serveMetrics({
      hostname: this.hostname,
      port,
      registry: this.#registry,
      trouble: () => this.trouble,
      unready: () =>
        this.#services.state.grace.active ? "in the grace period" : undefined,
      limits: this.#limits,
      clock: this.#clock,
      logger: this.#services.log,
    });
  }

  /** A timer has nobody who would hear of an error, and one ends the process. */
  #sweepSafely(): void {
    try {
      this.sweep();
    } catch (error) {
      this.#services.log.error("a sweep failed", { error });
    }
  }

  async #close(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    const deadline = new AbortController();
    const cancelDeadline = this.#clock.schedule(
      () => deadline.abort(),
      this.#options.shutdownTimeout ?? DEFAULT_SHUTDOWN_MS,
    );
    try {
      const callbacks = this.#callbacks.close();
      await this.#listener.drain(deadline.signal);
      const own = this.#fileSystems.end();
      await callbacks;
      await Promise.race([
        this.#services.effects.finished(),
        aborted(deadline.signal),
      ]);
      await Promise.all([
        release(this.#exports, own),
        this.#recovery?.flush(),
      ]);
    } finally {
      cancelDeadline();
      this.#endSweeps();
      this.#recovery?.[Symbol.dispose]();
      await this.#metrics?.[Symbol.asyncDispose]();
    }
  }
}

/** Has every file system make durable what it has, and those end that are our own; throws what the first could not do. */
async function release(
  exports: readonly Export[],
  own: ReadonlySet<FileSystem>,
): Promise<void> {
  const released = await Promise.allSettled(exports.map(async ({ fs }) => {
    try {
      await fs.settle?.();
    } finally {
      if (own.has(fs)) await fs.dispose?.();
    }
  }));
  for (const each of released) {
    if (each.status === "rejected") throw each.reason;
  }
}

/** An address to connect to, for one that was listened on. */
function connectable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
