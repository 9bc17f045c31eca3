import { parseArgs } from "node:util";
import {
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFormat,
  type LogLevel,
} from "../base/log.ts";
import { DURABILITIES, type Durability } from "../backends/sqlite/options.ts";
import { LEAST_STATE_BYTES, leastBufferBytes } from "../server/limits.ts";
import { type ExportArgument, parseExport } from "./export_argument.ts";
import { DEFAULT_DIRECTORY } from "./help.ts";
import { suggestion } from "../base/suggestion.ts";
import {
  integer,
  named,
  oneOf,
  repeated,
  size,
  storeFolder,
  UsageError,
} from "./values.ts";

/** What the command line asks for. */
export interface ServeArguments {
  readonly command: "serve";
  readonly exports: readonly ExportArgument[];
  readonly host: string;
  readonly port: number;
  /** 0: no metrics; `undefined`: the port beside the server's, where it is free. */
  readonly metricsPort: number | undefined;
  readonly leaseSeconds: number;
  /** `undefined`: as long as the lease, when there is something to reclaim. */
  readonly graceSeconds: number | undefined;
  readonly stateDirectory: string | undefined;
  /** How long a call of a file system may take. */
  readonly fileSystemSeconds: number;
  readonly delegations: boolean;
  /** Bytes for what is remembered of clients; `undefined`: as the library has it. */
  readonly maxStateBytes: number | undefined;
  /** Bytes in hand of all connections; `undefined`: by the machine's memory. */
  readonly maxBufferBytes: number | undefined;
  /** What a reply of a sqlite store promises. */
  readonly durability: Durability;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** What there is to do with a store that is not served. */
const STORE_COMMANDS = ["check", "export", "import"] as const;

/** A command that is given a store. */
export interface StoreArguments {
  readonly command: (typeof STORE_COMMANDS)[number];
  /** The store's folder. */
  readonly directory: string;
  /** Of import: over what is there. */
  readonly merge: boolean;
}

/** The command line, understood. */
export type Arguments =
  | ServeArguments
  | StoreArguments
  | { readonly command: "help" | "version" };

const FLAG_OPTIONS = {
  export: { type: "string", multiple: true },
  host: { type: "string" },
  port: { type: "string" },
  "metrics-port": { type: "string" },
  lease: { type: "string" },
  grace: { type: "string" },
  state: { type: "string" },
  "fs-timeout": { type: "string" },
  "max-state": { type: "string" },
  "max-buffers": { type: "string" },
  durability: { type: "string" },
  "no-delegations": { type: "boolean" },
  "log-level": { type: "string" },
  "log-format": { type: "string" },
  merge: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;
/** All flags, with their dashes. */
export const FLAGS: readonly string[] = Object.keys(FLAG_OPTIONS).map((name) =>
  `--${name}`
);
const VALUED: ReadonlySet<string> = new Set(
  Object.entries(FLAG_OPTIONS)
    .filter(([, { type }]) => type === "string")
    .map(([name]) => `--${name}`),
);
/** Understands the command line; throws {@linkcode UsageError}. */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseFlags(args);
  if (values.help) return { command: "help" };
  if (values.version) return { command: "version" };
  if (positionals.length > 0) return parseStoreCommand(args, positionals);
  if (values.merge) throw new UsageError("--merge is for import");
  const exports = (values.export ?? []).map(parseExport);
  return {
    command: "serve",
    exports: exports.length > 0
      ? exports
      : [parseExport(`/=sqlite:${DEFAULT_DIRECTORY}`)],
    host: named("--host", values.host) ?? "127.0.0.1",
    port: integer("--port", values.port ?? "2049", { from: 0, to: 65535 }),
    metricsPort: values["metrics-port"] === undefined
      ? undefined
      : integer("--metrics-port", values["metrics-port"], {
        from: 0,
        to: 65535,
      }),
    leaseSeconds: integer("--lease", values.lease ?? "90", {
      from: 10,
      to: 3600,
    }),
    graceSeconds: values.grace === undefined
      ? undefined
      : integer("--grace", values.grace, { from: 0, to: 3600 }),
    stateDirectory: named("--state", values.state),
    fileSystemSeconds: integer("--fs-timeout", values["fs-timeout"] ?? "60", {
      from: 1,
      to: 3600,
    }),
    delegations: !values["no-delegations"],
    maxStateBytes: size("--max-state", values["max-state"], {
      from: LEAST_STATE_BYTES,
    }),
    maxBufferBytes: size("--max-buffers", values["max-buffers"], {
      from: leastBufferBytes(),
    }),
    durability: oneOf(
      "--durability",
      values.durability ?? "full",
      DURABILITIES,
    ),
    logLevel: oneOf("--log-level", values["log-level"] ?? "info", LOG_LEVELS),
    logFormat: oneOf(
      "--log-format",
      values["log-format"] ?? "text",
      LOG_FORMATS,
    ),
  };
}

// deno-lint-ignore explicit-function-return-type
function parseFlags(args: readonly string[]) {
  const { tokens, ...parsed } = understand(args);
  const flags = tokens.flatMap((token) =>
    token.kind === "option" && token.name !== "export" ? [token.name] : []
  );
  const twice = repeated(flags);
  if (twice !== undefined) throw new UsageError(`--${twice} is there twice`);
  return parsed;
}

// deno-lint-ignore explicit-function-return-type
function understand(args: readonly string[]) {
  try {
    return parseArgs({
      args: withValues(args),
      allowPositionals: true,
      options: FLAG_OPTIONS,
      tokens: true,
    });
  } catch (error) {
    throw new UsageError(flagProblem((error as Error).message));
  }
}

/** The arguments; what is behind a flag with a value is that, also where it begins with a dash as "-3" does. */
function withValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const flag = joined.at(-1) ?? "";
    if (VALUED.has(flag) && /^-\d/.test(arg)) {
      joined.push(`${joined.pop()}=${arg}`);
    } else joined.push(arg);
  }
  return joined;
}

/** What Node's parser found, in this program's words. */
function flagProblem(message: string): string {
  const [line = ""] = message.split(/\.? To specify|\n/);
  const [, unknown] = /^Unknown option '(--?[^']*)'/.exec(line) ?? [];
  if (unknown !== undefined) {
    return `there is no flag ${unknown}${suggestion(unknown, FLAGS)}`;
  }
  const [, flag] = /^Option '(?:-\w, )?(--[\w-]+)[^']*'/.exec(line) ?? [];
  if (flag === undefined) return line;
  return VALUED.has(flag)
    ? `${flag} wants a value behind it`
    : `${flag} takes no value`;
}

function parseStoreCommand(
  args: readonly string[],
  [name, directory, ...more]: readonly string[],
): StoreArguments {
  const command = STORE_COMMANDS.find((known) => known === name);
  if (command === undefined) {
    throw new UsageError(
      `there is no command ${JSON.stringify(name)}` +
        suggestion(name ?? "", STORE_COMMANDS),
    );
  }
  if (!directory || more.length > 0) {
    throw new UsageError(`${command} wants one folder`);
  }
  const merge = command === "import" && args.includes("--merge");
  if (args.length > (merge ? 3 : 2)) {
    throw new UsageError(
      `${command} takes no flags${command === "import" ? " but --merge" : ""}`,
    );
  }
  return { command, directory: storeFolder(directory), merge };
}
