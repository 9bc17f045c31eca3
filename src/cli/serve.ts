import { local } from "../backends/local/mod.ts";
import { memory } from "../backends/memory/mod.ts";
import { sqlite } from "../backends/sqlite/mod.ts";
import { createLogger, type Logger } from "../log.ts";
import { type NfsServer, serve } from "../server.ts";
import type { ExportOptions } from "../vfs/exports.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { ExportArgument, ServeArguments } from "./arguments.ts";
import { print } from "./output.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Serves until a signal comes; returns the exit status. */
export async function runServer(options: ServeArguments): Promise<number> {
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
  logDurability(options, log);
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

/** What the replies of each store promise. */
function logDurability(options: ServeArguments, log: Logger): void {
  const { durability } = options;
  for (const { path, backend, location } of options.exports) {
    if (backend !== "sqlite") continue;
    log.info("store", { export: path, directory: location, durability });
  }
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
