import { checkOptionNames, type OptionNames } from "../base/option_names.ts";
import {
  checkType,
  checkWhole,
  checkWord,
  LAST_ID,
  MAX_UINT32,
  shown,
} from "../base/option_values.ts";
import { type ExportOptions, SQUASHES } from "../vfs/exports.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import { isNamePattern } from "../vfs/hidden_names.ts";
import { TRUSTS } from "../vfs/trust.ts";
import type { CallbackTimes } from "../backchannel/retry_policy.ts";
import { checkFileSystem } from "./check_file_system.ts";
import type { ServeOptions } from "./options.ts";

/** What is called of the options that are objects, and the type that says so. */
const METHODS: {
  readonly [Name in "clock" | "log" | "signal"]: {
    readonly type: string;
    readonly names: readonly (keyof NonNullable<ServeOptions[Name]>)[];
  };
} = {
  clock: { type: "Clock", names: ["now", "schedule"] },
  log: { type: "Logger", names: ["debug", "info", "warn", "error"] },
  signal: {
    type: "AbortSignal",
    names: ["throwIfAborted", "addEventListener", "removeEventListener"],
  },
};

/** The words that an export's options may be. */
const WORDS = {
  trust: TRUSTS,
  squash: SQUASHES,
} as const satisfies Partial<Record<keyof ExportOptions, readonly string[]>>;

const EXPORT_NAMES: OptionNames<ExportOptions> = {
  path: true,
  fs: true,
  readOnly: true,
  hide: true,
  trust: true,
  squash: true,
  anonymous: true,
};

const ANONYMOUS_NAMES: OptionNames<NonNullable<ExportOptions["anonymous"]>> = {
  uid: true,
  gid: true,
};

const SERVE_NAMES: OptionNames<ServeOptions> = {
  hostname: true,
  port: true,
  metricsPort: true,
  leaseSeconds: true,
  courtesySeconds: true,
  graceSeconds: true,
  stateDirectory: true,
  persistentSessions: true,
  delegations: true,
  allowCallbackAddress: true,
  callbacks: true,
  limits: true,
  fileSystemTimeout: true,
  shutdownTimeout: true,
  log: true,
  signal: true,
  clock: true,
  random: true,
};

const CALLBACK_NAMES: OptionNames<CallbackTimes> = {
  replyTimeout: true,
  attempts: true,
  backoff: true,
};

/** The options that are of one type of JavaScript. */
const TYPES = {
  delegations: "boolean",
  persistentSessions: "boolean",
  allowCallbackAddress: "function",
  random: "function",
} as const satisfies Partial<Record<keyof ServeOptions, string>>;

/** The options that are numbers, and the least that each may be. */
const LEAST = {
  port: 0,
  metricsPort: 0,
  leaseSeconds: 1,
  courtesySeconds: 0,
  graceSeconds: 0,
  fileSystemTimeout: 1,
  shutdownTimeout: 0,
} as const satisfies Partial<Record<keyof ServeOptions, number>>;

/** lease_time is a uint32 (RFC 8881 5.8.1.11). */
const MOST: Readonly<Partial<Record<string, number>>> = {
  leaseSeconds: MAX_UINT32,
};

const PORTS = new Set(["port", "metricsPort"]);
const MAX_PORT = 65_535;

/**
 * What `serve` was given, as exports. Throws TypeError of one line for anything
 * that TypeScript would have refused: not every program is compiled by it.
 */
export function exportsOf(
  source: FileSystem | readonly ExportOptions[],
): readonly ExportOptions[] {
  const exports = Array.isArray(source)
    ? source as readonly ExportOptions[]
    : [{ path: "/", fs: source as FileSystem }];
  for (const each of exports) checkExport(each);
  return exports;
}

