import { concat } from "@std/bytes";
import type { Timestamp } from "../../../vfs/mod.ts";
import {
  BLOCK,
  checksumOf,
  fields,
  type Member,
  memberTypes,
  paddingOf,
  paxKeys,
} from "./header.ts";
import { ACL_KEY, aclText } from "./access_lists.ts";
import { xattrKey } from "./xattrs.ts";

const encoder = new TextEncoder();
const NEWLINE = encoder.encode("\n");
const letters = Object.fromEntries(
  Object.entries(memberTypes).map(([letter, type]) => [type, letter]),
);

/** The header of a member, after a pax header with what does not fit into it and `more` records. */
export function encodeMember(
  member: Member,
  more: readonly (readonly [key: string, value: string])[] = [],
): Uint8Array {
  const xattrs = [...member.xattrs ?? []].map(([name, value]) =>
    record(xattrKey(name), value)
  );
  const lists = member.acl === undefined
    ? []
    : [record(ACL_KEY, aclText(member.acl))];
  const body = concat([
    ...recordsOf(member),
    ...more.map(([key, value]) => record(key, value)),
    ...xattrs,
    ...lists,
  ]);
  const pax = header({
    ...member,
    path: "pax",
    target: "",
    size: body.length,
  }, "x");
  const main = header(member, letters[member.type]!);
  const bytes = new Uint8Array(
    BLOCK + body.length + paddingOf(body.length) + BLOCK,
  );
  bytes.set(pax);
  bytes.set(body, BLOCK);
  bytes.set(main, bytes.length - BLOCK);
  return bytes;
}

/** The end of an archive: two blocks of zeros. */
export function encodeEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}

/** Times always, since a header has whole seconds; the rest where it does not fit. */
function recordsOf(member: Member): Uint8Array[] {
  const records = [record(paxKeys.mtime, decimal(member.mtime))];
  const add = (key: keyof typeof paxKeys, value: string) =>
    records.push(record(paxKeys[key], value));
  if (member.atime) add("atime", decimal(member.atime));
  for (const key of ["path", "target"] as const) {
    if (!isPlain(member[key])) add(key, member[key]);
  }
  for (const key of ["size", "uid", "gid", "major", "minor"] as const) {
    if (octal(member[key], fields[key][1]) === undefined) {
      add(key, String(member[key]));
    }
  }
  return records;
}

/** A record says how long it is, the length of that number included. */
function record(key: string, value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  const start = encoder.encode(` ${key}=`);
  const rest = start.length + bytes.length + 1;
  let length = rest;
  while (length !== rest + String(length).length) {
    length = rest + String(length).length;
  }
  const digits = encoder.encode(String(length));
  return concat([digits, start, bytes, NEWLINE]);
}

function header(member: Member, letter: string): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  const put = ([start]: readonly [number, number], text: string) =>
    encoder.encodeInto(text, bytes.subarray(start));
  const number = (key: "mode" | "uid" | "gid" | "size" | "major" | "minor") =>
    // What does not fit is in a record, which counts more.
    put(fields[key], octal(member[key], fields[key][1]) ?? "0");
  put(fields.path, fit(member.path));
  for (const key of ["mode", "uid", "gid", "size"] as const) number(key);
  const seconds = Math.max(0, member.mtime.seconds);
  put(fields.mtime, octal(seconds, fields.mtime[1]) ?? "0");
  put(fields.type, letter);
  put(fields.target, fit(member.target));
  put(fields.magic, "ustar\u000000");
  number("major");
  number("minor");
  put(
    fields.checksum,
    `${checksumOf(bytes).toString(8).padStart(6, "0")}\0 `,
  );
  return bytes;
}

function isPlain(text: string): boolean {
  return text.length <= fields.path[1] && /^[\x20-\x7e]*$/.test(text);
}

/** For readers that don't know pax: a name that can be told from others. */
function fit(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(/[^\x20-\x7e]/g, "_").slice(-fields.path[1]);
}

function octal(value: number, width: number): string | undefined {
  const digits = value.toString(8);
  return digits.length < width ? digits.padStart(width - 1, "0") : undefined;
}

/** Seconds with all of their nanoseconds; -2 s and 500 ms is -1.5. */
function decimal({ seconds, nanoseconds }: Timestamp): string {
  const isBefore = seconds < 0 && nanoseconds > 0;
  const whole = isBefore ? -seconds - 1 : Math.abs(seconds);
  const part = isBefore ? 1e9 - nanoseconds : nanoseconds;
  const sign = seconds < 0 ? "-" : "";
  return `${sign}${whole}.${String(part).padStart(9, "0")}`;
}
