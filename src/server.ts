import { allDone } from "./base/all_done.ts";
import { aborted } from "./base/abort.ts";
import { leave } from "./base/awaitable.ts";
import { type Clock, systemClock, wakingClock } from "./base/clock.ts";
import { silentLogger, unfailing } from "./base/log.ts";
import { every } from "./base/timers.ts";
import { runEffects } from "./engine/effects.ts";
import { assemble } from "./server/assemble.ts";
import { checkOptions, exportsOf } from "./server/check_arguments.ts";
import {
  DEFAULT_SHUTDOWN_MS,
  type ServeOptions,
  SWEEP_INTERVAL_MS,
} from "./server/options.ts";
import { overlapNotices } from "./server/overlaps.ts";
import type { Listening } from "./server/phases.ts";
import { countBudgets, countServed, servedByOthers } from "./server/served.ts";
import { completeTerms, hostKnowledge, trustNotices } from "./server/trust.ts";
import {
  defineExport,
  type Export,
  type ExportOptions,
} from "./vfs/exports.ts";
import type { FileSystem } from "./vfs/file_system.ts";
import { started } from "./vfs/starting.ts";

/**
 * Serves a file system as "/", or several exports. What two servers of a process
 * serve of the same files is told to `log`: locks, denials and delegations of the
 * one mean nothing in the other. Rejects, with an end to what it has started itself,
 * with an error whose message is one line for the user:
 *
 * - `TypeError` for what is no file system, export or option (of an unknown
 *   name, or another type), and for a word that an option can't be;
 * - `RangeError` for a number that an option can't be, and for limits that
 *   don't fit each other;
 * - `Error` itself for exports that can't be served together or at their path,
 *   where nothing can speak for callers as `trust` asks, and for a `local` folder
 *   that is carried apart and can't be opened;
 * - `Deno.errors.AddrInUse` for a port that is taken,
 *   `Deno.errors.PermissionDenied` for one that this user may not take,
 *   `Deno.errors.AddrNotAvailable` for an address that is none of this host's;
 * - what the host throws (a class of `Deno.errors`) for a `stateDirectory` that
 *   can't be used;
 * - `FsError` for records of a file system that can't be read, "busy"
 *   when they don't come within `fileSystemTimeout`;
 * - the reason of a `signal` that has aborted.
 */
export async function serve(
  source: FileSystem | readonly ExportOptions[],
  options: ServeOptions = {},
): Promise<NfsServer> {
  const asked = exportsOf(source);
  checkOptions(options);
  using unserved = await started(asked.map(({ fs }) => fs));
  const { hostname, log } = options;
  const host = hostKnowledge();
  const exports = asked.map((each) =>
    defineExport(completeTerms(each, { hostname, host }))
  );
  const server = await NfsServer.start(exports, options);
  // They go on until the server has ended them.
  unserved.move();
  const { stateDirectory } = options;
  const notices = [
    ...trustNotices(exports, asked, server.hostname),
    ...overlapNotices(asked, { stateDirectory, others: servedByOthers() }),
  ];
  const address = `${connectable(server.hostname)}:${server.port}`;
  countServed(asked, { address, ended: server.finished });
  const { warn } = unfailing(log ?? silentLogger);
  for (const notice of notices) warn(notice);
  return server;
}

/** A server that runs. Disposing of it is closing it. */
export class NfsServer implements AsyncDisposable {
  /** Address that it listens on. */
  readonly hostname: string;
  /** TCP port that it listens on. */
  readonly port: number;
  readonly #parts: Listening;
  readonly #clock: Clock;
  #endSweeps: (() => void) | undefined;
  readonly #finished = Promise.withResolvers<void>();
  /** What goes wrong is for those who wait for `finished`. */
  readonly #abort = (): void => leave(this.close());
  #closing: Promise<void> | undefined;

  /** Starts a server; see {@linkcode serve}. */
  static async start(
    offered: readonly Export[],
    given: ServeOptions,
  ): Promise<NfsServer> {
    const { signal, clock = wakingClock(systemClock) } = given;
    signal?.throwIfAborted();
    const parts = await assemble(offered, { ...given, clock });
    const server = new NfsServer(parts);
    try {
      server.#begin(given);
      signal?.throwIfAborted();
      return server;
    } catch (error) {
      // Why it can't begin says more than what is wrong with its end.
      await server.close().catch(() => {});
      throw error;
    }
  }

