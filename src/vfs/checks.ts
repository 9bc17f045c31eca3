import { leave } from "../base/awaitable.ts";
import type {
  ChangeInfo,
  Created,
  DirectoryEntry,
  DirectoryPage,
  EntryPlace,
  FileAttributes,
  FileSystem,
  FileSystemLimits,
  FileSystemStats,
  FileSystemStatus,
  FileType,
  ReadResult,
  Stability,
  Timestamp,
} from "./file_system.ts";
import { FsError } from "./errors.ts";
import { isName, isTarget } from "./names.ts";
import { MAX_IDENTITY } from "./file_handle.ts";
import { isXattrName, MAX_XATTR_NAMES, MAX_XATTR_VALUE } from "./xattrs.ts";

/*
 * What a file system may return. Each `wrong…` says what is wrong with a value, in
 * one of few words, so that each is logged once; `undefined` when nothing is.
 */

/** What a file system returned could not be; that has been logged. */
export class UnsoundResult extends FsError {}

/** Longest line that says why a file system has failed. */
const MAX_REASON = 1024;
/** Largest cookie of an entry. */
export const MAX_COOKIE: number = 2 ** 52;
const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT64 = 2 ** 64;
const NANOSECONDS = 1_000_000_000;

/**
 * A back end of ours itself, by which it says that what it returns was looked at
 * by its tests: `read` fills its target to the last byte that it counts,
 * attributes are whole, names are names. See {@linkcode isSound}.
 */
export const soundResults: unique symbol = Symbol("sound results");

/**
 * Whether a file system is a back end of ours as it was written: no Proxy of one,
 * which would answer with what it stands for, and none with methods of others.
 */
export function isSound(
  fs: FileSystem & { readonly [soundResults]?: object | undefined },
): boolean {
  const written = Object.getPrototypeOf(fs);
  return fs[soundResults] === fs &&
    !Object.keys(fs).some((key) => key in written);
}

/** Of what `getattr` returned. */
export function wrongAttributes(given: FileAttributes): string | undefined {
  if (!isObject(given)) return "no attributes";
  if (!isFileType(given.type)) return "type";
  if (!isUint(given.mode, 0o7777)) return "mode";
  if (!isUint(given.nlink, MAX_UINT32)) return "nlink";
  if (!isCount(given.uid)) return "uid";
  if (!isCount(given.gid)) return "gid";
  if (!isCount(given.size)) return "size";
  if (!isCount(given.used)) return "used";
  // Numbers of the host's inodes are rounded where they are beyond 2^53.
  if (!isUint(given.fileid, MAX_UINT64)) return "fileid";
  if (!isCount(given.change)) return "change";
  if (!isTime(given.atime)) return "atime";
  if (!isTime(given.mtime)) return "mtime";
  if (!isTime(given.ctime)) return "ctime";
  const { birthtime, rdev } = given;
  if (birthtime !== undefined && !isTime(birthtime)) return "birthtime";
  return rdev === undefined || isDevice(rdev) ? undefined : "rdev";
}

/** What `place` returned, for nothing to change it afterwards; `undefined` where it is no such thing. */
export function placeOf(given: unknown): EntryPlace | undefined {
  if (!isObject(given)) return undefined;
  const { cookie, previous, isLast } = given as EntryPlace;
  if (!isCookie(cookie) || typeof isLast !== "boolean") return undefined;
  if (previous === undefined) return { cookie, previous, isLast };
  if (!isObject(previous)) return undefined;
  const before = { name: previous.name, cookie: previous.cookie };
  const isSound = isName(before.name) && isCookie(before.cookie);
  return isSound ? { cookie, previous: before, isLast } : undefined;
}

