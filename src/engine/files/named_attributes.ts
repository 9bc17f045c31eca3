import type { Awaitable } from "../../base/awaitable.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileType } from "../../vfs/file_system.ts";
import { isName } from "../../vfs/names.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import { mayHaveXattrs } from "./xattrs.ts";

/** Whether a file of this type has named attributes: extended ones whose names an entry may have. */
export function hasNamedAttributes(
  { node, export: { fs } }: FileRef,
  type: FileType,
): Awaitable<boolean> {
  if (!hasXattrs(fs) || !mayHaveXattrs(type)) return false;
  const names = fs.listxattrs(node);
  return names instanceof Promise
    ? names.then(areThereAny)
    : areThereAny(names);
}

function areThereAny(names: readonly string[]): boolean {
  return names.some((name) => isName(name));
}
