import { local } from "../backends/local/mod.ts";
import { memory } from "../backends/memory/mod.ts";
import { sqlite } from "../backends/sqlite/mod.ts";
import { ownUser } from "../host/own_user.ts";
import { createLogger, type Logger } from "../base/log.ts";
import { type NfsServer, serve } from "../server.ts";
import type { ServeOptions } from "../server/options.ts";
import type { ServerLimits } from "../server/limits.ts";
import type { ExportOptions } from "../vfs/exports.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { ServeArguments } from "./arguments.ts";
import { assertMeant, type ExportArgument } from "./export_argument.ts";
import { logLimitations } from "./limitations.ts";
import { logNoRoom } from "./no_room.ts";
import { print } from "./output.ts";
import { untilSignal } from "./signals.ts";
import { stateDirectory } from "./state_directory.ts";
import { logUnfinishedImports } from "./unfinished_imports.ts";

/** Milliseconds for the last lines of the log, should their reader be stuck. */
const LAST_LINES_MS = 1_000;
/** Bytes of requests and replies in hand, where the machine has little memory and where it has much. */
export const LEAST_BUFFERS: number = 2 ** 26;
export const MOST_BUFFERS: number = 2 ** 31;
/** Serves until a signal comes that is not `ignored`; returns the exit status. */
export async function runServer(
  options: ServeArguments,
  ignored: ReadonlySet<Deno.Signal>,
): Promise<number> {
  const log = createLogger({
    level: options.logLevel,
    format: options.logFormat,
  });
  try {
    const status = await serveUntilSignal(options, { log, ignored });
    log.info("stopped");
    return status;
  } finally {
    await log.flush?.(LAST_LINES_MS);
  }
}

async function serveUntilSignal(
  options: ServeArguments,
  { log, ignored }: {
    readonly log: Logger;
    readonly ignored: ReadonlySet<Deno.Signal>;
  },
): Promise<number> {
  for (const spec of options.exports) assertMeant(spec, isThere);
  const exports = options.exports.map((spec) => open(spec, options));
  await using server = await start(exports, {
    hostname: options.host,
    port: options.port,
    leaseSeconds: options.leaseSeconds,
    graceSeconds: options.graceSeconds,
    stateDirectory: makeFolder(stateDirectory(options, log)),
    fileSystemTimeout: options.fileSystemSeconds * 1000,
    delegations: options.delegations,
    limits: limitsOf(options),
    log,
  });
  startMetrics(server, options, log);
  // Listened for before a line says that there is something to stop.
  const signalled = untilSignal(ignored);
  announce(server, options, log);
  logLimitations(exports, log);
  logUnfinishedImports(exports, log);
  logNoRoom(exports, log);
  logDurability(options, log);
  const signal = await signalled;
  log.info("stopping", { signal });
  // Disposing of it closes it, and says what could not be saved.
  return 0;
}

/** The budgets of memory: those given, and what the machine has room for. */
function limitsOf(
  { maxStateBytes, maxBufferBytes = bufferBytes() }: ServeArguments,
): Partial<ServerLimits> {
  return {
    ...(maxStateBytes !== undefined && { maxStateBytes }),
    ...(maxBufferBytes !== undefined && { maxBufferBytes }),
  };
}

/** An eighth of the machine's memory, within these; `undefined` where it may not be asked for. */
function bufferBytes(): number | undefined {
  const { state } = Deno.permissions.querySync({
    name: "sys",
    kind: "systemMemoryInfo",
  });
  if (state !== "granted") return undefined;
  const eighth = Math.floor(Deno.systemMemoryInfo().total / 8);
  return Math.min(Math.max(eighth, LEAST_BUFFERS), MOST_BUFFERS);
}

/** `serve`; what can't be bound is said with the flag that would mend it. */
async function start(
  exports: readonly ExportOptions[],
  options: ServeOptions,
): Promise<NfsServer> {
  try {
    return await serve(exports, options);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new Error(`--port ${options.port}: ${error.message}`);
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new Error(`--host ${options.hostname}: ${error.message}`);
    }
    throw error;
  }
}

/**
 * Metrics on the port that was asked for, or else on the one beside the
 * server's, or on any where that is any. A neighbour that is taken is no reason
 * not to serve files.
 */
function startMetrics(
  server: NfsServer,
  { port, metricsPort }: ServeArguments,
  log: Logger,
): void {
  if (metricsPort === 0) return;
  const usual = port === 0 ? 0 : besidePort(server.port);
  try {
    server.serveMetrics(metricsPort ?? usual);
  } catch (error) {
    const { message } = error as Error;
    if (metricsPort !== undefined) {
      throw new Error(`--metrics-port ${metricsPort}: ${message}`);
    }
    log.warn(`no metrics: ${message}; --metrics-port takes another`);
  }
}

function besidePort(port: number): number {
  return port < 65_535 ? port + 1 : port - 1;
}

function open(spec: ExportArgument, options: ServeArguments): ExportOptions {
  const { path, readOnly, hide, trust, squash, anonuid, anongid } = spec;
  return {
    path,
    fs: fileSystem(spec, options),
    readOnly,
    hide,
    trust,
    squash,
    anonymous: { uid: anonuid, gid: anongid },
  };
}

function fileSystem(
  spec: ExportArgument,
  { durability }: ServeArguments,
): FileSystem {
  const { backend, location, quotaBytes, apart } = spec;
  switch (backend) {
    case "sqlite":
      return sqlite(location, { durability, quotaBytes, ...freshRoot(spec) });
    case "local":
      return local(location, { apart });
    case "memory":
      return memory({}, {
        maxBytes: quotaBytes,
        trust: "owner",
        ...freshRoot(spec),
      });
  }
}

/** Owner of the root of a new tree: a user who can then write to it. */
function freshRoot(
  { squash, anonuid, anongid, uid, gid, mode }: ExportArgument,
): {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number | undefined;
} {
  const writer = squash === "all" ? { uid: anonuid, gid: anongid } : ownUser();
  return { uid: uid ?? writer.uid, gid: gid ?? writer.gid, mode };
}

/** Whether there is something, or may be: opening it says why it can't be looked at. */
function isThere(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** Makes sure of the folder; throws Error with the flag that names another. */
function makeFolder(directory: string | undefined): string | undefined {
  if (directory === undefined) return undefined;
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`--state ${directory}: ${(error as Error).message}`);
  }
  return directory;
}

/** Says where it is served; it is served all the same where that can't be written. */
function announce(
  server: NfsServer,
  options: ServeArguments,
  log: Logger,
): void {
  const lines = options.exports.map(({ path, backend, location }) =>
    `serving ${path} from ${backend}:${location}`
  );
  if (server.metricsPort !== undefined) {
    const address = options.host.includes(":")
      ? `[${options.host}]`
      : options.host;
    lines.push(`metrics at http://${address}:${server.metricsPort}/metrics`);
  }
  lines.push(
    `listening on ${server.hostname}:${server.port}; mount it with:`,
    `  ${server.mountCommand("/mnt")}`,
  );
  try {
    print(`${lines.join("\n")}\n`);
  } catch (error) {
    // The process that started it may read no further.
    if (error instanceof Deno.errors.BrokenPipe) return;
    log.warn("standard output takes nothing", { error });
  }
}

/** What the replies of each store promise. */
function logDurability(options: ServeArguments, log: Logger): void {
  const { durability } = options;
  for (const { path, backend, location } of options.exports) {
    if (backend !== "sqlite") continue;
    log.info("store", { export: path, directory: location, durability });
  }
}
