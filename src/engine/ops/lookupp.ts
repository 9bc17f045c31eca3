import { type Awaitable, chain } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CompoundContext } from "../context.ts";
import { checkFolder } from "../files/folder_access.ts";
import type { Operation } from "../operation.ts";

/** LOOKUPP (RFC 8881 18.14, RFC 7530 16.14). */
export const lookupp: Operation<void> = {
  decode: () => {},

  run(context) {
    // RFC 8881 15.2 has an error for symlinks, RFC 7530 16.14.5 the same for all that is no folder.
    const ofSymlink = context.minorVersion === 0
      ? Status.NOTDIR
      : Status.SYMLINK;
    return chain(parentOf(context, ofSymlink), (parent) => {
      if (isStatus(parent)) return parent;
      context.setCurrent(parent);
      return Status.OK;
    });
  },
};

/** The folder above the current one, or the status of a caller that can't go there. */
export function parentOf(
  context: CompoundContext,
  ofSymlink: StatusCode,
): Awaitable<FileRef | StatusCode> {
  const { file } = context;
  return chain(file.export.fs.getattr(file.node), (attributes) => {
    if (attributes.type === "symlink") return ofSymlink;
    const status = checkFolder(context, file, { attributes, use: "search" });
    if (status !== Status.OK) return status;
    return chain(
      context.services.namespace.parent(file),
      // RFC 8881 18.14.3: above the root there is nothing.
      (parent): FileRef | StatusCode => parent ?? Status.NOENT,
    );
  });
}
