import { decodeRaw } from "../../../base/raw_names.ts";
import type { Timestamp } from "../../../vfs/mod.ts";
import {
  checksumOf,
  fields,
  type Member,
  type MemberType,
  memberTypes,
  paxKeys,
} from "./header.ts";
import { ACL_KEY } from "./access_lists.ts";
import { isXattrKey } from "./xattrs.ts";

const SPACE = 0x20;
const EQUALS = 0x3d;
const knownKeys: ReadonlySet<string> = new Set(Object.values(paxKeys));
/** What the keys begin with that tell of a sparse file. */
const SPARSE_KEYS = "GNU.sparse.";

/** Pax records by their keys. */
export type PaxRecords = ReadonlyMap<string, string>;

/**
 * Something is wrong with one member, and with nothing that comes after it: it is
 * skipped.
 */
export class BadMember extends Error {
  /** The name of the class. */
  override readonly name = "BadMember";
}

/** A header, whose other fields count only where no record says otherwise. */
export interface Header {
  /** Its bytes. */
  readonly block: Uint8Array;
  /** The letter of its type. */
  readonly letter: string;
  /** What the member is, if that is known. */
  readonly type: MemberType | undefined;
}

/** Whether a block is a header, by its checksum. */
export function isHeader(block: Uint8Array): boolean {
  const [start, length] = fields.checksum;
  const digits = String.fromCharCode(...block.subarray(start, start + length));
  return parseInt(digits, 8) === checksumOf(block);
}

/** Reads a header; throws an `Error` when it is none. */
export function decodeHeader(block: Uint8Array): Header {
  if (!isHeader(block)) {
    throw new Error("not a tar archive, or a damaged one");
  }
  const letter = text(block, "type") || "0";
  const type = (memberTypes as Record<string, MemberType>)[
    // Contiguous and sparse files are files, what GNU tar lists of a folder is one.
    ({ "7": "0", S: "0", D: "5" } as Record<string, string>)[letter] ?? letter
  ];
  return { block, letter, type };
}

/** Bytes that follow a header, as far as its type has any. */
export function sizeOf({ block }: Header, records: PaxRecords): number {
  return numberOf(block, records, "size");
}

/** The names of a member. What is not UTF-8 in it is as `src/base/raw_names.ts` has it. */
export function pathOf({ block }: Header, records: PaxRecords): string {
  const said = records.get(paxKeys.path);
  if (said !== undefined) return said;
  const path = text(block, "path");
  const prefix = isUstar(block) ? text(block, "prefix") : "";
  return prefix === "" ? path : `${prefix}/${path}`;
}

/** What a member is: a file whose name ends in "/" is a folder, as those of V7 are. */
export function typeOf({ type }: Header, path: string): MemberType | undefined {
  return type === "file" && path.endsWith("/") ? "directory" : type;
}

/**
 * The records that hold for a member, later ones before earlier. One without a value
 * undoes those of its name, and the header's field holds, as bsdtar has it; but an
 * extended attribute, or an access list, may be empty.
 */
export function holding(
  records: Iterable<readonly [key: string, value: string]>,
): PaxRecords {
  const last = new Map(records);
  for (const [key, value] of last) {
    const mayBeEmpty = isXattrKey(key) || key === ACL_KEY;
    if (value === "" && !mayBeEmpty) last.delete(key);
  }
  return last;
}

/**
 * The rest of a member: what records say goes before the header, which is not even
 * looked at for it. There a writer cuts off what does not fit, within a character
 * too. Throws {@linkcode BadMember}.
 */
export function decodeMember(
  { block }: Header,
  records: PaxRecords,
): Omit<Member, "path" | "type" | "size"> {
  const ofDevice = (key: "major" | "minor") =>
    isUstar(block) || records.has(paxKeys[key])
      ? numberOf(block, records, key)
      : 0;
  const mtime = records.get(paxKeys.mtime);
  const atime = records.get(paxKeys.atime);
  return {
    mode: number(block, "mode") & 0o7777,
    uid: numberOf(block, records, "uid"),
    gid: numberOf(block, records, "gid"),
    mtime: mtime === undefined
      ? { seconds: number(block, "mtime"), nanoseconds: 0 }
      : timestamp(mtime),
    ...(atime === undefined ? {} : { atime: timestamp(atime) }),
    target: records.get(paxKeys.target) ?? text(block, "target"),
    major: ofDevice("major"),
    minor: ofDevice("minor"),
  };
}

