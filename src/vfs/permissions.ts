import {
  accessListHolder,
  grantsOf,
  isInGroup,
  type Listed,
} from "./access_list.ts";
import { AceMask, acesOf, type AclVerdict, judgeByAces } from "./acl.ts";
import { newListAndMode, withListAndMode } from "./acl_changes.ts";
import { permissionBits } from "./acl_mode.ts";
import type { Caller } from "./callers.ts";
import type {
  AttributeChanges,
  CreateKind,
  CreateOptions,
} from "./file_system.ts";
import type { Rights } from "./wanted.ts";

/** Permission bits as they stand in each third of a mode. */
export const Permission = {
  /** Read content, list a folder. */
  READ: 4,
  /** Change content, add and remove entries. */
  WRITE: 2,
  /** Run a program, pass through a folder. */
  EXECUTE: 1,
} as const;

/**
 * Why a caller is refused, in the words of {@linkcode FsErrorCode}: "access"
 * for lack of a permission bit (EACCES), "permission" for what only the owner
 * or root may do (EPERM).
 */
export type Refusal = "access" | "permission";

/** Runs as the file's owner. */
export const SETUID = 0o4000;
/** Runs with the file's group; a folder hands its group on. */
export const SETGID = 0o2000;
const STICKY = 0o1000;
const GROUP_EXECUTE = 0o0010;
const ANY_EXECUTE = 0o0111;

/** The {@linkcode Permission} bits that the caller has on a file with these attributes. */
export function permissionsOf(
  attributes: Rights,
  caller: Caller,
): number {
  return grantsTo(attributes, caller).reduce((all, bits) => all | bits);
}

/** The {@linkcode Permission} bits that each says that is about the caller: one has to give all that it wants. */
export function grantsTo(
  attributes: Rights & Listed,
  caller: Caller,
): readonly number[] {
  const given = attributes[accessListHolder]?.grants?.(caller);
  if (given !== undefined) return given;
  const verdict = verdictOn(attributes, caller);
  if (verdict !== undefined) return [permissionBits(verdict.allowed)];
  const own = ownPermissions(attributes, caller);
  return own === undefined ? grantsOf(attributes, caller) : [own];
}

/** What an NFSv4 access list makes of the caller; `undefined` where there is none, or the caller is root. */
function verdictOn(
  attributes: Rights & Listed,
  caller: Caller,
): AclVerdict | undefined {
  const aces = acesOf(attributes);
  return aces === undefined || caller.uid === 0
    ? undefined
    : judgeByAces(aces, attributes, caller);
}

/** Those of root and of the owner, which no list of the host's has a say in. */
function ownPermissions(
  attributes: Rights,
  caller: Caller,
): number | undefined {
  const { mode } = attributes;
  if (caller.uid === 0) {
    // POSIX: root reads and writes everything, but runs only what some user may
    // run.
    const executable = attributes.type === "directory" ||
      (mode & ANY_EXECUTE) !== 0;
    return executable ? 7 : 6;
  }
  return caller.uid === attributes.uid ? mode >> 6 & 7 : undefined;
}

/** Whether the caller has all of the {@linkcode Permission} bits in `wanted`. */
export function permits(
  attributes: Rights & Listed,
  caller: Caller,
  wanted: number,
): boolean {
  // Most have no list of any kind, and nothing is made for them.
  if (attributes[accessListHolder] === undefined) {
    const own = ownPermissions(attributes, caller);
    if (own !== undefined) return (own & wanted) === wanted;
  }
  return grantsTo(attributes, caller)
    .some((bits) => (bits & wanted) === wanted);
}

/** What a caller may do to the entries of a folder, which it may pass then. */
export interface EntryRights {
  /** Add one that is no folder. */
  readonly addsFiles: boolean;
  /** Add a folder. */
  readonly addsFolders: boolean;
  /** Remove one, as far as the folder says. */
  readonly removes: boolean;
}

/** A caller's rights to the entries of a folder. */
export function entryRightsOf(folder: Rights, caller: Caller): EntryRights {
  const verdict = verdictOn(folder, caller);
  if (verdict === undefined) {
    const may = permits(folder, caller, Permission.WRITE | Permission.EXECUTE);
    return { addsFiles: may, addsFolders: may, removes: may };
  }
  const { allowed, denied } = verdict;
  const may = (mask: number) => (~allowed & (mask | AceMask.EXECUTE)) === 0;
  const addsFiles = may(AceMask.WRITE_DATA);
  const isUnsaid = (denied & AceMask.DELETE_CHILD) === 0;
  return {
    addsFiles,
    addsFolders: may(AceMask.APPEND_DATA),
    // RFC 8881 6.2.1.3.2
    removes: may(AceMask.DELETE_CHILD) || isUnsaid && addsFiles,
  };
}

