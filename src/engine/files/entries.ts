import { type Awaitable, chain } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileAttributes } from "../../vfs/file_system.ts";
import { checkDelegations, type FileUse } from "../locking/conflicts.ts";
import type { CompoundContext } from "../context.ts";
import { checkFolder } from "./folder_access.ts";

/** A folder whose entries are about to change. */
export interface Folder {
  /** The folder. */
  readonly file: FileRef;
  readonly attributes: FileAttributes;
}

/** What a name in a folder stands for. */
export interface Entry {
  readonly file: FileRef;
  readonly attributes: FileAttributes;
  /** Whether this is its only name. */
  readonly isLastName: boolean;
}

/** A folder that the caller may look names up in, or the status that refuses it. */
export function openFolder(
  context: CompoundContext,
  file: FileRef,
): Awaitable<Folder | StatusCode> {
  return chain(
    file.export.fs.getattr(file.node),
    (attributes): Folder | StatusCode => {
      const status = checkFolder(context, file, { attributes, use: "search" });
      return status === Status.OK ? { file, attributes } : status;
    },
  );
}

/** The entry of that name, `undefined` where there is none. */
export function findEntry(
  context: CompoundContext,
  folder: Folder,
  name: string,
): Awaitable<Entry | undefined> {
  const { export: terms, node } = folder.file;
  return chain(terms.fs.lookup(node, name), (found) => {
    if (found === undefined) return undefined;
    const file = context.services.namespace.refer(terms, found);
    return chain(terms.fs.getattr(found), (attributes): Entry => {
      const { type, nlink } = attributes;
      // Read now: attributes may be a live record.
      const isLastName = type === "directory" || nlink <= 1;
      return { file, attributes, isLastName };
    });
  });
}

/**
 * Whether a name may be taken from a file now: NFS4ERR_DELAY while another
 * client's delegation of it is being recalled (RFC 8881 18.25.4, RFC 7530 16.26.5).
 * An open, also one that denies writing, keeps nobody from removing a name: the file stays
 * until it is closed.
 */
export function checkNameChange(
  context: CompoundContext,
  entry: Entry,
  use: FileUse,
): StatusCode {
  return checkDelegations(context, entry.file, use);
}
