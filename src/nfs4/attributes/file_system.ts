import { hasMethod } from "../../vfs/changes.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { ChangeType } from "../../vfs/file_system.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import type { XdrWriter } from "../../xdr/writer.ts";
import type { AttributeRow } from "./row.ts";

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
  cloneBlock: 4096,
} as const;

const yes = (xdr: XdrWriter): void => xdr.bool(true);
const no = (xdr: XdrWriter): void => xdr.bool(false);

/** What a file system can do, and its limits. */
export const FILE_SYSTEM_ATTRIBUTES: readonly AttributeRow[] = [
  {
    number: 2,
    name: "fh_expire_type",
    perFileSystem: true,
    get: (xdr) => xdr.uint32(FH_PERSISTENT),
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
  { number: 9, name: "unique_handles", perFileSystem: true, get: yes },
  { number: 16, name: "case_insensitive", perFileSystem: true, get: no },
  { number: 17, name: "case_preserving", perFileSystem: true, get: yes },
  { number: 18, name: "chown_restricted", perFileSystem: true, get: yes },
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
  { number: 34, name: "no_trunc", perFileSystem: true, get: yes },
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
  // RFC 8276 8.2.1
  {
    number: 82,
    name: "xattr_support",
    since: 2,
    perFileSystem: true,
    get: (xdr, { file }) => xdr.bool(hasXattrs(file.export.fs)),
  },
];

function charsetCap({ export: { fs } }: FileRef): number {
  const takesAny = fs.limits?.rawNames === true;
  return takesAny ? CharsetCap.CONTAINS_NON_UTF8 : CharsetCap.ALLOWS_ONLY_UTF8;
}

function limit(file: FileRef, name: keyof typeof DEFAULTS): number {
  return file.export.fs.limits?.[name] ?? DEFAULTS[name];
}