/** Of what `status` returned. */
export function wrongStatus(given: FileSystemStatus): string | undefined {
  if (!isObject(given)) return "no status";
  if (!isCount(given.totalBytes)) return "totalBytes";
  if (!isCount(given.freeBytes)) return "freeBytes";
  if (!isCount(given.availableBytes)) return "availableBytes";
  if (!isCount(given.totalFiles)) return "totalFiles";
  if (!isCount(given.freeFiles)) return "freeFiles";
  const { usedBytes } = given;
  return usedBytes === undefined || isCount(usedBytes)
    ? undefined
    : "usedBytes";
}

/** Of `stats`. */
export function wrongStats(given: FileSystemStats): string | undefined {
  if (!isObject(given)) return "no stats";
  if (!isCount(given.operations)) return "operations";
  if (!isCount(given.commits)) return "commits";
  if (!isCount(given.syncs)) return "syncs";
  if (!isCount(given.settles)) return "settles";
  return isCount(given.writtenBytes) ? undefined : "writtenBytes";
}

/** Of a number that counts. */
export function wrongCount(given: number): string | undefined {
  return isCount(given) ? undefined : "no count";
}

/** Of the reason of a loss, where one is given; a word that is no code is "io". */
export function wrongCode(given: unknown): string | undefined {
  const isWord = given === undefined || typeof given === "string";
  return isWord ? undefined : "no code of an error";
}

/** Of what `failure` returned. */
export function wrongFailure(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const isLine = typeof given === "string" && given.length <= MAX_REASON &&
    !/[\r\n]/.test(given);
  return isLine ? undefined : "no line";
}

/** Of a collection of records. */
export function wrongRows(
  given: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  return given instanceof Map ? undefined : "no Map";
}

/** Of a node. */
export function wrongNode(given: object): string | undefined {
  const isNode = isObject(given) && !(given instanceof Promise);
  return isNode ? undefined : "no node";
}

/** Of a node, where there may be none. */
export function wrongEntry(given: object | undefined): string | undefined {
  return given === undefined ? undefined : wrongNode(given);
}

/** Of an identity. */
export function wrongIdentity(given: Uint8Array): string | undefined {
  const isIdentity = given instanceof Uint8Array && given.length > 0 &&
    given.length <= MAX_IDENTITY;
  return isIdentity ? undefined : "no identity";
}

/** Of what `read` returned. */
export function wrongRead(given: ReadResult): string | undefined {
  if (!isObject(given)) return "no result";
  return isCount(given.bytes) ? undefined : "bytes";
}

/** Of how stable a write is. */
export function wrongStability(given: Stability): string | undefined {
  const isKnown = given === "unstable" || given === "data" || given === "file";
  // What became of the data can't be known.
  return isKnown ? undefined : "stability";
}

/** Of where the next part of a file was found, from `offset` on. */
export function wrongPlace(
  given: number | undefined,
  offset: number,
): string | undefined {
  const isPlace = given === undefined || isCount(given) && given >= offset;
  return isPlace ? undefined : "place";
}

/** Of the value of an extended attribute, where there may be none. */
export function wrongXattr(given: Uint8Array | undefined): string | undefined {
  const isValue = given === undefined ||
    given instanceof Uint8Array && given.length <= MAX_XATTR_VALUE;
  return isValue ? undefined : "no value";
}

/** Of a list of the names of extended attributes. */
export function wrongXattrNames(given: readonly string[]): string | undefined {
  if (!Array.isArray(given)) return "no names";
  return given.length <= MAX_XATTR_NAMES ? undefined : "too many names";
}

/** The names that clients can ask for, each once. */
export function usableXattrNames(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter(isXattrName))];
}

/** Of how a folder, or a node's extended attributes, has changed. */
export function wrongChange(given: ChangeInfo): string | undefined {
  const isChange = isObject(given) && typeof given.atomic === "boolean" &&
    isCount(given.before) && isCount(given.after);
  return isChange ? undefined : "change";
}

/** Of what `rename` returned. */
export function wrongChanges(
  given: { readonly source: ChangeInfo; readonly target: ChangeInfo },
): string | undefined {
  if (!isObject(given)) return "change";
  return wrongChange(given.source) ?? wrongChange(given.target);
}

