/**
 * An NFSv4.0, 4.1 and 4.2 server. Run it to serve a folder; import it to serve
 * anything that implements {@linkcode FileSystem}.
 *
 * ```ts
 * import { memory, serve } from "@dittofs/nfs4";
 *
 * await using server = await serve(memory({ "hello.txt": "hi" }), { port: 0 });
 * console.log(server.mountCommand("/mnt"));
 * ```
 *
 * @module
 */
export { local } from "./src/backends/local/mod.ts";
export type {
  LocalFileSystem,
  LocalOptions,
} from "./src/backends/local/mod.ts";
export { memory } from "./src/backends/memory/mod.ts";
export type {
  MemoryFileSystem,
  MemoryNode,
  MemoryOptions,
  MemoryTree,
} from "./src/backends/memory/mod.ts";
export { sqlite } from "./src/backends/sqlite/mod.ts";
export type {
  Durability,
  MutableAttributes,
  Records,
  SqliteFileSystem,
  SqliteNode,
  SqliteOptions,
  SqliteStats,
} from "./src/backends/sqlite/mod.ts";
export { createLogger, LOG_FORMATS, LOG_LEVELS } from "./src/base/log.ts";
export type {
  LogFields,
  LogFormat,
  Logger,
  LoggerOptions,
  LogLevel,
} from "./src/base/log.ts";
export type { CallbackTimes } from "./src/backchannel/retry_policy.ts";
export type { AllowCallbackAddress } from "./src/backchannel/dial_out.ts";
export type { InternetAddress } from "./src/backchannel/universal_address.ts";
export { NfsServer, serve } from "./src/server.ts";
export type { ServeOptions } from "./src/server/options.ts";
export type { ProtocolLimits } from "./src/engine/limits.ts";
export { defaultServerLimits } from "./src/server/limits.ts";
export type { ServerLimits } from "./src/server/limits.ts";
export type { Clock, RandomBytes } from "./src/base/clock.ts";
export * from "./src/vfs/mod.ts";
export type { ExportOptions, Squash } from "./src/vfs/exports.ts";

if (import.meta.main) {
  const { main } = await import("./src/cli.ts");
  Deno.exit(await main(Deno.args));
}
