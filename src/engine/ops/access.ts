import { Access, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { Caller } from "../../vfs/callers.ts";
import {
  entryRightsOf,
  Permission,
  permissionsOf,
  permits,
  refuseXattrChange,
} from "../../vfs/permissions.ts";
import { RIGHTS, type Rights } from "../../vfs/wanted.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import { checkWritable } from "../files/changing.ts";
import { mayHaveXattrs } from "../files/xattrs.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";
import { attributesOf } from "../files/attributes_of.ts";

const FOLDER_BITS = Access.READ | Access.LOOKUP | Access.MODIFY |
  Access.EXTEND | Access.DELETE;
const FILE_BITS = Access.READ | Access.MODIFY | Access.EXTEND | Access.EXECUTE;
const OTHER_BITS = Access.READ | Access.MODIFY | Access.EXTEND;
const NFSV40_BITS = FOLDER_BITS | Access.EXECUTE;
/** RFC 8276 8.5: to query, change and list extended attributes. */
const XATTR_BITS = Access.XAREAD | Access.XAWRITE | Access.XALIST;
const NFSV42_BITS = NFSV40_BITS | XATTR_BITS;
const CHANGES = Access.MODIFY | Access.EXTEND | Access.DELETE;

/** ACCESS (RFC 8881 18.1, RFC 7530 16.1): the rights that are asked for. */
export const access: Operation<number> = {
  decode: (xdr) => xdr.uint32(),

  run(context, requested) {
    const known = context.minorVersion === 2 ? NFSV42_BITS : NFSV40_BITS;
    if ((requested & ~known) !== 0) return Status.INVAL;
    const { file } = context;
    const attributes = attributesOf(file, RIGHTS);
    return attributes instanceof Promise
      ? attributes.then((attributes) => answer(context, requested, attributes))
      : answer(context, requested, attributes);
  },
};

function answer(
  context: CompoundContext,
  requested: number,
  attributes: Rights,
): StatusCode {
  const { file, reply } = context;
  const isFolder = attributes.type === "directory";
  const caller = context.callerOf(file);
  let granted = isFolder
    ? folderAccess(attributes, caller)
    : fileAccess(permissionsOf(attributes, caller));
  if (!isChangeable(file, isFolder)) granted &= ~CHANGES;
  // RFC 8881 18.1.3: "supported" is what can be told for this type of file.
  let supported = requested & supportedBits(attributes);
  const hasThem = hasXattrs(file.export.fs) && mayHaveXattrs(attributes.type);
  if (hasThem && (requested & XATTR_BITS) !== 0) {
    supported |= requested & XATTR_BITS;
    granted |= xattrAccess(file, attributes, caller);
  }
  reply.uint32(supported);
  reply.uint32(supported & granted);
  return Status.OK;
}

function supportedBits({ type }: Rights): number {
  if (type === "directory") return FOLDER_BITS;
  return type === "file" ? FILE_BITS : OTHER_BITS;
}

function folderAccess(folder: Rights, caller: Caller): number {
  const permissions = permissionsOf(folder, caller);
  const { addsFiles, addsFolders, removes } = entryRightsOf(folder, caller);
  return (permissions & Permission.READ ? Access.READ : 0) |
    (permissions & Permission.EXECUTE ? Access.LOOKUP : 0) |
    (addsFiles || addsFolders ? Access.EXTEND : 0) |
    (removes ? Access.DELETE : 0) |
    (addsFiles && removes ? Access.MODIFY : 0);
}

function fileAccess(permissions: number): number {
  return (permissions & Permission.READ ? Access.READ : 0) |
    (permissions & Permission.WRITE ? Access.MODIFY | Access.EXTEND : 0) |
    (permissions & Permission.EXECUTE ? Access.EXECUTE : 0);
}

function xattrAccess(
  file: FileRef,
  attributes: Rights,
  caller: Caller,
): number {
  const mayRead = permits(attributes, caller, Permission.READ);
  const mayWrite = checkWritable(file, "setxattr") === Status.OK &&
    refuseXattrChange(attributes, caller) === undefined;
  return (mayRead ? Access.XAREAD | Access.XALIST : 0) |
    (mayWrite ? Access.XAWRITE : 0);
}

function isChangeable(
  file: FileRef,
  isFolder: boolean,
): boolean {
  return checkWritable(file, isFolder ? "create" : "write") === Status.OK;
}