/** Of what `create` returned. */
export function wrongCreated(given: Created<object>): string | undefined {
  if (!isObject(given)) return "no node";
  if (typeof given.created !== "boolean") return "created";
  return wrongNode(given.node) ?? wrongChange(given.change);
}

/** Of the target of a symlink. */
export function wrongTarget(
  given: string,
  limits: FileSystemLimits | undefined,
): string | undefined {
  return isTarget(given, limits) ? undefined : "target";
}

/** Of a page of a folder behind the cookie `after`: whether a listing can go on behind it. */
export function wrongPage(
  given: DirectoryPage<object>,
  after: number,
): string | undefined {
  if (!isObject(given) || !Array.isArray(given.entries)) return "no entries";
  const entries = given.entries as readonly DirectoryEntry<object>[];
  for (const entry of entries) {
    if (!isObject(entry)) return "no entry";
    const { cookie, node } = entry;
    if (!isCookie(cookie)) return "cookie";
    if (wrongEntry(node) !== undefined) return "no node";
  }
  const leadsBack = entries.at(-1)?.cookie === after;
  return leadsBack ? "a cookie that leads nowhere" : undefined;
}

/**
 * A page as it can be used, each of its entries read once: names that clients can't
 * ask for are empty, and keep their place; attributes that can't be true are left
 * out, so that `getattr` is asked.
 */
export function usablePage(
  page: DirectoryPage<object>,
  { limits, unusable }: {
    readonly limits: FileSystemLimits | undefined;
    /** Hears what is wrong with attributes. */
    readonly unusable: (what: string) => void;
  },
): DirectoryPage<object> {
  const entries = page.entries.map(({ name, cookie, node, attributes }) => {
    const wrong = attributes === undefined
      ? undefined
      : wrongAttributes(attributes);
    if (wrong !== undefined) {
      leaveParts(attributes);
      unusable(wrong);
    }
    return {
      name: isName(name, limits) ? name : "",
      cookie,
      node,
      attributes: wrong === undefined ? attributes : undefined,
    };
  });
  return { entries, end: page.end };
}

/** Of a page: entries, an entry, its attributes, a time, its seconds. */
const DEEPEST = 5;

/**
 * Leaves the promises in a result that is not used: of a method that forgets to
 * wait for another, as for the size of each entry. Nodes are not looked into.
 */
export function leaveParts(result: unknown, depth: number = DEEPEST): void {
  leave(result);
  if (depth === 0 || !isObject(result) || ArrayBuffer.isView(result)) return;
  try {
    for (const [name, part] of Object.entries(result)) {
      if (name === "node") leave(part);
      else leaveParts(part, depth - 1);
    }
  } catch {
    // Of a Proxy.
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isCount(value: number): boolean {
  return isUint(value, Number.MAX_SAFE_INTEGER);
}

/** Whole, and 0 to `most`. Not by `Number.isInteger`, which is a call: GETATTR asks a dozen times. */
function isUint(value: number, most: number): boolean {
  return typeof value === "number" && value >= 0 && value <= most &&
    Math.floor(value) === value;
}

function isCookie(value: number): boolean {
  return isUint(value, MAX_COOKIE) && value !== 0;
}

function isTime(value: Timestamp): boolean {
  if (!isObject(value)) return false;
  const { seconds, nanoseconds } = value;
  return typeof seconds === "number" && Math.floor(seconds) === seconds &&
    Math.abs(seconds) <= Number.MAX_SAFE_INTEGER &&
    isUint(nanoseconds, NANOSECONDS - 1);
}

function isDevice(
  value: { readonly major: number; readonly minor: number },
): boolean {
  return isObject(value) && isUint(value.major, MAX_UINT32) &&
    isUint(value.minor, MAX_UINT32);
}

function isFileType(value: FileType): boolean {
  switch (value) {
    case "file":
    case "directory":
    case "symlink":
    case "fifo":
    case "socket":
    case "block-device":
    case "character-device":
      return true;
    default:
      return false;
  }
}
