import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import type { Caller } from "../../vfs/callers.ts";
import type { FileType } from "../../vfs/file_system.ts";
import { Permission, permissionsOf } from "../../vfs/permissions.ts";
import type { Rights } from "../../vfs/wanted.ts";

/** Whether a file is a regular one, in the words of READ, WRITE, COMMIT and LOCK. */
export function checkRegular(
  type: FileType,
  minorVersion: MinorVersion,
): StatusCode {
  if (type === "file") return Status.OK;
  // RFC 7530 16.23.4, RFC 8881 18.22.3
  if (type === "directory") return Status.ISDIR;
  if (minorVersion === 0) return Status.INVAL;
  return type === "symlink" ? Status.SYMLINK : Status.WRONG_TYPE;
}

/** The same in the words of OPEN. */
export function checkOpenable(
  type: FileType,
  minorVersion: MinorVersion,
): StatusCode {
  if (type === "file") return Status.OK;
  if (type === "directory") return Status.ISDIR;
  // RFC 7530 16.16.6: NFS4ERR_SYMLINK for special files too; RFC 8881 18.16.4 has better.
  return type === "symlink" || minorVersion === 0
    ? Status.SYMLINK
    : Status.WRONG_TYPE;
}

/**
 * Whether a caller has permission to read or write content. A user who may run
 * a program has it read by the client's kernel, and with `ownerAlways` the
 * owner may all the same: a local program could go on through its descriptor
 * after a chmod.
 */
export function checkContent(
  attributes: Rights,
  caller: Caller,
  { write, ownerAlways }: {
    readonly write: boolean;
    readonly ownerAlways: boolean;
  },
): StatusCode {
  if (ownerAlways && caller.uid === attributes.uid) return Status.OK;
  const enough = write
    ? Permission.WRITE
    : Permission.READ | Permission.EXECUTE;
  const permitted = (permissionsOf(attributes, caller) & enough) !== 0;
  return permitted ? Status.OK : Status.ACCESS;
}
