/**
 * The attributes that are served, a row each. What is supported, how it is
 * read and how it is set all comes out of its row; an attribute without a row is not
 * supported. RFC 7530 5, RFC 8881 5, RFC 7862 12.2.
 *
 * @module
 */

import type { FileRef } from "../vfs/file_handle.ts";
import type {
  ChangeType,
  FileAttributes,
  FileSystemStatus,
  FileType,
  Timestamp,
} from "../vfs/file_system.ts";
import { hasMethod, type ReadableFileSystem } from "../vfs/changes.ts";
import { hasXattrs } from "../vfs/xattrs.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { type Bitmap, writeBitmap } from "./bitmap.ts";
import type { MinorVersion, StatusCode } from "./constants.ts";
import * as decoders from "./attribute_decoders.ts";
import type { AttributeDecoder } from "./attribute_decoders.ts";

/** What attributes are written from. */
export interface AttributeSource {
  /** Whose attributes they are. */
  file: FileRef;
  /** What the file system says of it. */
  attributes: FileAttributes;
  /** Room in the file system; there when a wanted row `needsSpace`. */
  space: FileSystemStatus | undefined;
  /** fileid of what the file covers (RFC 8881 5.8.2.23). */
  mountedOnFileid: number;
  /** Why the other attributes are missing (rdattr_error, RFC 8881 5.8.1.12). */
  error: StatusCode;
  /** supported_attrs. */
  supported: Bitmap;
  /** suppattr_exclcreat. */
  exclusive: Bitmap;
  /** lease_time in seconds. */
  leaseSeconds: number;
  /** maxread in bytes. */
  maxRead: number;
  /** maxwrite in bytes. */
  maxWrite: number;
}

/** For what attributes are set: `create` for CREATE and OPEN, `set` for SETATTR. */
export type SetPurpose = "create" | "set";

/** What support depends on, besides the table. */
export interface AttributeTerms {
  /** The minor version. */
  readonly minorVersion: MinorVersion;
  /** What can be done to the file system shows in the methods that it has. */
  readonly fs: ReadableFileSystem;
  /** Whether the file's creation time is known. */
  readonly birthtime: boolean;
}

/** An attribute's row in the table. */
export interface AttributeRow {
  /** Bit in a bitmap4. */
  readonly number: number;
  /** Name as in the RFC. */
  readonly name: string;
  /** First minor version that knows it; 0 if left out. */
  readonly since?: MinorVersion;
  /** Per file system and not per file (RFC 8881 5.4). */
  readonly perFileSystem?: boolean;
  /** Takes `source.space`. */
  readonly needsSpace?: boolean;
  /** What it takes of `source.attributes`, be it only whether that is there. */
  readonly reads?: readonly (keyof FileAttributes)[];
  /** Where it is not supported everywhere: whether it is here. */
  readonly supported?: (terms: AttributeTerms) => boolean;
  /** Writes it; absent when it can only be set. */
  readonly get?: (xdr: XdrWriter, source: AttributeSource) => void;
  /** Reads it; absent when it can't be set. */
  readonly set?: AttributeDecoder;
  /** Where it can't be set for both: for which alone. */
  readonly setOnlyFor?: SetPurpose;
}

/** nfs_ftype4 (RFC 8881 5.8.1.2). */
const FILE_TYPE: Readonly<Record<FileType, number>> = {
  "file": 1,
  "directory": 2,
  "block-device": 3,
  "character-device": 4,
  "symlink": 5,
  "socket": 6,
  "fifo": 7,
};