function checkExport(given: ExportOptions): void {
  const { path, fs } = (given ?? {}) as Partial<ExportOptions>;
  if (typeof path !== "string") {
    throw new TypeError(
      'an export has a path and a file system: { path: "/", fs }',
    );
  }
  checkFileSystem(path, fs as FileSystem);
  checkOptionNames(`export ${path}`, given, EXPORT_NAMES);
  const { anonymous = {} } = given;
  checkOptionNames(`export ${path}: anonymous`, anonymous, ANONYMOUS_NAMES);
  checkType(`export ${path}: readOnly`, given.readOnly, "boolean");
  checkHide(path, given.hide);
  for (const [name, id] of Object.entries(anonymous)) {
    checkWhole(`export ${path}: anonymous ${name}`, id, { most: LAST_ID });
  }
  for (const [name, words] of Object.entries(WORDS)) {
    checkWord(
      `export ${path}: ${name}`,
      given[name as keyof typeof WORDS],
      words,
    );
  }
}

function checkHide(path: string, hide: ExportOptions["hide"] = []): void {
  if (Array.isArray(hide) && hide.every(isNamePattern)) return;
  throw new TypeError(
    `export ${path}: hide must be names, with * for any part, not ${
      shown(hide)
    }`,
  );
}

/** Throws TypeError for options that are none, RangeError for numbers that can't be what they are given as. */
export function checkOptions(options: ServeOptions): void {
  checkOptionNames("serve", options, SERVE_NAMES);
  const { hostname, stateDirectory, callbacks = {} } = options;
  checkOptionNames("serve: callbacks", callbacks, CALLBACK_NAMES);
  // What is listened on for no name is every address of the host.
  if (hostname !== undefined && !isName(hostname)) {
    throw new TypeError(
      `hostname must name an address, not ${shown(hostname)}`,
    );
  }
  // What is made in no folder is made in the host's root.
  if (stateDirectory !== undefined && !isName(stateDirectory)) {
    throw new TypeError(
      `stateDirectory must name a folder, not ${shown(stateDirectory)}`,
    );
  }
  for (const [name, type] of Object.entries(TYPES)) {
    checkType(name, options[name as keyof typeof TYPES], type);
  }
  checkMethods(options);
  checkCallbacks(callbacks);
  for (const [name, least] of Object.entries(LEAST)) {
    const value = options[name as keyof typeof LEAST];
    if (value === undefined) continue;
    checkType(name, value, "number");
    if (!(value >= least)) {
      throw new RangeError(`${name} must be ${least} or more, not ${value}`);
    }
    const most = MOST[name] ?? Infinity;
    if (value > most) {
      throw new RangeError(`${name} must be ${most} or less, not ${value}`);
    }
    if (PORTS.has(name) && !(Number.isInteger(value) && value <= MAX_PORT)) {
      throw new RangeError(
        `${name} must be a whole number up to ${MAX_PORT}, not ${value}`,
      );
    }
  }
}

function checkMethods(options: ServeOptions): void {
  for (const [name, { type, names }] of Object.entries(METHODS)) {
    const given: unknown = options[name as keyof typeof METHODS];
    if (given === undefined) continue;
    const missing = names.find((method) =>
      typeof (given as Record<string, unknown> | null)?.[method] !== "function"
    );
    if (missing === undefined) continue;
    throw new TypeError(
      `${name} must be { ${
        names.join(", ")
      } }, as ${type} says; it has no ${missing}`,
    );
  }
}

function checkCallbacks(
  { replyTimeout = 1, attempts = 1, backoff = [] }: CallbackTimes,
): void {
  if (typeof replyTimeout !== "number" || !(replyTimeout > 0)) {
    throw new RangeError(
      `callbacks.replyTimeout must be above 0, not ${shown(replyTimeout)}`,
    );
  }
  checkWhole("callbacks.attempts", attempts, { least: 1 });
  if (!Array.isArray(backoff) || !backoff.every(isWait)) {
    throw new TypeError(
      `callbacks.backoff must be waits in milliseconds, not ${shown(backoff)}`,
    );
  }
}

function isWait(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
