import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { Permission, permits, type Refusal } from "../../vfs/permissions.ts";
import type { CompoundContext } from "../context.ts";

/** What is done to a folder. */
export type FolderUse = "search" | "change";

const NEEDED: Readonly<Record<FolderUse, number>> = {
  search: Permission.EXECUTE,
  change: Permission.WRITE | Permission.EXECUTE,
};

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
  return permits(attributes, context.callerOf(file), NEEDED[use])
    ? Status.OK
    : Status.ACCESS;
}

/** The status of what the permission rules say. */
export function statusOfRefusal(refusal: Refusal): StatusCode {
  return refusal === "access" ? Status.ACCESS : Status.PERM;
}