/** FH4_PERSISTENT (RFC 8881 4.2.2): good for as long as the file is. */
const FH_PERSISTENT = 0;
/** fs_charset_cap4 (RFC 8881 14.4). */
const CharsetCap = { CONTAINS_NON_UTF8: 1, ALLOWS_ONLY_UTF8: 2 } as const;
/** change_attr_type4 (RFC 7862 12.2.3). There is no pNFS here that could miss increments. */
const CHANGE_TYPE: Readonly<Record<ChangeType | "undefined", number>> = {
  "monotonic": 0,
  "version-counter": 1,
  "time-metadata": 3,
  "undefined": 4,
};
/** What FileSystemLimits says when it says nothing. */
const DEFAULTS = {
  maxName: 255,
  maxLink: 65_535,
  maxFileSize: Number.MAX_SAFE_INTEGER,
  timeDelta: 1,
  cloneBlock: 4096,
} as const;
/** A second in nanoseconds. */
const SECOND = 1_000_000_000;

const hasSpace = (terms: AttributeTerms): boolean =>
  terms.fs.status !== undefined;
const hasQuota = (terms: AttributeTerms): boolean =>
  hasSpace(terms) && terms.fs.limits?.hasQuota === true;
const canSet = (terms: AttributeTerms): boolean =>
  hasMethod(terms.fs, "setattr");

const yes = (xdr: XdrWriter): void => xdr.bool(true);
const no = (xdr: XdrWriter): void => xdr.bool(false);

