import { type Bitmap, emptyBitmap } from "../../../nfs4/bitmap.ts";
import { Share, Status, type StatusCode } from "../../../nfs4/constants.ts";
import type { FileRef } from "../../../vfs/file_handle.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  FileAttributes,
} from "../../../vfs/file_system.ts";
import { type Rights, rightsOf } from "../../../vfs/wanted.ts";
import { completeChanges } from "../../../vfs/permissions.ts";
import { checkWritable } from "../../files/changing.ts";
import type { CompoundContext } from "../../context.ts";
import { checkContent, checkOpenable } from "../../files/file_access.ts";
import type { EntryName } from "../../files/named_file.ts";
import type { OpenRight } from "./right.ts";

/** As what a file was made. */
export interface Made
  extends Pick<FileAttributes, "mode" | "uid" | "gid" | "size"> {
  /** Bits that the file system may have taken from the mode. */
  readonly umask: number | undefined;
}

/** The file that an OPEN comes down to. */
export interface OpenTarget {
  readonly file: FileRef;
  /** Change of the folder that it was created in, or looked up in. */
  readonly change: ChangeInfo;
  /** Attributes that were set (attrset). */
  readonly set: Bitmap;
  /** Set to cut it to nothing: an UNCHECKED4 create of size 0 found it there. */
  readonly truncate: AttributeChanges | undefined;
  /** Rights to a file that was there, by which the caller may open and cut it. */
  readonly judged: Rights | undefined;
  /** Where its name was looked up; undefined where it was claimed by its filehandle. */
  readonly named: EntryName | undefined;
  /** As what this OPEN has made it; `undefined` where it was there. */
  readonly made: Made | undefined;
}

/** What an OPEN of a file by its filehandle says of a folder. */
const NO_FOLDER: ChangeInfo = { atomic: true, before: 0, after: 0 };

/** A file that is there: whether it can be opened, and the caller may. */
export function existingTarget(
  context: CompoundContext,
  file: FileRef,
  { attributes, access, deny, right, named, folder, truncate }: {
    readonly attributes: Rights;
    /** OPEN4_SHARE_ACCESS_* that is asked for. */
    readonly access: number;
    /** OPEN4_SHARE_DENY_* that is asked for. */
    readonly deny: number;
    /** By what, besides these attributes. */
    readonly right: OpenRight;
    /** Its name, where it was found by that. */
    readonly named?: EntryName;
    /** The folder that it was found in. */
    readonly folder?: Pick<FileAttributes, "change">;
    /** The attributes that say so, when it is to be truncated. */
    readonly truncate?: Bitmap | undefined;
  },
): OpenTarget | StatusCode {
  const type = checkOpenable(attributes.type, context.minorVersion);
  if (type !== Status.OK) return type;
  const caller = context.callerOf(file);
  const { ownerAlways, permitted } = right;
  const check = (write: boolean) =>
    checkContent(attributes, caller, { write, ownerAlways });
  // RFC 8881 18.16.4, RFC 7530 16.16.6: MUST be NFS4ERR_ACCESS if not authorized.
  // Who denies reading, its owner's too, has to be allowed to write, as with knfsd.
  const isWriter = truncate !== undefined || (deny & Share.DENY_READ) !== 0;
  const needed = (isWriter ? access | Share.ACCESS_WRITE : access) & ~permitted;
  const reads = (needed & Share.ACCESS_READ) !== 0;
  const writes = (needed & Share.ACCESS_WRITE) !== 0;
  let status: StatusCode = reads ? check(false) : Status.OK;
  if (status === Status.OK && writes) status = check(true);
  // RFC 8881 18.16.3: for every user, and whatever access it asks for.
  if (status === Status.OK && truncate) {
    status = checkWritable(file, "setattr");
  }
  if (status !== Status.OK) return status;
  const change = folder === undefined
    ? NO_FOLDER
    : { atomic: true, before: folder.change, after: folder.change };
  return {
    file,
    change,
    set: truncate ?? emptyBitmap,
    truncate: truncate && completeChanges(attributes, caller, { size: 0 }),
    judged: truncate && rightsOf(attributes),
    named,
    made: undefined,
  };
}
