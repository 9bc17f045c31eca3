import { type Awaitable, chain } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { Permission, permits, refuseRemoval } from "../../vfs/permissions.ts";
import { changing, type ChangingContext } from "../files/changing.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { FileUse } from "../locking/conflicts.ts";
import type { CompoundContext } from "../context.ts";
import {
  checkNameChange,
  type Entry,
  findEntry,
  type Folder,
  openFolder,
} from "../files/entries.ts";
import { checkFolder } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";

/** Arguments of RENAME: views of the request. */
export interface RenameArgs {
  /** Name in the saved folder. */
  readonly oldName: Uint8Array;
  /** Name in the current folder. */
  readonly newName: Uint8Array;
}

/** All that a RENAME is about. */
interface Move {
  readonly from: Folder;
  readonly oldName: string;
  readonly to: Folder;
  readonly newName: string;
  /** What is moved. */
  readonly moved: Entry;
  /** What has the new name so far. */
  readonly replaced: Entry | undefined;
}

/** RENAME (RFC 8881 18.26, RFC 7530 16.27): from the saved folder to the current one. */
export const rename: Operation<RenameArgs, "rename"> = {
  decode: (xdr) => ({ oldName: readName(xdr), newName: readName(xdr) }),

  run(context, args) {
    const { saved, file } = context;
    if (saved === undefined) return Status.NOFILEHANDLE;
    const { limits } = file.export.fs;
    const oldName = checkName(args.oldName, limits);
    if (isStatus(oldName)) return oldName;
    const newName = checkName(args.newName, limits);
    if (isStatus(newName)) return newName;
    return chain(openFolders(context, saved, file), (folders) => {
      if (isStatus(folders)) return folders;
      const [from, to] = folders;
      return chain(findEntry(context, from, oldName), (moved) => {
        if (moved === undefined) return Status.NOENT;
        return chain(findEntry(context, to, newName), (replaced) => {
          return move(context, { from, oldName, to, newName, moved, replaced });
        });
      });
    });
  },
};

function openFolders(
  context: CompoundContext,
  saved: FileRef,
  current: FileRef,
): Awaitable<readonly [Folder, Folder] | StatusCode> {
  return chain(openFolder(context, saved), (from) => {
    if (isStatus(from)) return from;
    return chain(
      openFolder(context, current),
      (to): readonly [Folder, Folder] | StatusCode => {
        if (isStatus(to)) return to;
        // RFC 8881 18.26.4: on another file system, which its fsid tells.
        if (saved.export !== current.export) return Status.XDEV;
        return [from, to];
      },
    );
  });
}

function move(
  context: ChangingContext<"rename">,
  what: Move,
): Awaitable<StatusCode> {
  const status = checkMove(context, what);
  if (status !== Status.OK) return status;
  const { from, oldName, to, newName, moved, replaced } = what;
  const renamed = changing(context, to.file).rename(
    { directory: from.file.node, name: oldName },
    { directory: to.file.node, name: newName },
  );
  return chain(renamed, ({ source, target }) => {
    // RFC 8881 18.26.3: two names of one file, nothing has happened.
    if (replaced?.isLastName && replaced.file.key !== moved.file.key) {
      context.services.namespace.forget(replaced.file);
    }
    writeChangeInfo(context.reply, source);
    writeChangeInfo(context.reply, target);
    return Status.OK;
  });
}

function checkMove(context: CompoundContext, what: Move): StatusCode {
  const { from, to, moved, replaced } = what;
  const caller = context.callerOf(to.file);
  const refusal = refuseRemoval(from.attributes, moved.attributes, caller) ??
    (replaced && refuseRemoval(to.attributes, replaced.attributes, caller));
  // RFC 8881 15.2, RFC 7530 13.2: also of a sticky folder, for there is no NFS4ERR_PERM.
  if (refusal !== undefined) return Status.ACCESS;
  const into = checkFolder(context, to.file, {
    attributes: to.attributes,
    use: "change",
  });
  if (into !== Status.OK) return into;
  const isFolder = moved.attributes.type === "directory";
  // POSIX: to get another parent, a folder itself is written to.
  if (
    isFolder && from.file.key !== to.file.key &&
    !permits(moved.attributes, caller, Permission.WRITE)
  ) {
    return Status.ACCESS;
  }
  if (replaced !== undefined) {
    // RFC 8881 18.26.3, RFC 7530 16.27.4: a folder takes the place of folders only.
    if (isFolder !== (replaced.attributes.type === "directory")) {
      return Status.EXIST;
    }
    const status = checkNameChange(context, replaced, FileUse.RENAME);
    if (status !== Status.OK) return status;
  }
  return checkNameChange(context, moved, FileUse.RENAME);
}