const ROWS: readonly AttributeRow[] = [
  {
    number: 0,
    name: "supported_attrs",
    reads: ["birthtime"],
    perFileSystem: true,
    get: (xdr, { supported }) => writeBitmap(xdr, supported),
  },
  {
    number: 1,
    name: "type",
    reads: ["type"],
    get: (xdr, { attributes }) => xdr.uint32(FILE_TYPE[attributes.type]),
  },
  {
    number: 2,
    name: "fh_expire_type",
    perFileSystem: true,
    get: (xdr) => xdr.uint32(FH_PERSISTENT),
  },
  {
    number: 3,
    name: "change",
    reads: ["change"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.change),
  },
  {
    number: 4,
    name: "size",
    reads: ["size"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.size),
    set: decoders.size,
  },
  {
    number: 5,
    name: "link_support",
    perFileSystem: true,
    get: (xdr, { file }) => xdr.bool(hasMethod(file.export.fs, "link")),
  },
  {
    number: 6,
    name: "symlink_support",
    perFileSystem: true,
    get: (xdr, { file }) => xdr.bool(file.export.fs.readlink !== undefined),
  },
  { number: 7, name: "named_attr", get: no },
  {
    number: 8,
    name: "fsid",
    get: (xdr, { file }) => {
      const { major, minor } = file.export.fsid;
      xdr.uint64Number(major);
      xdr.uint64Number(minor);
    },
  },
  { number: 9, name: "unique_handles", perFileSystem: true, get: yes },
  {
    number: 10,
    name: "lease_time",
    get: (xdr, { leaseSeconds }) => xdr.uint32(leaseSeconds),
  },
  {
    number: 11,
    name: "rdattr_error",
    get: (xdr, { error }) => xdr.uint32(error),
  },
  // No ACL of any kind (RFC 8881 6.2.1.2).
  {
    number: 13,
    name: "aclsupport",
    perFileSystem: true,
    get: (xdr) => xdr.uint32(0),
  },
  {
    number: 15,
    name: "cansettime",
    perFileSystem: true,
    get: (xdr, { file }) => xdr.bool(hasMethod(file.export.fs, "setattr")),
  },
  { number: 16, name: "case_insensitive", perFileSystem: true, get: no },
  { number: 17, name: "case_preserving", perFileSystem: true, get: yes },
  { number: 18, name: "chown_restricted", perFileSystem: true, get: yes },
  {
    number: 19,
    name: "filehandle",
    get: (xdr, { file }) => xdr.opaque(file.handle),
  },
  {
    number: 20,
    name: "fileid",
    reads: ["fileid"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.fileid),
  },
  space(21, "files_avail", "freeFiles"),
  space(22, "files_free", "freeFiles"),
  space(23, "files_total", "totalFiles"),
  { number: 26, name: "homogeneous", perFileSystem: true, get: yes },
  {
    number: 27,
    name: "maxfilesize",
    perFileSystem: true,
    get: (xdr, { file }) => xdr.uint64Number(limit(file, "maxFileSize")),
  },
  {
    number: 28,
    name: "maxlink",
    get: (xdr, { file }) => xdr.uint32(limit(file, "maxLink")),
  },
  {
    number: 29,
    name: "maxname",
    perFileSystem: true,
    get: (xdr, { file }) => xdr.uint32(limit(file, "maxName")),
  },
  {
    number: 30,
    name: "maxread",
    perFileSystem: true,
    get: (xdr, { maxRead }) => xdr.uint64Number(maxRead),
  },
  {
    number: 31,
    name: "maxwrite",
    perFileSystem: true,
    get: (xdr, { maxWrite }) => xdr.uint64Number(maxWrite),
  },
  {
    number: 33,
    name: "mode",
    reads: ["mode"],
    get: (xdr, { attributes }) => xdr.uint32(attributes.mode & 0o7777),
    set: decoders.mode,
  },
  { number: 34, name: "no_trunc", perFileSystem: true, get: yes },
  {
    number: 35,
    name: "numlinks",
    reads: ["nlink"],
    get: (xdr, { attributes }) => xdr.uint32(attributes.nlink),
  },
  {
    number: 36,
    name: "owner",
    reads: ["uid"],
    // RFC 7530 5.9, RFC 8881 5.9: a number, for there is no name behind it.
    get: (xdr, { attributes }) => xdr.string(String(attributes.uid)),
    set: decoders.owner,
  },
  {
    number: 37,
    name: "owner_group",
    reads: ["gid"],
    get: (xdr, { attributes }) => xdr.string(String(attributes.gid)),
    set: decoders.ownerGroup,
  },
  quota(38, "quota_avail_hard", ({ availableBytes }) => availableBytes),
  // There is none that only warns.
  quota(39, "quota_avail_soft", ({ availableBytes }) => availableBytes),
  quota(40, "quota_used", usedBytes),
  {
    number: 41,
    name: "rawdev",
    reads: ["rdev"],
    get: (xdr, { attributes }) => {
      xdr.uint32(attributes.rdev?.major ?? 0);
      xdr.uint32(attributes.rdev?.minor ?? 0);
    },
  },
  space(42, "space_avail", "availableBytes"),
  space(43, "space_free", "freeBytes"),
  space(44, "space_total", "totalBytes"),
  {
    number: 45,
    name: "space_used",
    reads: ["used"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.used),
  },
  {
    number: 47,
    name: "time_access",
    reads: ["atime"],
    get: (xdr, { attributes }) => time(xdr, attributes.atime),
  },
  {
    number: 48,
    name: "time_access_set",
    supported: canSet,
    set: decoders.timeAccess,
  },
  {
    number: 50,
    name: "time_create",
    reads: ["birthtime"],
    supported: ({ birthtime }) => birthtime,
    get: (xdr, { attributes }) => time(xdr, attributes.birthtime!),
    set: decoders.timeCreate,
  },
  {
    number: 51,
    name: "time_delta",
    perFileSystem: true,
    get: (xdr, { file }) => {
      const delta = limit(file, "timeDelta");
      const seconds = Math.floor(delta / SECOND);
      time(xdr, { seconds, nanoseconds: delta % SECOND });
    },
  },
  {
    number: 52,
    name: "time_metadata",
    reads: ["ctime"],
    get: (xdr, { attributes }) => time(xdr, attributes.ctime),
  },
  {
    number: 53,
    name: "time_modify",
    reads: ["mtime"],
    get: (xdr, { attributes }) => time(xdr, attributes.mtime),
  },
  {
    number: 54,
    name: "time_modify_set",
    supported: canSet,
    set: decoders.timeModify,
  },
  {
    number: 55,
    name: "mounted_on_fileid",
    reads: ["fileid", "type"],
    get: (xdr, { mountedOnFileid }) => xdr.uint64Number(mountedOnFileid),
  },
  {
    number: 74,
    name: "mode_set_masked",
    since: 1,
    supported: canSet,
    set: decoders.modeSetMasked,
    setOnlyFor: "set",
  },
  {
    number: 75,
    name: "suppattr_exclcreat",
    reads: ["birthtime"],
    since: 1,
    perFileSystem: true,
    get: (xdr, { exclusive }) => writeBitmap(xdr, exclusive),
  },
  {
    number: 76,
    name: "fs_charset_cap",
    since: 1,
    perFileSystem: true,
    get: (xdr, { file }) => xdr.uint32(charsetCap(file)),
  },
  {
    number: 77,
    name: "clone_blksize",
    since: 2,
    perFileSystem: true,
    supported: ({ fs }) => hasMethod(fs, "clone"),
    get: (xdr, { file }) => xdr.uint32(limit(file, "cloneBlock")),
  },
  {
    number: 79,
    name: "change_attr_type",
    since: 2,
    perFileSystem: true,
    get: (xdr, { file: { export: { fs } } }) =>
      xdr.uint32(CHANGE_TYPE[fs.limits?.changeType ?? "undefined"]),
  },
  // RFC 8275 5
  {
    number: 81,
    name: "mode_umask",
    since: 2,
    supported: ({ fs }) => hasMethod(fs, "create"),
    set: decoders.modeUmask,
    setOnlyFor: "create",
  },
  // RFC 8276 8.2.1
  {
    number: 82,
    name: "xattr_support",
    since: 2,
    perFileSystem: true,
    get: (xdr, { file }) => xdr.bool(hasXattrs(file.export.fs)),
  },
];

