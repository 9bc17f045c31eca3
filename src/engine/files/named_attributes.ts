import { type Steps, wait } from "../../base/awaitable.ts";
import { FsError } from "../../vfs/errors.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileType } from "../../vfs/file_system.ts";
import { isAttributeName } from "../../vfs/named_attributes/attribute_parts.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import { mayHaveXattrs } from "./xattrs.ts";

/**
 * Whether a file of this type has named attributes: extended ones whose names an
 * entry may have. FsErrors of its file system, "not-supported" among them.
 */
export function* areThereAttributes(
  { node, export: { fs } }: FileRef,
  type: FileType,
): Steps<boolean> {
  if (!hasXattrs(fs) || !mayHaveXattrs(type)) return false;
  const names = yield* wait(fs.listxattrs(node));
  return names.some(isAttributeName);
}

/** The same as named_attr tells it: there are none where a host's folder has others' file systems in it. */
export function* hasNamedAttributes(
  file: FileRef,
  type: FileType,
): Steps<boolean> {
  try {
    return yield* areThereAttributes(file, type);
  } catch (error) {
    if (FsError.from(error)?.code === "not-supported") return false;
    throw error;
  }
}
