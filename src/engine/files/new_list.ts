import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Listed } from "../../vfs/access_list.ts";
import { isListAmiss, isListTooLong } from "../../vfs/acl_changes.ts";
import type { AttributeChanges, FileType } from "../../vfs/file_system.ts";
import type { Rights } from "../../vfs/wanted.ts";

/**
 * Whether what has that type may get the access list that is among the changes, if
 * there is one. `beside` are its attributes, or those of the folder that it is made in.
 */
export function checkNewList(
  changes: Pick<AttributeChanges, "acl">,
  type: FileType,
  beside: Rights & Listed,
): StatusCode {
  // RFC 8881 6.2.1.4.1
  if (isListAmiss(changes, type, beside)) return Status.ATTRNOTSUPP;
  return isListTooLong(changes, type, beside) ? Status.INVAL : Status.OK;
}
