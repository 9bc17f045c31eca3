import { parseArgs } from "node:util";
import {
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFormat,
  type LogLevel,
} from "../log.ts";
import type { Durability } from "../backends/sqlite/mod.ts";
import type { Squash } from "../vfs/exports.ts";
import type { Trust } from "../vfs/file_system.ts";
import { suggestion } from "./suggestion.ts";

/** What can serve an export. */
export const BACKENDS = ["sqlite", "local", "memory"] as const;

/** One of {@linkcode BACKENDS}. */
export type Backend = (typeof BACKENDS)[number];

/** An `--export` of the command line. */
export interface ExportArgument {
  /** Absolute path that clients mount. */
  readonly path: string;
  /** Which back end serves it. */
  readonly backend: Backend;
  /** The back end's folder; empty for memory. */
  readonly location: string;
  /** No changes. */
  readonly readOnly: boolean;
  /** What has to speak for a caller; `undefined`: the owner of its socket, or its port where the host can't tell. */
  readonly trust: Trust | undefined;
  /** Whose identity is replaced; `undefined`: nobody's on loopback, root's beyond. */
  readonly squash: Squash | undefined;
  /** User of the squashed. */
  readonly anonuid: number;
  /** Group of the squashed. */
  readonly anongid: number;
  /** Owner of the root of what is made afresh; `undefined`: whoever starts the server, or `anonuid` where all are squashed. */
  readonly uid: number | undefined;
  /** Its group; `undefined`: in the same way. */
  readonly gid: number | undefined;
  /** Its mode; `undefined`: 0o755. */
  readonly mode: number | undefined;
  /** Most bytes that a store or a tree in memory may take; `undefined`: what the disk has, or `memory` by itself takes. */
  readonly quotaBytes: number | undefined;
}

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
export const STORE_COMMANDS = ["check", "export", "import"] as const;

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

/** A command line that can't be understood; the message is one line for the user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The folder that is served when nothing else is asked for. */
export const DEFAULT_DIRECTORY = "./dittofs-data";

/** What `--help` prints. */
export const HELP = `Serve folders over NFSv4.0, 4.1 and 4.2.

usage: deno run -A mod.ts [flags]               serve
       deno run -A mod.ts check DIR             look for damage in a store
       deno run -A mod.ts export DIR > X.tar    all of a store as an archive
       deno run -A mod.ts import DIR < X.tar    into a new store (or --merge)

  --export /PATH=sqlite:DIR[,OPTION...]  serve a durable store (repeatable)
  --export /PATH=local:DIR[,OPTION...]   serve an existing folder
  --export /PATH=memory:[,OPTION...]     serve an empty tree kept in memory
         options: ro, squash=none|root|all (none; root beyond loopback),
         anonuid=N, anongid=N (65534), trust=owner|port|any (owner), and but for
         local uid=N, gid=N (yours), mode=OCTAL (755), quota=BYTES (or 10G)
         without --export: sqlite:${DEFAULT_DIRECTORY}, made if missing, as /
  --host ADDRESS        address to listen on (127.0.0.1)
  --port N              TCP port (2049; 0 takes a free one)
  --metrics-port N      /metrics, /healthz over HTTP (beside --port; 0: off)
  --lease SECONDS       how long a silent client keeps its locks (90, from 10)
  --grace SECONDS       time to reclaim after a restart (as the lease)
  --state DIR           where its identity and its clients outlive a restart
                        (beside the store, or $XDG_STATE_HOME/dittofs-nfs4)
  --durability LEVEL    full: fsync before each reply; os; none (full)
  --max-state SIZE      memory for opens, locks and clients (a quarter of V8's)
  --max-buffers SIZE    memory for requests and replies in hand (an eighth)
  --no-delegations      grant none: every open is checked with the server
  --log-level LEVEL     debug, info, warn, error (info); --log-format text, json
  --help  --version
`;

const FLAG_OPTIONS = {
  export: { type: "string", multiple: true },
  host: { type: "string" },
  port: { type: "string" },
  "metrics-port": { type: "string" },
  lease: { type: "string" },
  grace: { type: "string" },
  state: { type: "string" },
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
const FLAGS = Object.keys(FLAG_OPTIONS).map((name) => `--${name}`);
const DURABILITIES = ["full", "os", "none"] as const;
const SQUASHES = ["none", "root", "all"] as const;
const TRUSTS = ["owner", "port", "any"] as const;
const NOBODY = 65534;
const MAX_ID = 0xffff_fffe;
/** The options of an export, those with a value with their "=". */
const EXPORT_OPTIONS = [
  "ro",
  "rw",
  "squash=",
  "anonuid=",
  "anongid=",
  "trust=",
  "uid=",
  "gid=",
  "mode=",
  "quota=",
];
const EXPORT_OPTION = new RegExp(
  `,(${EXPORT_OPTIONS.map((name) => name.replace(/=$/, "=[^,]*")).join("|")})$`,
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
    host: values.host ?? "127.0.0.1",
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
    stateDirectory: values.state,
    delegations: !values["no-delegations"],
    maxStateBytes: size("--max-state", values["max-state"]),
    maxBufferBytes: size("--max-buffers", values["max-buffers"]),
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
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: FLAG_OPTIONS,
    });
  } catch (error) {
    const [line = ""] = (error as Error).message.split(/\.? To specify|\n/);
    const [, flag] = /^Unknown option '(--?[^']*)'/.exec(line) ?? [];
    throw new UsageError(
      flag === undefined ? line : line + suggestion(flag, FLAGS),
    );
  }
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
  if (directory === undefined || more.length > 0) {
    throw new UsageError(`${command} wants one folder`);
  }
  const merge = command === "import" && args.includes("--merge");
  if (args.length > (merge ? 3 : 2)) {
    throw new UsageError(
      `${command} takes no flags${command === "import" ? " but --merge" : ""}`,
    );
  }
  return { command, directory, merge };
}

