import { type FileType, FsError, type SetXattrOption } from "../../vfs/mod.ts";
import { isXattrName, MAX_XATTR_VALUE } from "../../vfs/xattrs.ts";

/** Most extended attributes of one file or folder. */
export const MOST_XATTRS = 1000;
/** Most bytes of all their names and values together. */
export const MOST_XATTR_BYTES: number = 2 ** 23;

const encoder = new TextEncoder();

/** What a file or folder has of extended attributes. */
export interface XattrUse {
  readonly count: number;
  /** Of names and values. */
  readonly bytes: number;
}

/** An extended attribute that is to be set. */
export interface NewXattr {
  readonly name: string;
  readonly value: Uint8Array;
  readonly option: SetXattrOption;
}

/** Bytes that an extended attribute counts for. */
export function bytesOfXattr(name: string, value: Uint8Array): number {
  return encoder.encode(name).length + value.length;
}

/** Throws "wrong-type" for what can't have extended attributes, as Linux has it for those of users. */
export function assertMayHaveXattrs(type: FileType): void {
  if (type !== "file" && type !== "directory") throw new FsError("wrong-type");
}

/**
 * What a node has once `made` is set in place of `old`, of what it has now. Throws
 * where that can't be: "exists", "no-xattr", "xattr-too-big", "invalid".
 */
export function useWith(
  use: XattrUse,
  { name, value, option }: NewXattr,
  old: Uint8Array | undefined,
): XattrUse {
  if (!isXattrName(name)) throw new FsError("invalid");
  if (old === undefined && option === "replace") throw new FsError("no-xattr");
  if (old !== undefined && option === "create") throw new FsError("exists");
  const before = old === undefined ? 0 : bytesOfXattr(name, old);
  const count = use.count + (old === undefined ? 1 : 0);
  const bytes = use.bytes - before + bytesOfXattr(name, value);
  const fits = value.length <= MAX_XATTR_VALUE && count <= MOST_XATTRS &&
    bytes <= MOST_XATTR_BYTES;
  if (!fits) throw new FsError("xattr-too-big");
  return { count, bytes };
}
