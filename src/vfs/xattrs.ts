import type { ReadableFileSystem } from "./changes.ts";

/*
 * What an extended attribute may be (RFC 8276): the same for those that clients
 * ask for and those that file systems return.
 */

/** Longest name in bytes of UTF-8, as XATTR_NAME_MAX of Linux. */
export const MAX_XATTR_NAME = 255;

/** Largest value in bytes, as XATTR_SIZE_MAX of Linux. */
export const MAX_XATTR_VALUE = 65_536;

/** Most names of one file that a file system may return. */
export const MAX_XATTR_NAMES = 4096;

const encoder = new TextEncoder();

/** Whether a client can ask for an attribute of that name: unlike that of an entry, it may be "." or have a "/". */
export function isXattrName(name: unknown): name is string {
  // The length first: the rest is work in proportion to it.
  return typeof name === "string" && name !== "" &&
    name.length <= MAX_XATTR_NAME && !name.includes("\0") &&
    name.isWellFormed() && encoder.encode(name).length <= MAX_XATTR_NAME;
}

/** Whether a file system has extended attributes: without one of the two there is nothing to ask for. */
export function hasXattrs(
  fs: ReadableFileSystem,
): fs is
  & ReadableFileSystem
  & Required<Pick<ReadableFileSystem, "getxattr" | "listxattrs">> {
  return fs.getxattr !== undefined && fs.listxattrs !== undefined;
}
