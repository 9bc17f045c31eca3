import { leave } from "../base/awaitable.ts";
import { checkOptionNames, type OptionNames } from "../base/option_names.ts";
import {
  checkType,
  checkWhole,
  checkWord,
  MAX_UINT32,
  shown,
  type TypeName,
} from "../base/option_values.ts";
import type {
  ChangeType,
  FileSystem,
  FileSystemLimits,
  HostFolder,
  ServerRecords,
} from "../vfs/file_system.ts";
import { OPTIONAL } from "../vfs/optional_methods.ts";
import { TRUSTS } from "../vfs/trust.ts";

/** What a FileSystem must have; the rest is optional. */
const REQUIRED_METHODS = [
  "root",
  "identify",
  "resolve",
  "getattr",
  "lookup",
  "parent",
  "readdir",
  "read",
] as const satisfies readonly (keyof FileSystem)[];

/** Its limits that are numbers, and what each may be: they go onto the wire as they are. */
const LIMITS = {
  maxName: { least: 1, most: MAX_UINT32 },
  maxFileSize: { least: 0 },
  cloneBlock: { least: 1, most: MAX_UINT32 },
  maxLink: { least: 1, most: MAX_UINT32 },
  timeDelta: { least: 1 },
} as const satisfies Partial<Record<keyof FileSystemLimits, unknown>>;

const LIMIT_NAMES: OptionNames<FileSystemLimits> = {
  ...LIMITS,
  accessLists: true,
  rawNames: true,
  defaultLists: true,
  hasQuota: true,
  changeType: true,
};

const CHANGE_TYPES: readonly ChangeType[] = [
  "monotonic",
  "version-counter",
  "time-metadata",
];

/** Types of the parts of what is an object, by `typeof`. */
type Parts<T> = Readonly<Record<keyof T, TypeName>>;

const FOLDER_PARTS: Parts<HostFolder> = { path: "string", isShown: "boolean" };

const RECORD_PARTS: Parts<Omit<ServerRecords, "watch">> = {
  changes: "number",
  put: "function",
  delete: "function",
  all: "function",
};

/**
 * Throws TypeError of one line for what is no FileSystem, or can't be used as
 * one, RangeError for limits that can't be; `path` is its export's. What it says
 * of itself later is looked at then, by `CheckedFileSystem`.
 */
export function checkFileSystem(path: string, fs: FileSystem): void {
  if (typeof fs !== "object" || fs === null) {
    throw new TypeError(
      `export ${path}: want a FileSystem, such as memory(), not ${shown(fs)}`,
    );
  }
  if (fs instanceof Promise) {
    leave(fs);
    throw new TypeError(`export ${path}: want a FileSystem, await the promise`);
  }
  const missing = REQUIRED_METHODS.filter((name) => {
    return typeof fs[name] !== "function";
  });
  if (missing.length > 0) {
    throw new TypeError(
      `export ${path}: no FileSystem, it has no ${missing.join(", ")}`,
    );
  }
  const its = (name: string) => `export ${path}: its file system's ${name}`;
  for (const name of Object.keys(OPTIONAL)) {
    checkType(its(name), fs[name as keyof typeof OPTIONAL], "function");
  }
  const { trust, limits, folder, records } = fs;
  // A promise is none of these, and the end of the process if it rejects.
  for (const each of [trust, limits, folder, records]) leave(each);
  checkWord(its("trust"), trust, TRUSTS);
  if (limits !== undefined) checkLimits(its, limits);
  checkParts(its("folder"), folder, FOLDER_PARTS);
  checkParts(its("records"), records, RECORD_PARTS);
  checkType(its("records.watch"), records?.watch, "function");
}

function checkLimits(
  its: (name: string) => string,
  limits: FileSystemLimits,
): void {
  checkOptionNames(its("limits"), limits, LIMIT_NAMES);
  for (const [name, range] of Object.entries(LIMITS)) {
    checkWhole(its(name), limits[name as keyof typeof LIMITS], range);
  }
  for (
    const name of [
      "accessLists",
      "rawNames",
      "defaultLists",
      "hasQuota",
    ] as const
  ) {
    checkType(its(name), limits[name], "boolean");
  }
  checkWord(its("changeType"), limits.changeType, CHANGE_TYPES);
}

/** Throws TypeError for an object without one of its parts; it may be left out. */
function checkParts(
  what: string,
  value: object | undefined,
  parts: Readonly<Record<string, TypeName>>,
): void {
  if (value === undefined) return;
  checkType(what, value, "object");
  for (const [name, type] of Object.entries(parts)) {
    const part: unknown = Reflect.get(value, name);
    if (part === undefined) throw new TypeError(`${what} has no ${name}`);
    checkType(`${what}.${name}`, part, type);
  }
}