/**
 * Whether the caller may take the entry of `child` out of a folder (or replace
 * it): needs to write and pass the folder and, where that is sticky, to own
 * the child or the folder. Where the child's own access list says that it may be
 * deleted, it may be by who passes the folder; where it denies that, the folder's has to
 * allow it by name (RFC 8881 6.2.1.3.2).
 */
export function refuseRemoval(
  folder: Rights,
  child: Rights,
  caller: Caller,
): Refusal | undefined {
  const own = verdictOn(child, caller);
  if (own !== undefined && (own.allowed & AceMask.DELETE) !== 0) {
    return permits(folder, caller, Permission.EXECUTE) ? undefined : "access";
  }
  if (!entryRightsOf(folder, caller).removes) return "access";
  const isDenied = own !== undefined && (own.denied & AceMask.DELETE) !== 0;
  if (isDenied && !isDeletionAllowed(folder, caller)) return "access";
  const free = (folder.mode & STICKY) === 0 || caller.uid === 0 ||
    caller.uid === folder.uid || caller.uid === child.uid;
  return free ? undefined : "permission";
}

/** Whether a folder allows by name that its entries are deleted; its mode does, by the right to write. */
function isDeletionAllowed(folder: Rights, caller: Caller): boolean {
  const verdict = verdictOn(folder, caller);
  return verdict === undefined ||
    (verdict.allowed & AceMask.DELETE_CHILD) !== 0;
}

/**
 * Why the caller may not give another name to what users of the host work with
 * as well: as Linux has it (fs.protected_hardlinks, proc_sys_fs(5)), who does not
 * own it has to be able to read and write it, and gets no program with its
 * owner's or its group's rights, nor anything but a file.
 */
export function refuseLink(
  attributes: Rights,
  caller: Caller,
): Refusal | undefined {
  if (caller.uid === 0 || caller.uid === attributes.uid) return undefined;
  const { type, mode } = attributes;
  const isHarmless = type === "file" && withoutSetId(mode) === mode &&
    permits(attributes, caller, Permission.READ | Permission.WRITE);
  return isHarmless ? undefined : "permission";
}

/**
 * Why the caller may not make these changes; `undefined` when it may. A new
 * size is not judged here: it is a write, and may be allowed by an open. Nor is
 * that the content changed now, which comes with it.
 */
export function refuseChanges(
  attributes: Rights,
  caller: Caller,
  changes: AttributeChanges,
): Refusal | undefined {
  if (caller.uid === 0) return undefined;
  const isOwner = caller.uid === attributes.uid;
  // The owner may all of it whatever the list says (RFC 8881 6.3.1.1).
  const allowed = isOwner ? 0 : verdictOn(attributes, caller)?.allowed ?? 0;
  const may = (mask: number) => isOwner || (allowed & mask) !== 0;
  const { mode, acl, uid, gid, size, atime, mtime, birthtime } = changes;
  const isTouched = atime === "now" || mtime === "now" && size === undefined;
  const isOpened = mode !== undefined || acl !== undefined;
  if (isOpened && !may(AceMask.WRITE_ACL)) return "permission";
  // Giving files away is root's alone (chown_restricted); a list may let a user take one.
  const takes = !isOwner && uid === caller.uid;
  if (uid !== undefined) {
    const isFree = takes || uid === attributes.uid;
    if (!(isFree && may(AceMask.WRITE_OWNER))) return "permission";
  }
  if (gid !== undefined) {
    const isFree = gid === attributes.gid || isInGroup(caller, gid);
    if (!(isFree && may(AceMask.WRITE_OWNER))) return "permission";
  }
  const isBackdated = typeof atime === "object" || typeof mtime === "object" ||
    birthtime !== undefined;
  if (may(AceMask.WRITE_ATTRIBUTES)) return undefined;
  if (isBackdated) return "permission";
  return isTouched && !permits(attributes, caller, Permission.WRITE)
    ? "access"
    : undefined;
}

/**
 * Why the caller may not change the extended attributes of a file or folder:
 * that takes the right to write it and, as Linux has it (xattr(7)), to own a
 * folder that is sticky, which all may write.
 */