function parseExport(text: string): ExportArgument {
  const bad = (why: string): never => {
    throw new UsageError(`--export ${text}: ${why}`);
  };
  const equals = text.indexOf("=");
  if (equals < 0) {
    bad("want /PATH=sqlite:DIR, /PATH=local:DIR or /PATH=memory:");
  }
  const path = text.slice(0, equals);
  if (!/^\/$|^(\/[^/\0]+)+$/.test(path)) {
    bad("the path must begin with / and not end with it");
  }
  let source = text.slice(equals + 1);
  const options: string[] = [];
  for (
    let match = EXPORT_OPTION.exec(source);
    match !== null;
    match = EXPORT_OPTION.exec(source)
  ) {
    options.unshift(match[1]!);
    source = source.slice(0, match.index);
  }
  const [, name, location = ""] = /^([a-z0-9]+):(.*)$/s.exec(source) ?? [];
  const backend = BACKENDS.find((candidate) => candidate === name) ??
    bad(
      `the back end must be ${BACKENDS.join(":, ")}:` +
        suggestion(name ?? "", BACKENDS),
    );
  const slip = unknownOption(backend, location);
  if (slip !== undefined) bad(slip);
  if (backend !== "memory" && location === "") {
    bad(`${backend}: needs a folder`);
  }
  if (backend === "memory" && location !== "") {
    bad("memory: takes nothing behind the colon");
  }
  const value = (name: string): string | undefined =>
    options.findLast((option) => option.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  const choice = <T extends string>(name: string, choices: readonly T[]) => {
    const text = value(name);
    return text === undefined ? undefined : oneOf(name, text, choices);
  };
  const id = (name: string) => {
    const text = value(name);
    return text === undefined
      ? undefined
      : integer(name, text, { from: 0, to: MAX_ID });
  };
  const ofRoot = ["uid", "gid", "mode"].find((name) =>
    value(name) !== undefined
  );
  if (backend === "local" && ofRoot !== undefined) {
    bad(`${ofRoot} is for what is made afresh; the folder has its own`);
  }
  return {
    path,
    backend,
    location,
    quotaBytes: quota(value("quota"), backend),
    readOnly: options.includes("ro"),
    trust: choice("trust", TRUSTS),
    squash: choice("squash", SQUASHES),
    anonuid: id("anonuid") ?? NOBODY,
    anongid: id("anongid") ?? NOBODY,
    uid: id("uid"),
    gid: id("gid"),
    mode: mode(value("mode")),
  };
}

/**
 * What is wrong with the last part of a location that was meant as an option.
 * Folders may have commas in their names, so it takes some likeness to be one.
 */
function unknownOption(
  backend: Backend,
  location: string,
): string | undefined {
  const [, option, name] = /,(([^,=]*=?)[^,]*)$/.exec(location) ?? [];
  if (option === undefined || name === undefined) return undefined;
  if (backend === "memory") {
    return `there is no option ${JSON.stringify(option)}` +
      (suggestion(name, EXPORT_OPTIONS) || `; ${EXPORT_OPTIONS.join(", ")}`);
  }
  const meant = suggestion(name, EXPORT_OPTIONS);
  if (meant === "") return undefined;
  return `there is no option ${JSON.stringify(option)}${meant} ` +
    "(a folder of that name: write / behind it)";
}

function mode(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-7]{1,4}$/.test(text)) {
    throw new UsageError(
      `mode must be octal, as 755 or 1777, not ${JSON.stringify(text)}`,
    );
  }
  return parseInt(text, 8);
}

function quota(text: string | undefined, backend: Backend): number | undefined {
  if (backend === "local" && text !== undefined) {
    throw new UsageError(
      "quota is of sqlite and memory: a folder has its disk's",
    );
  }
  return size("quota", text);
}

/** A number of bytes, or of 1024, 1024² … of them with K, M, G or T behind it. */
function size(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d+)([KMGT]?)$/.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** ("KMGT".indexOf(unit) + 1);
  const value = unit === "" ? Number(digits) : bytes;
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new UsageError(
      `${flag} must be a number of bytes, or 512M, or 10G, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return value;
}

function integer(
  flag: string,
  text: string,
  range: { from: number; to: number },
): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < range.from || value > range.to) {
    throw new UsageError(
      `${flag} must be a whole number from ${range.from} to ${range.to}, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return value;
}

function oneOf<T extends string>(
  flag: string,
  text: string,
  choices: readonly T[],
): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new UsageError(
      `${flag} must be one of ${choices.join(", ")}, not ${
        JSON.stringify(text)
      }${suggestion(text, choices)}`,
    );
  }
  return choice;
}
