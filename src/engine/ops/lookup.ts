import type { Awaitable } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { Permission, permits } from "../../vfs/permissions.ts";
import { RIGHTS, type Rights } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** LOOKUP (RFC 8881 18.13, RFC 7530 16.13): the name, a view of the request. */
export const lookup: Operation<Uint8Array> = {
  decode: readName,

  run(context, bytes) {
    const folder = context.file;
    const { fs } = folder.export;
    const name = checkName(bytes, fs.limits);
    if (isStatus(name)) return name;
    const attributes = attributesOf(folder, RIGHTS);
    return attributes instanceof Promise
      ? attributes.then((attributes) => search(context, attributes, name))
      : search(context, attributes, name);
  },
};

function search(
  context: CompoundContext,
  attributes: Rights,
  name: string,
): Awaitable<StatusCode> {
  const folder = context.file;
  if (attributes.type !== "directory") {
    // RFC 8881 18.13.4, RFC 7530 16.13.5: symlinks have an error of their own.
    return attributes.type === "symlink" ? Status.SYMLINK : Status.NOTDIR;
  }
  if (!permits(attributes, context.callerOf(folder), Permission.EXECUTE)) {
    return Status.ACCESS;
  }
  const node = folder.export.fs.lookup(folder.node, name);
  return node instanceof Promise
    ? node.then((node) => arrive(context, folder, node))
    : arrive(context, folder, node);
}

function arrive(
  context: CompoundContext,
  folder: FileRef,
  node: object | undefined,
): StatusCode {
  if (node === undefined) return Status.NOENT;
  context.setCurrent(context.services.namespace.enter(folder.export, node));
  return Status.OK;
}
