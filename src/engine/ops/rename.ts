import { type Steps, wait } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { Permission, permits, refuseRemoval } from "../../vfs/permissions.ts";
import type { CompoundContext } from "../context.ts";
import { changeFolder } from "../files/change_folder.ts";
import { writeChangeInfo } from "../files/change_info.ts";
import { type Entry, entryNamed } from "../files/entries.ts";
import { checkFolder } from "../files/folder_access.ts";
import { checkName, readName } from "../files/names.ts";
import type { Operation } from "../operation.ts";
import { RIGHTS, type Rights, rightsOf, wantedOnly } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

const CHANGE = wantedOnly(["change"]);

/** Arguments of RENAME: views of the request. */
export interface RenameArgs {
  /** Name in the saved folder. */
  readonly oldName: Uint8Array;
  /** Name in the current folder. */
  readonly newName: Uint8Array;
}

/** RENAME (RFC 8881 18.26, RFC 7530 16.27): from the saved folder to the current one. */
export const rename: Operation<RenameArgs, "rename"> = {
  decode: (xdr) => ({ oldName: readName(xdr), newName: readName(xdr) }),

  *run(context, args) {
    const { saved, file: current, reply } = context;
    if (saved === undefined) return Status.NOFILEHANDLE;
    const { export: terms } = current;
    const { fs } = terms;
    const name = checkName(args.oldName, fs.limits);
    if (isStatus(name)) return name;
    const newName = checkName(args.newName, fs.limits);
    if (isStatus(newName)) return newName;
    const from = yield* wait(attributesOf(saved, RIGHTS));
    let status = checkFolder(context, saved, {
      attributes: from,
      use: "search",
    });
    if (status !== Status.OK) return status;
    const to = yield* wait(attributesOf(current, RIGHTS));
    status = checkFolder(context, current, { attributes: to, use: "search" });
    if (status !== Status.OK) return status;
    // RFC 8881 18.26.4: on another file system, which its fsid tells.
    if (saved.export !== terms) return Status.XDEV;
    const { namespace } = context.services;
    const node = yield* wait(fs.lookup(saved.node, name));
    if (node === undefined) return Status.NOENT;
    const file = namespace.refer(terms, node);
    const entry = yield* entryNamed(context, { file, folder: saved, name });
    const other = yield* wait(fs.lookup(current.node, newName));
    const replaced = other && (yield* entryNamed(context, {
      file: namespace.refer(terms, other),
      folder: current,
      name: newName,
    }));
    // RFC 8881 18.26.3: nothing is done, so nothing has to be allowed.
    if (replaced?.file.key === file.key) {
      return yield* tellUnchanged(context, saved);
    }
    status = checkMove(context, saved, { from, to, entry, replaced });
    if (status !== Status.OK) return status;
    const moved = yield* changeFolder(context, saved, {
      type: "rename",
      name,
      entry,
      to: current,
      newName,
      replaced,
      judged: { from: rightsOf(from), to: rightsOf(to) },
    });
    if (isStatus(moved)) return moved;
    writeChangeInfo(reply, moved.source);
    writeChangeInfo(reply, moved.target);
    return Status.OK;
  },
};

/** Answers a move from one name of a file to another, or to itself: both folders are as they were. */
function* tellUnchanged(
  { file: current, reply }: CompoundContext,
  saved: FileRef,
): Steps<StatusCode> {
  for (const folder of [saved, current]) {
    const { change } = yield* wait(attributesOf(folder, CHANGE));
    writeChangeInfo(reply, { atomic: true, before: change, after: change });
  }
  return Status.OK;
}

/** Whether the caller may move the entry, and in place of what is there. */
function checkMove(
  context: CompoundContext,
  saved: FileRef,
  { from, to, entry, replaced }: {
    /** Attributes of the saved folder. */
    readonly from: Rights;
    /** Attributes of the current folder. */
    readonly to: Rights;
    /** What is moved. */
    readonly entry: Entry;
    /** What has the new name so far. */
    readonly replaced: Entry | undefined;
  },
): StatusCode {
  const { file } = context;
  const caller = context.callerOf(file);
  const refusal = refuseRemoval(from, entry.attributes, caller) ??
    (replaced && refuseRemoval(to, replaced.attributes, caller));
  // RFC 8881 15.2, RFC 7530 13.2: also of a sticky folder, for there is no NFS4ERR_PERM.
  if (refusal !== undefined) return Status.ACCESS;
  const isFolder = entry.attributes.type === "directory";
  const use = isFolder ? "add folder" : "add file";
  const into = checkFolder(context, file, { attributes: to, use });
  if (into !== Status.OK) return into;
  // POSIX: to get another parent, a folder itself is written to.
  if (
    isFolder && saved.key !== file.key &&
    !permits(entry.attributes, caller, Permission.WRITE)
  ) {
    return Status.ACCESS;
  }
  // RFC 8881 18.26.3, RFC 7530 16.27.4: a folder takes the place of folders only.
  return replaced !== undefined &&
      isFolder !== (replaced.attributes.type === "directory")
    ? Status.EXIST
    : Status.OK;
}
