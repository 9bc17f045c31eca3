import type { Awaitable } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import {
  type ChangeMethod,
  hasMethod,
  type ReadableFileSystem,
} from "../../vfs/changes.ts";
import { FsError } from "../../vfs/errors.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  FileSystem,
  SetXattrOption,
} from "../../vfs/file_system.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { hasXattrs } from "../../vfs/xattrs.ts";
import type { CompoundContext } from "../context.ts";
import { FileUse, recallConflicts } from "../locking/conflicts.ts";

/**
 * What of files an operation changes: the method of the file system that it is
 * done by, or "sometimes" where its arguments say so (OPEN).
 */
export type FileChange = ChangeMethod | "sometimes";

/** What an operation changes: "state" is the client's own, as opens and sessions. */
export type Changes = "nothing" | Changed;

/** What one changes that changes something. */
export type Changed = "state" | FileChange;

declare const changed: unique symbol;

/** The context of an operation whose row says that it changes files, and by what. */
export type ChangingContext<Change extends FileChange> =
  & CompoundContext
  & { readonly [changed]: Change };

/** The context that an operation gets by what its row says. */
export type ContextOf<Change extends Changed> = [Change] extends ["state"]
  ? CompoundContext
  : ChangingContext<Exclude<Change, "state">>;

/** What each method changes, entries of folders or content and attributes; one that is forgotten does not compile. */
interface ChangedBy {
  create: "entries";
  link: "entries";
  remove: "entries";
  rename: "entries";
  setattr: "content";
  write: "content";
  allocate: "content";
  deallocate: "content";
  setxattr: "content";
  removexattr: "content";
  clone: "content";
}

type MethodsThatChange<What> = {
  [Method in ChangeMethod]: ChangedBy[Method] extends What ? Method : never;
}[ChangeMethod];

/** The methods by which entries of folders appear, go and move. */
export type EntryMethod = MethodsThatChange<"entries">;

/** The methods that change content and attributes. */
type ContentMethod = MethodsThatChange<"content">;

/** Those of them that are told what their caller was judged by: its rights, and no stateid. */
type Judged = "setattr" | "setxattr" | "removexattr";

/** The methods as operations call them: none forgets to say what its caller was judged by. */
interface Methods extends Pick<FileSystem, Exclude<ContentMethod, Judged>> {
  setattr?(
    node: object,
    changes: AttributeChanges,
    judged: Rights | undefined,
  ): Awaitable<void>;
  setxattr?(
    node: object,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged: Rights | undefined,
  ): Awaitable<ChangeInfo>;
  removexattr?(
    node: object,
    name: string,
    judged: Rights | undefined,
  ): Awaitable<ChangeInfo>;
}

/** What a file system has for a change of content or attributes. */
type MethodsOf<Change extends ContentMethod | "sometimes"> = Change extends
  ContentMethod ? Required<Pick<Methods, Change>>
  : Pick<Methods, "setattr">;

/** What a file system may be without that can be written to, by what says that it can. */
const WITHOUT: Partial<Record<ChangeMethod, ChangeMethod>> = {
  link: "create",
  allocate: "write",
  deallocate: "write",
  clone: "write",
};

/**
 * Whether a change can be made in the export of a file: the one place that asks,
 * for every row that says what it changes and for OPEN when it knows.
 */
export function checkWritable(file: FileRef, method: ChangeMethod): StatusCode {
  const { readOnly, fs } = file.export;
  if (readOnly) return Status.ROFS;
  if (hasMethod(fs, method)) return Status.OK;
  return isUnknown(fs, method) ? Status.NOTSUPP : Status.ROFS;
}

/** Whether a file system without a method offers nothing of the kind, while other things of it can be changed. */
function isUnknown(fs: ReadableFileSystem, method: ChangeMethod): boolean {
  // RFC 8276 8.4: MUST NOT be supported where xattr_support is FALSE.
  if (method === "setxattr" || method === "removexattr") return !hasXattrs(fs);
  // RFC 8881 15.2, RFC 7862 11.2: of these no other may answer NFS4ERR_NOTSUPP.
  const other = WITHOUT[method];
  return other !== undefined && hasMethod(fs, other);
}

/** Whether what a row says may be done to the current filehandle; OPEN asks when it knows. */
export function checkChanges(
  context: CompoundContext,
  changes: Changes,
): StatusCode {
  const isFileChange = changes !== "nothing" && changes !== "state" &&
    changes !== "sometimes";
  return isFileChange ? checkWritable(context.file, changes) : Status.OK;
}

/**
 * The methods that change the content or attributes of `file`: the only way to
 * them, open to operations whose row says so. FsError "read-only" where nothing
 * may be changed.
 */
export function changing<Change extends ContentMethod | "sometimes">(
  context: ChangingContext<Change>,
  file: FileRef,
): MethodsOf<Change> {
  const methods = methodsOf(file) as unknown as MethodsOf<Change>;
  recallOfBearer(context, file);
  context.hasChanged = true;
  return methods;
}

/**
 * What sets the attributes that change with content, which WRITE or the holder of
 * a delegation has written; `undefined` where nothing can be set.
 */
export function settingToo(
  file: FileRef,
): MethodsOf<"setattr"> | undefined {
  if (file.export.readOnly) return undefined;
  const methods = methodsOf(file);
  return hasMethod(methods, "setattr")
    ? methods as MethodsOf<"setattr">
    : undefined;
}

/** The methods that change the entries of a folder: for `changeFolder` alone. */
export function methodsForEntries(
  context: CompoundContext,
  folder: FileRef,
): Pick<FileSystem, EntryMethod> {
  const methods = methodsOf(folder);
  recallOfBearer(context, folder);
  context.hasChanged = true;
  return methods;
}

/**
 * A named attribute is an extended one of what bears it: first every other client's
 * delegation of that is returned, as for SETXATTR (RFC 8276 8.4.2.4). FsError "busy"
 * while one is out.
 */
function recallOfBearer(context: CompoundContext, file: FileRef): void {
  const bearer = context.services.namespace.bearerOf(file);
  if (bearer !== undefined && recallConflicts(context, bearer, FileUse.XATTR)) {
    throw new FsError("busy");
  }
}

function methodsOf({ export: { readOnly, fs } }: FileRef): FileSystem {
  if (readOnly) throw new FsError("read-only");
  return fs;
}
