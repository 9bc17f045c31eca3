import type { Timestamp } from "../../../vfs/mod.ts";
import type { Ace } from "../../../vfs/acl.ts";
import type { MemberXattrs } from "./xattrs.ts";

/** Bytes of a header, and what everything in an archive is padded to. */
export const BLOCK = 512;

/** The types of members, by the letter in their header (POSIX pax, ustar). */
export const memberTypes = {
  "0": "file",
  "1": "link",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
} as const;

/** What a member of an archive is. */
export type MemberType = (typeof memberTypes)[keyof typeof memberTypes];

/** A member of an archive, without its bytes. */
export interface Member {
  /** Names with "/" between them. */
  path: string;
  /** What it is; "link" is a further name of an earlier member. */
  type: MemberType;
  /** Permission bits. */
  mode: number;
  /** Owner. */
  uid: number;
  /** Owning group. */
  gid: number;
  /** Bytes that follow the header; of files only. */
  size: number;
  /** Last change of content. */
  mtime: Timestamp;
  /** Last access, where the archive has it. */
  atime?: Timestamp;
  /** What a symlink or a link leads to. */
  target: string;
  /** Of a device. */
  major: number;
  /** Of a device. */
  minor: number;
  /** Extended attributes, where it has some; of files and folders only. */
  xattrs?: MemberXattrs;
  /** Its access list, where it has one. */
  acl?: readonly Ace[] | undefined;
}

/** The name that a pax record has for each field of a header. */
export const paxKeys = {
  path: "path",
  target: "linkpath",
  size: "size",
  uid: "uid",
  gid: "gid",
  mtime: "mtime",
  atime: "atime",
  // Not of POSIX, but what star, bsdtar and GNU tar understand.
  major: "SCHILY.devmajor",
  minor: "SCHILY.devminor",
} as const;

/** Where the fields of a ustar header are: offset and length. */
export const fields = {
  path: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  target: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const;

/** The sum of a header's bytes, those of the sum itself taken as spaces. */
export function checksumOf(header: Uint8Array): number {
  const [start, length] = fields.checksum;
  let sum = length * 0x20;
  for (let i = 0; i < BLOCK; i++) {
    if (i < start || i >= start + length) sum += header[i]!;
  }
  return sum;
}

/** Bytes that fill the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}
