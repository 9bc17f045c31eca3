import denoConfig from "../deno.json" with { type: "json" };
import { local } from "./backends/local/mod.ts";
import { memory } from "./backends/memory/mod.ts";
import { sqlite } from "./backends/sqlite/mod.ts";
import {
  type ExportArgument,
  HELP,
  parseArguments,
  type ServeArguments,
  UsageError,
} from "./cli_arguments.ts";
import { createLogger, type Logger } from "./log.ts";
import { type NfsServer, serve } from "./server.ts";
import type { ExportOptions } from "./vfs/exports.ts";
import type { FileSystem } from "./vfs/file_system.ts";

/** Exit status of a command line, a folder or a port that can't be used. */
const USAGE = 2;
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Runs the command line; returns the exit status when all is done. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const parsed = parseArguments(args);
    switch (parsed.command) {
      case "help":
        print(HELP);
        return 0;
      case "version":
        print(`dittofs-nfs4 ${denoConfig.version}\n`);
        return 0;
      case "serve":
        return await run(parsed);
    }
  } catch (error) {
    complain(error);
    return USAGE;
  }
}

async function run(options: ServeArguments): Promise<number> {
  const log = createLogger({
    level: options.logLevel,
    format: options.logFormat,
  });
  const exports = options.exports.map((spec) => open(spec, options));
  await using server = await serve(exports, {
    hostname: options.host,
    port: options.port,
    metricsPort: options.metricsPort === 0 ? undefined : options.metricsPort,
    leaseSeconds: options.leaseSeconds,
    graceSeconds: options.graceSeconds,
    stateDirectory: stateDirectory(options, log),
    delegations: options.delegations,
    log,
  });
  // Listened for before anybody is told that there is something to stop.
  const signalled = untilSignal();
  announce(server, options);
  const signal = await signalled;
  log.info("stopping", { signal });
  await server.close();
  return 0;
}

function open(spec: ExportArgument, options: ServeArguments): ExportOptions {
  const { path, readOnly, squash, anonuid, anongid } = spec;
  return {
    path,
    fs: fileSystem(spec, options),
    readOnly,
    squash,
    anonymous: { uid: anonuid, gid: anongid },
  };
}

function fileSystem(
  { backend, location, quotaBytes }: ExportArgument,
  { durability }: ServeArguments,
): FileSystem {
  switch (backend) {
    case "sqlite":
      return sqlite(location, { durability, quotaBytes });
    case "local":
      return local(location);
    case "memory":
      return memory();
  }
}

/** Where the server's identity and its clients are kept; `undefined` where there is no place for it. */
function stateDirectory(
  options: ServeArguments,
  log: Logger,
): string | undefined {
  if (options.stateDirectory !== undefined) return options.stateDirectory;
  const store = options.exports.find(({ backend }) => backend === "sqlite");
  // What moves with the store, and outlives the process with it.
  if (store !== undefined) return `${store.location}/server`;
  const home = Deno.env.get("HOME");
  const base = Deno.env.get("XDG_STATE_HOME") ??
    (home === undefined ? undefined : `${home}/.local/state`);
  if (base !== undefined) return `${base}/dittofs-nfs4`;
  log.warn(
    "no HOME and no --state: filehandles and locks end with the process",
  );
  return undefined;
}

function announce(server: NfsServer, options: ServeArguments): void {
  for (const spec of options.exports) {
    print(`serving ${spec.path} from ${spec.backend}:${spec.location}\n`);
  }
  if (server.metricsPort !== undefined) {
    const address = options.host.includes(":")
      ? `[${options.host}]`
      : options.host;
    print(`metrics at http://${address}:${server.metricsPort}/metrics\n`);
  }
  print(`listening on ${server.hostname}:${server.port}; mount it with:\n`);
  print(`  ${server.mountCommand("/mnt")}\n`);
}

function untilSignal(): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    const listeners = SIGNALS.map((signal) => {
      const listener = () => {
        // A second signal ends the process at once, as without us.
        for (const [name, each] of listeners) {
          Deno.removeSignalListener(name, each);
        }
        resolve(signal);
      };
      Deno.addSignalListener(signal, listener);
      return [signal, listener] as const;
    });
  });
}

function complain(error: unknown): void {
  const [line] = String(error instanceof Error ? error.message : error)
    .split("\n");
  const hint = error instanceof UsageError ? " (see --help)" : "";
  Deno.stderr.writeSync(encode(`dittofs-nfs4: ${line}${hint}\n`));
}

function print(text: string): void {
  Deno.stdout.writeSync(encode(text));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
