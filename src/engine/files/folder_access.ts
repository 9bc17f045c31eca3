import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { Rights } from "../../vfs/wanted.ts";
import type { Caller } from "../../vfs/callers.ts";
import {
  entryRightsOf,
  Permission,
  permits,
  type Refusal,
} from "../../vfs/permissions.ts";
import type { CompoundContext } from "../context.ts";

/** What is done to a folder: a name is looked up in it, or what is or is not a folder gets one. */
export type FolderUse = "search" | "add file" | "add folder";

/** Whether `file`, with these attributes, is a folder that the caller may use so. */
export function checkFolder(
  context: CompoundContext,
  file: FileRef,
  { attributes, use }: {
    readonly attributes: Rights;
    readonly use: FolderUse;
  },
): StatusCode {
  // RFC 8881 15.1.2.6, RFC 7530 13.1.2.6
  if (attributes.type !== "directory") return Status.NOTDIR;
  return isAllowed(attributes, context.callerOf(file), use)
    ? Status.OK
    : Status.ACCESS;
}

function isAllowed(folder: Rights, caller: Caller, use: FolderUse): boolean {
  switch (use) {
    case "search":
      return permits(folder, caller, Permission.EXECUTE);
    case "add file":
      return entryRightsOf(folder, caller).addsFiles;
    case "add folder":
      return entryRightsOf(folder, caller).addsFolders;
  }
}

/** The status of what the permission rules say. */
export function statusOfRefusal(refusal: Refusal): StatusCode {
  return refusal === "access" ? Status.ACCESS : Status.PERM;
}