  private constructor(parts: Listening) {
    this.#parts = parts;
    const { address, options: { clock } } = parts;
    this.#clock = clock;
    // The caller of `close` hears of a failure; `finished` may go unread.
    leave(this.finished);
    this.hostname = address.hostname;
    this.port = address.port;
  }

  #begin({ signal, metricsPort }: ServeOptions): void {
    countBudgets(this.#parts.budgets, this.finished);
    const { fileSystems, outside, state } = this.#parts;
    fileSystems.begin();
    // Not sooner: they would hold a server that could not listen.
    outside.watch();
    state.opened();
    state.grace.whenOver(() => fileSystems.releaseUnlinked());
    const sweep = () => this.#sweepSafely();
    this.#endSweeps = every(this.#clock, SWEEP_INTERVAL_MS, sweep);
    signal?.addEventListener("abort", this.#abort);
    if (metricsPort !== undefined) this.serveMetrics(metricsPort);
  }

  /** TCP port of `/metrics`, `/healthz` and `/readyz`; `undefined` without. */
  get metricsPort(): number | undefined {
    return this.#parts.metrics.port;
  }

  /** Resolves when the server is closed; rejects when a file system could not be flushed. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Why it can't serve all that it should, in one line; `undefined` while it can. */
  get trouble(): string | undefined {
    if (this.#closing !== undefined) return "shutting down";
    return this.#parts.fileSystems.trouble;
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
   * Makes clients return what they were granted of a file or folder (delegations),
   * to be awaited before it is changed, removed or renamed other than over NFS: a
   * folder before its entries are, too.
   * Resolves when no client relies on it any more, at the latest after the
   * lease time; for ten seconds from then on no client is granted anything of it.
   * Rejects with a TypeError for a file system that the server does not serve.
   */
  recall<Node extends object>(
    fs: FileSystem<Node>,
    node: Node,
  ): Promise<void> {
    return this.#parts.outside.recall(fs, node);
  }

  /** Ends what has run out of time: calls of file systems, recalls without an answer, clients long after their lease. Called every second by itself. */
  sweep(): void {
    const { fileSystems, state, callbacks, services } = this.#parts;
    fileSystems.sweep();
    // Nothing new is begun any more.
    if (this.#closing !== undefined) return;
    state.sweep(this.#clock.now());
    callbacks.sweep();
    runEffects(services);
  }

  /**
   * Starts `/metrics`, `/healthz` and `/readyz` on a TCP port, 0 for a free one,
   * unless they run already; `metricsPort` of {@linkcode ServeOptions} does it from the start.
   * Throws `Deno.errors.AddrInUse` when the port is taken, `Error` once the
   * server closes.
   */
  serveMetrics(port: number): void {
    if (this.#closing !== undefined) throw new Error("the server is closed");
    this.#parts.metrics.open({ port, trouble: () => this.trouble });
  }

  /** No caller hears what a timer throws, and it would end the process. */
  #sweepSafely(): void {
    try {
      this.sweep();
    } catch (error) {
      this.#parts.log.error("a sweep failed", { error });
    }
  }

  async #close(): Promise<void> {
    const { options, listener, fileSystems, recovered, metrics, loopback } =
      this.#parts;
    const { clients } = recovered;
    const deadline = new AbortController();
    const cancelDeadline = this.#clock.schedule(
      () => deadline.abort(),
      options.shutdownTimeout ?? DEFAULT_SHUTDOWN_MS,
    );
    try {
      const callbacks = this.#parts.callbacks.close();
      // Not waited for until there are no more requests.
      leave(callbacks);
      await listener.drain(deadline.signal);
      fileSystems.end();
      await callbacks;
      await Promise.race([
        this.#parts.services.jobs.stop(),
        aborted(deadline.signal),
      ]);
      clients?.end();
      // A disk that keeps no records may fail the file systems as well: each is told of here.
      const keep = async () => await clients?.settle();
      await allDone([fileSystems.release(deadline.signal), keep()]);
    } finally {
      this.#endSweeps?.();
      clients?.[Symbol.dispose]();
      loopback?.[Symbol.dispose]();
      await metrics.close(deadline.signal);
      cancelDeadline();
      options.signal?.removeEventListener("abort", this.#abort);
    }
  }
}

/** An address to connect to, for one that was listened on. */
function connectable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
