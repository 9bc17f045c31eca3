import { type Awaitable, type Steps, wait } from "../../base/awaitable.ts";
import { decodeRaw } from "../../base/raw_names.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { ChangeInfo, FileType } from "../../vfs/file_system.ts";
import { refuseXattrChange } from "../../vfs/permissions.ts";
import { RIGHTS, type Rights, rightsOf } from "../../vfs/wanted.ts";
import { MAX_XATTR_NAME } from "../../vfs/xattrs.ts";
import type { CompoundContext } from "../context.ts";
import { checkDelegations, FileUse } from "../locking/conflicts.ts";
import { attributesOf } from "./attributes_of.ts";
import { statusOfRefusal } from "./folder_access.ts";

/**
 * The name of an extended attribute off the wire as a string, or the status that
 * refuses it. It is no name of an entry: "." and "/" mean nothing in it.
 */
export function checkXattrName(bytes: Uint8Array): string | StatusCode {
  // RFC 8881 15.1.7: a name has at least one byte.
  if (bytes.length === 0) return Status.INVAL;
  if (bytes.length > MAX_XATTR_NAME) return Status.NAMETOOLONG;
  const name = decodeRaw(bytes);
  // RFC 8276 8.1, RFC 8881 14.5: not UTF-8 is NFS4ERR_INVAL, as of file names.
  if (!name.isWellFormed()) return Status.INVAL;
  return name.includes("\0") ? Status.BADCHAR : name;
}

/** RFC 8276 8.1: any regular file or directory may have extended attributes. */
export function mayHaveXattrs(type: FileType): boolean {
  return type === "file" || type === "directory";
}

/**
 * Whether the caller may change extended attributes of the current file now: the
 * rights that this was judged by, or the status that says no.
 */
export function* judgeXattrChange(
  context: CompoundContext,
): Steps<Rights | StatusCode> {
  const { file } = context;
  const attributes = yield* wait(attributesOf(file, RIGHTS));
  if (!mayHaveXattrs(attributes.type)) return Status.WRONG_TYPE;
  const refusal = refuseXattrChange(attributes, context.callerOf(file));
  if (refusal !== undefined) return statusOfRefusal(refusal);
  // RFC 8276 8.4.2.4, 8.4.4.4: first every other client's delegation is returned.
  const delegations = checkDelegations(context, file, FileUse.XATTR);
  return delegations === Status.OK ? rightsOf(attributes) : delegations;
}

/**
 * Sets or removes an extended attribute as a whole, which `act` does, when it is its
 * turn among those of the named ones: what there was of it as a larger one goes as
 * well. The change of both.
 */
export function* changeXattr(
  { file, services: { namespace } }: CompoundContext,
  name: string,
  act: () => Awaitable<ChangeInfo>,
): Steps<ChangeInfo> {
  const attributes = namespace.attributesOf(file);
  return yield* wait(attributes?.changeWhole(file.node, name, act) ?? act());
}