/**
 * Reads the pax records that we know, in their order: each is its length, a space,
 * key=value and a newline. Others, as those of a kernel, may be any bytes.
 */
export function decodeRecords(
  bytes: Uint8Array,
): [key: string, value: string][] {
  const records: [string, string][] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const length = Number(decodeRaw(bytes.subarray(at, Math.max(at, space))));
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space + 1);
    if (
      !(space > at && equals > space && end > equals && end <= bytes.length)
    ) {
      throw new Error("the archive has a damaged pax header");
    }
    const key = decodeRaw(bytes.subarray(space + 1, equals));
    if (isKnown(key)) {
      records.push([key, decodeRaw(bytes.subarray(equals + 1, end - 1))]);
    }
    at = end;
  }
  return records;
}

function isKnown(key: string): boolean {
  return knownKeys.has(key) || isOfOne(key);
}

/** Whether a record is of one member, and means nothing as one of all. */
export function isOfOne(key: string): boolean {
  return key.startsWith(SPARSE_KEYS) || isXattrKey(key) ||
    key === ACL_KEY;
}

function isUstar(block: Uint8Array): boolean {
  return text(block, "magic").startsWith("ustar");
}

/** A number by its record or, where there is none, by its field. */
function numberOf(
  block: Uint8Array,
  records: PaxRecords,
  key: "size" | "uid" | "gid" | "major" | "minor",
): number {
  const value = records.get(paxKeys[key]);
  return value === undefined ? number(block, key) : whole(value);
}

function text(block: Uint8Array, key: keyof typeof fields): string {
  const [start, length] = fields[key];
  return textOf(block.subarray(start, start + length));
}

/** Bytes up to the first NUL as text. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeRaw(end < 0 ? bytes : bytes.subarray(0, end));
}

function number(block: Uint8Array, key: keyof typeof fields): number {
  return numberAt(block, fields[key], { isSigned: key === "mtime" });
}

/** A number in a header, as `read` takes it; those that are negative only where `isSigned`. */
export function numberAt(
  block: Uint8Array,
  [start, length]: readonly [start: number, length: number],
  { isSigned = false, read = whole }: {
    readonly isSigned?: boolean;
    readonly read?: (text: string) => number;
  } = {},
): number {
  const bytes = block.subarray(start, start + length);
  // GNU's way for what octal digits can't hold: the first bit set, then binary,
  // and the second bit set as well in what is negative, as times can be.
  const [first = 0] = bytes;
  if (first & 0x80) {
    const isNegative = (first & 0x40) !== 0;
    let value = isNegative ? -1 : 0;
    for (const byte of bytes.subarray(1)) value = value * 256 + byte;
    const isTime = isNegative && isSigned && Number.isSafeInteger(value);
    return isTime ? value : read(String(value));
  }
  const digits = textOf(bytes).trim();
  return digits === "" ? 0 : read(`0o${digits}`);
}

/** A whole number that is written out; throws {@linkcode BadMember} for one that can't be. */
export function whole(text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new BadMember(`the archive has a number that can't be: ${text}`);
}

/**
 * The same of the size of a file and of places in it, not exact where it is more than
 * any store can hold: then nothing but that is wrong with the archive.
 */
export function large(text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > Number.MAX_SAFE_INTEGER
    ? value
    : whole(text);
}

function timestamp(text: string): Timestamp {
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (parts === null) {
    throw new BadMember(`the archive has a bad time: ${text}`);
  }
  const [, sign, digits = "", fraction = ""] = parts;
  const seconds = whole(digits);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign === "") return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds };
  // One more second has to be a number, too.
  return {
    seconds: -whole(String(seconds + 1)),
    nanoseconds: 1e9 - nanoseconds,
  };
}
