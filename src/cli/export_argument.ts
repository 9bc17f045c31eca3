import { MOST_BYTES } from "../backends/memory/options.ts";
import { type Squash, SQUASHES } from "../vfs/exports.ts";
import type { Trust } from "../vfs/file_system.ts";
import { isNamePattern } from "../vfs/hidden_names.ts";
import { TRUSTS } from "../vfs/trust.ts";
import { LAST_ID } from "../base/option_values.ts";
import { suggestion } from "../base/suggestion.ts";
import {
  integer,
  oneOf,
  repeated,
  size,
  storeFolder,
  UsageError,
} from "./values.ts";

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
  /** Whether clients can change nothing. */
  readonly readOnly: boolean;
  /** Names that are not listed; `undefined`: all are. */
  readonly hide: readonly string[] | undefined;
  /** What has to speak for a caller; `undefined`: the owner of its socket, or its port where the host can't tell. */
  readonly trust: Trust | undefined;
  /** Whose identity is replaced; `undefined`: no user's on loopback, root's beyond. */
  readonly squash: Squash | undefined;
  /** User of the squashed. */
  readonly anonuid: number;
  /** Group of the squashed. */
  readonly anongid: number;
  /**
   * Owner of the root of what is made afresh; `undefined`: the user who starts
   * the server, or `anonuid` where all are squashed.
   */
  readonly uid: number | undefined;
  /** Its group; `undefined`: in the same way. */
  readonly gid: number | undefined;
  /** Its mode; `undefined`: 0o755. */
  readonly mode: number | undefined;
  /** Whether a worker of its own carries the folder; `undefined`: where that is served by other hosts or programs. */
  readonly apart: true | undefined;
  /** Most bytes that a store or a tree in memory may take; `undefined`: what the disk has, or `memory` by itself takes. */
  readonly quotaBytes: number | undefined;
}

const NOBODY = 65534;
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
  "hide=",
  "apart",
];
const WAY_OUT = "(a folder of that name: write / behind it)";
const EXPORT_OPTION = new RegExp(
  `,(${EXPORT_OPTIONS.map((name) => name.replace(/=$/, "=[^,]*")).join("|")})$`,
);

/** Understands what is behind `--export`; throws {@linkcode UsageError}. */
export function parseExport(text: string): ExportArgument {
  try {
    return understand(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`--export ${text}: ${error.message}`);
  }
}

/**
 * Throws {@linkcode UsageError} where a new store would be made in a folder whose
 * name ends with a comma and a word: the word is an option that there is not, and
 * those before it would be part of the name as well.
 */
export function assertMeant(
  { path, backend, location }: ExportArgument,
  isThere: (folder: string) => boolean,
): void {
  const [, option] = /,([^,/]*)$/.exec(location) ?? [];
  if (backend !== "sqlite" || option === undefined || isThere(location)) return;
  throw new UsageError(
    `--export ${path}=${backend}:${location}: there is no option ` +
      `${JSON.stringify(option)}; ${EXPORT_OPTIONS.join(", ")} ${WAY_OUT}`,
  );
}

function bad(why: string): never {
  throw new UsageError(why);
}

function understand(text: string): ExportArgument {
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
  if (backend === "sqlite") storeFolder(location);
  if (backend === "memory" && location !== "") {
    bad("memory: takes nothing behind the colon");
  }
  const twice = repeated(options.map(nameOf));
  if (twice !== undefined) bad(`${twice} is there twice`);
  const value = (name: string): string | undefined =>
    options.find((option) => option.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  const choice = <T extends string>(name: string, choices: readonly T[]) => {
    const text = value(name);
    return text === undefined ? undefined : oneOf(name, text, choices);
  };
  const id = (name: string) => {
    const text = value(name);
    return text === undefined
      ? undefined
      : integer(name, text, { from: 0, to: LAST_ID });
  };
  const ofRoot = ["uid", "gid", "mode"].find((name) =>
    value(name) !== undefined
  );
  if (backend === "local" && ofRoot !== undefined) {
    bad(`${ofRoot} is for what is made afresh; the folder has its own`);
  }
  const isApart = options.includes("apart");
  if (backend !== "local" && isApart) bad("apart is for a local folder");
  return {
    path,
    backend,
    location,
    apart: isApart || undefined,
    quotaBytes: quota(value("quota"), backend),
    readOnly: options.includes("ro"),
    hide: hidden(value("hide")),
    trust: choice("trust", TRUSTS),
    squash: choice("squash", SQUASHES),
    anonuid: id("anonuid") ?? NOBODY,
    anongid: id("anongid") ?? NOBODY,
    uid: id("uid"),
    gid: id("gid"),
    mode: mode(value("mode")),
  };
}

/** What an option is about. */
function nameOf(option: string): string {
  const [name = ""] = option.split("=");
  return name === "ro" || name === "rw" ? "ro or rw" : name;
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
  return `there is no option ${JSON.stringify(option)}${meant} ${WAY_OUT}`;
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

function hidden(text: string | undefined): readonly string[] | undefined {
  const patterns = text?.split(":");
  const bad = patterns?.find((pattern) => !isNamePattern(pattern));
  if (bad === undefined) return patterns;
  throw new UsageError(
    `hide must be names, as ._*:.DS_Store, not ${JSON.stringify(bad)}`,
  );
}

function quota(text: string | undefined, backend: Backend): number | undefined {
  if (backend === "local" && text !== undefined) {
    throw new UsageError(
      "quota is of sqlite and memory: a folder has its disk's",
    );
  }
  const to = backend === "memory" ? MOST_BYTES : undefined;
  return size("quota", text, { to });
}