export function refuseXattrChange(
  attributes: Rights,
  caller: Caller,
): Refusal | undefined {
  if (!permits(attributes, caller, Permission.WRITE)) return "access";
  const { type, mode, uid } = attributes;
  const isOwners = type === "directory" && (mode & STICKY) !== 0;
  const free = !isOwners || caller.uid === 0 || caller.uid === uid;
  return free ? undefined : "permission";
}

/**
 * The changes with what POSIX adds to them: a new owner, group or content
 * takes setuid and setgid away, and only members of a file's group can make it
 * setgid; and with what has mode and access list say the same (RFC 8881 6.4.1).
 */
export function completeChanges(
  attributes: Rights,
  caller: Caller,
  changes: AttributeChanges,
): AttributeChanges {
  let mode = changes.mode ?? attributes.mode;
  if (attributes.type !== "directory") {
    const chown = changes.uid !== undefined || changes.gid !== undefined;
    const resized = changes.size !== undefined && caller.uid !== 0;
    if (chown || resized) mode = withoutSetId(mode);
  }
  const isModeSet = changes.mode !== undefined;
  // A list sets the mode as well (RFC 8881 6.4.1.2).
  const isSet = isModeSet || changes.acl !== undefined;
  if (isSet && caller.uid !== 0) {
    const gid = changes.gid ?? attributes.gid;
    if (!isInGroup(caller, gid)) mode &= ~SETGID;
    // A list may let others set the mode, and write the program.
    if (caller.uid !== attributes.uid) mode &= ~(SETUID | SETGID);
  }
  const complete = mode === (changes.mode ?? attributes.mode)
    ? changes
    : { ...changes, mode };
  return withListAndMode(attributes, complete, isModeSet);
}

/** A mode after its file got new content from a user other than root. */
export function withoutSetId(mode: number): number {
  // Without group execute, setgid meant mandatory locking and not a privilege.
  return mode & ~(mode & GROUP_EXECUTE ? SETUID | SETGID : SETUID);
}

/**
 * The attributes of a node that the caller makes in a folder: its own user
 * and group, or the folder's group where that is setgid, and what the folder's
 * access list hands on. A refusal when it asks for
 * an owner or group that it could not give an existing file either, or
 * for a device, which would be a way to the server's own.
 */
export function attributesOfNew(
  folder: Rights,
  caller: Caller,
  { type, changes, umask }: {
    readonly type: CreateKind["type"];
    readonly changes: AttributeChanges;
    /** Where it has not limited the mode yet. */
    readonly umask: number | undefined;
  },
): CreateOptions["attributes"] | Refusal {
  const own = { uid: caller.uid, gid: groupFrom(folder) ?? caller.gid };
  const { uid = own.uid, gid = own.gid } = changes;
  if (caller.uid !== 0) {
    if (type === "block-device" || type === "character-device") {
      return "permission";
    }
    const isFree = uid === own.uid &&
      (gid === own.gid || isInGroup(caller, gid));
    if (!isFree) return "permission";
  }
  const isBare = Object.values(changes).every((value) => value === undefined);
  const wanted = { type, mode: changes.mode, acl: changes.acl, umask, isBare };
  const listed = newListAndMode(folder, wanted);
  let mode = listed?.mode ?? changes.mode ?? defaultMode(type);
  if (type !== "directory" && caller.uid !== 0 && !isInGroup(caller, gid)) {
    mode &= ~SETGID;
  }
  const acl = listed?.acl;
  return inherited(folder, type, { ...changes, uid, gid, mode, acl });
}

/** The group of what is made in a folder; `undefined` where it is the maker's. */
function groupFrom(
  folder: { readonly mode: number; readonly gid: number },
): number | undefined {
  return (folder.mode & SETGID) === 0 ? undefined : folder.gid;
}

/**
 * The attributes of a node with what the folder hands on that it is made in: a
 * setgid folder its group, and to folders the bit too. A file that gets another
 * group than its maker asked for is not setgid: it was not judged whether the
 * maker is a member. For back ends, which look at the folder as it is by then.
 */
export function inherited<
  T extends { readonly mode: number; readonly gid: number },
>(
  folder: { readonly mode: number; readonly gid: number },
  type: CreateKind["type"],
  attributes: T,
): T {
  const gid = groupFrom(folder);
  if (gid === undefined) return attributes;
  let { mode } = attributes;
  if (type === "directory") mode |= SETGID;
  else if (gid !== attributes.gid) mode &= ~SETGID;
  return { ...attributes, gid, mode };
}

/** For clients that say nothing: only the owner gets in. */
function defaultMode(type: CreateKind["type"]): number {
  if (type === "symlink") return 0o777;
  return type === "directory" ? 0o700 : 0o600;
}
