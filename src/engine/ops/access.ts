import { Access, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { Permission, permissionsOf } from "../../vfs/permissions.ts";
import { RIGHTS, type Rights } from "../../vfs/wanted.ts";
import { checkWritable } from "../files/changing.ts";
import type { CompoundContext } from "../context.ts";
import type { Operation } from "../operation.ts";
import { attributesOf } from "../files/attributes_of.ts";

const FOLDER_BITS = Access.READ | Access.LOOKUP | Access.MODIFY |
  Access.EXTEND | Access.DELETE;
const FILE_BITS = Access.READ | Access.MODIFY | Access.EXTEND | Access.EXECUTE;
const OTHER_BITS = Access.READ | Access.MODIFY | Access.EXTEND;
const NFSV40_BITS = FOLDER_BITS | Access.EXECUTE;
/** RFC 8276 8.5 adds those of extended attributes, which are not supported yet. */
const NFSV42_BITS = NFSV40_BITS | Access.XAREAD | Access.XAWRITE |
  Access.XALIST;
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
  const permissions = permissionsOf(attributes, context.callerOf(file));
  let granted = isFolder ? folderAccess(permissions) : fileAccess(permissions);
  if (!isChangeable(file, isFolder)) granted &= ~CHANGES;
  // RFC 8881 18.1.3: "supported" is what can be told for this type of file.
  const supported = requested & supportedBits(attributes);
  reply.uint32(supported);
  reply.uint32(supported & granted);
  return Status.OK;
}

function supportedBits({ type }: Rights): number {
  if (type === "directory") return FOLDER_BITS;
  return type === "file" ? FILE_BITS : OTHER_BITS;
}

function folderAccess(permissions: number): number {
  const mayPass = (permissions & Permission.EXECUTE) !== 0;
  const mayWrite = mayPass && (permissions & Permission.WRITE) !== 0;
  return (permissions & Permission.READ ? Access.READ : 0) |
    (mayPass ? Access.LOOKUP : 0) | (mayWrite ? CHANGES : 0);
}

function fileAccess(permissions: number): number {
  return (permissions & Permission.READ ? Access.READ : 0) |
    (permissions & Permission.WRITE ? Access.MODIFY | Access.EXTEND : 0) |
    (permissions & Permission.EXECUTE ? Access.EXECUTE : 0);
}

function isChangeable(
  file: FileRef,
  isFolder: boolean,
): boolean {
  return checkWritable(file, isFolder ? "create" : "write") === Status.OK;
}