/** The rows by number; `undefined` where there is none. */
export const ATTRIBUTES: readonly (AttributeRow | undefined)[] = byNumber();

function byNumber(): (AttributeRow | undefined)[] {
  const rows: (AttributeRow | undefined)[] = [];
  for (const row of ROWS) rows[row.number] = row;
  return rows;
}

/** Whether an attribute is supported on these terms. */
export function isSupported(row: AttributeRow, terms: AttributeTerms): boolean {
  return (row.since ?? 0) <= terms.minorVersion &&
    (row.supported?.(terms) ?? true);
}

/** A row of an attribute about the room in the file system. */
function space(
  number: number,
  name: string,
  key: keyof Omit<FileSystemStatus, "usedBytes">,
): AttributeRow {
  return {
    number,
    name,
    perFileSystem: true,
    needsSpace: true,
    supported: hasSpace,
    get: (xdr, source) => xdr.uint64Number(source.space![key]),
  };
}

/** A row of an attribute about the quota that the files of the file system share. */
function quota(
  number: number,
  name: string,
  of: (space: FileSystemStatus) => number,
): AttributeRow {
  return {
    number,
    name,
    needsSpace: true,
    supported: hasQuota,
    get: (xdr, source) => xdr.uint64Number(of(source.space!)),
  };
}

function usedBytes(
  { totalBytes, freeBytes, usedBytes = totalBytes - freeBytes }:
    FileSystemStatus,
): number {
  return Math.max(0, usedBytes);
}

function charsetCap({ export: { fs } }: FileRef): number {
  const takesAny = fs.limits?.rawNames === true;
  return takesAny ? CharsetCap.CONTAINS_NON_UTF8 : CharsetCap.ALLOWS_ONLY_UTF8;
}

function limit(file: FileRef, name: keyof typeof DEFAULTS): number {
  return file.export.fs.limits?.[name] ?? DEFAULTS[name];
}

function time(xdr: XdrWriter, { seconds, nanoseconds }: Timestamp): void {
  xdr.int64Number(seconds);
  xdr.uint32(nanoseconds);
}
