import { wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { CompoundContext } from "../context.ts";
import { checkFolder } from "../files/folder_access.ts";
import type { Operation } from "../operation.ts";
import { RIGHTS, type Rights } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** LOOKUPP (RFC 8881 18.14, RFC 7530 16.14). */
export const lookupp: Operation<void> = {
  decode: () => {},

  *run(context) {
    const { file, minorVersion, services: { namespace } } = context;
    const attributes = yield* wait(attributesOf(file, RIGHTS));
    // RFC 8881 15.2 has an error for symlinks, RFC 7530 16.14.5 the same for all that is no folder.
    const ofSymlink = minorVersion === 0 ? Status.NOTDIR : Status.SYMLINK;
    const status = checkWayUp(context, attributes, ofSymlink);
    if (status !== Status.OK) return status;
    const parent = yield* wait(namespace.parent(file));
    // RFC 8881 18.14.3: above the root there is nothing.
    if (parent === undefined) return Status.NOENT;
    context.setCurrent(parent);
    return Status.OK;
  },
};

/** Whether the caller may go from the current filehandle, with these attributes, to the folder above. */
export function checkWayUp(
  context: CompoundContext,
  attributes: Rights,
  ofSymlink: StatusCode,
): StatusCode {
  if (attributes.type === "symlink") return ofSymlink;
  const use = { attributes, use: "search" } as const;
  return checkFolder(context, context.file, use);
}
