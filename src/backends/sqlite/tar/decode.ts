import type { Timestamp } from "../../../vfs/mod.ts";
import {
  checksumOf,
  fields,
  type Member,
  type MemberType,
  memberTypes,
  paxKeys,
} from "./header.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Pax records by their keys. */
export type PaxRecords = ReadonlyMap<string, string>;

/** A header, as far as the block itself tells. */
export interface RawHeader {
  /** The letter of its type. */
  readonly letter: string;
  /** The member, if it is one of those that we know. */
  readonly member: Omit<Member, "type"> & { type: MemberType | undefined };
}

/** Whether a block is a header, by its checksum. */
export function isHeader(block: Uint8Array): boolean {
  const [start, length] = fields.checksum;
  const digits = String.fromCharCode(...block.subarray(start, start + length));
  return parseInt(digits, 8) === checksumOf(block);
}

/** Reads a header; throws an `Error` when it is none. */
export function decodeHeader(block: Uint8Array): RawHeader {
  if (!isHeader(block)) {
    throw new Error("not a tar archive, or a damaged one");
  }
  const letter = text(block, "type") || "0";
  const type = (memberTypes as Record<string, MemberType>)[
    // Contiguous and sparse files are files, what GNU tar lists of a folder is one.
    ({ "7": "0", S: "0", D: "5" } as Record<string, string>)[letter] ?? letter
  ];
  const isUstar = text(block, "magic").startsWith("ustar");
  const prefix = isUstar ? text(block, "prefix") : "";
  const path = text(block, "path");
  const member = {
    path: prefix === "" ? path : `${prefix}/${path}`,
    type,
    mode: number(block, "mode") & 0o7777,
    uid: number(block, "uid"),
    gid: number(block, "gid"),
    size: number(block, "size"),
    mtime: { seconds: number(block, "mtime"), nanoseconds: 0 },
    target: text(block, "target"),
    major: isUstar ? number(block, "major") : 0,
    minor: isUstar ? number(block, "minor") : 0,
  };
  return { letter, member };
}

/** Reads pax records, in their order: each is its length, a space, key=value and a newline. */
export function decodeRecords(
  bytes: Uint8Array,
): [key: string, value: string][] {
  const records: [string, string][] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(decode(bytes.subarray(at, Math.max(at, space))));
    const end = at + length;
    if (!(space > at && end > space + 1 && end <= bytes.length)) {
      throw new Error("the archive has a damaged pax header");
    }
    const record = decode(bytes.subarray(space + 1, end - 1));
    const equals = record.indexOf("=");
    records.push([record.slice(0, equals), record.slice(equals + 1)]);
    at = end;
  }
  return records;
}

/** Lets what pax records say go before what the header says. */
export function applyRecords(
  member: RawHeader["member"],
  records: PaxRecords,
): void {
  for (const key of ["path", "target"] as const) {
    member[key] = records.get(paxKeys[key]) ?? member[key];
  }
  for (const key of ["size", "uid", "gid", "major", "minor"] as const) {
    const value = records.get(paxKeys[key]);
    if (value !== undefined) member[key] = whole(value);
  }
  for (const key of ["mtime", "atime"] as const) {
    const value = records.get(paxKeys[key]);
    if (value !== undefined) member[key] = timestamp(value);
  }
}

function text(block: Uint8Array, key: keyof typeof fields): string {
  const [start, length] = fields[key];
  return textOf(block.subarray(start, start + length));
}

/** Bytes up to the first NUL as text. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function number(block: Uint8Array, key: keyof typeof fields): number {
  return numberAt(block, fields[key], key === "mtime");
}

/** A number in a header; those that are negative only where `isSigned`. */
export function numberAt(
  block: Uint8Array,
  [start, length]: readonly [start: number, length: number],
  isSigned = false,
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
    return isTime ? value : whole(String(value));
  }
  const digits = textOf(bytes).trim();
  return digits === "" ? 0 : whole(`0o${digits}`);
}

/** A whole number that is written out. */
export function whole(text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`the archive has a number that can't be: ${text}`);
}

function timestamp(text: string): Timestamp {
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (parts === null) throw new Error(`the archive has a bad time: ${text}`);
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

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Error("the archive has a name that is not UTF-8");
  }
}
