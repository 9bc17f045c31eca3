import { grantsOf, isInGroup } from "./access_list.ts";
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
  return ownPermissions(attributes, caller) ??
    grantsOf(attributes, caller).reduce((all, bits) => all | bits);
}

/** Those of root and of the owner, which no access list has a say in. */
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
  attributes: Rights,
  caller: Caller,
  wanted: number,
): boolean {
  const own = ownPermissions(attributes, caller);
  if (own !== undefined) return (own & wanted) === wanted;
  return grantsOf(attributes, caller)
    .some((bits) => (bits & wanted) === wanted);
}

/**
 * Whether the caller may take the entry of `child` out of a folder (or replace
 * it): needs to write and pass the folder and, where that is sticky, to own
 * the child or the folder.
 */
export function refuseRemoval(
  folder: Rights,
  child: Rights,
  caller: Caller,
): Refusal | undefined {
  if (!permits(folder, caller, Permission.WRITE | Permission.EXECUTE)) {
    return "access";
  }
  const free = (folder.mode & STICKY) === 0 || caller.uid === 0 ||
    caller.uid === folder.uid || caller.uid === child.uid;
  return free ? undefined : "permission";
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
  const { mode, uid, gid, size, atime, mtime, birthtime } = changes;
  const isTouched = atime === "now" || mtime === "now" && size === undefined;
  if (mode !== undefined && !isOwner) return "permission";
  // Giving files away is root's alone (chown_restricted).
  if (uid !== undefined && !(isOwner && uid === attributes.uid)) {
    return "permission";
  }
  if (gid !== undefined) {
    const allowed = isOwner &&
      (gid === attributes.gid || isInGroup(caller, gid));
    if (!allowed) return "permission";
  }
  const isBackdated = typeof atime === "object" || typeof mtime === "object" ||
    birthtime !== undefined;
  if (isBackdated) {
    if (!isOwner) return "permission";
  } else if (isTouched && !isOwner) {
    if (!permits(attributes, caller, Permission.WRITE)) return "access";
  }
  return undefined;
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
 * setgid.
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
  if (changes.mode !== undefined && caller.uid !== 0) {
    const gid = changes.gid ?? attributes.gid;
    if (!isInGroup(caller, gid)) mode &= ~SETGID;
  }
  return mode === (changes.mode ?? attributes.mode)
    ? changes
    : { ...changes, mode };
}

/** A mode after its file got new content from a user other than root. */
export function withoutSetId(mode: number): number {
  // Without group execute, setgid meant mandatory locking and not a privilege.
  return mode & ~(mode & GROUP_EXECUTE ? SETUID | SETGID : SETUID);
}

/**
 * The attributes of a node that the caller makes in a folder: its own user
 * and group, or the folder's group where that is setgid. A refusal when it asks for
 * an owner or group that it could not give an existing file either, or
 * for a device, which would be a way to the server's own.
 */
export function attributesOfNew(
  folder: Rights,
  caller: Caller,
  { type, changes }: {
    readonly type: CreateKind["type"];
    readonly changes: AttributeChanges;
  },
): CreateOptions["attributes"] | Refusal {
  const own = { uid: caller.uid, gid: groupFrom(folder) ?? caller.gid };
  const { uid = own.uid, gid = own.gid } = changes;
  if (caller.uid !== 0) {
    if (type === "block-device" || type === "character-device") {
      return "permission";
    }
    const allowed = uid === own.uid &&
      (gid === own.gid || isInGroup(caller, gid));
    if (!allowed) return "permission";
  }
  let mode = changes.mode ?? defaultMode(type);
  if (type !== "directory" && caller.uid !== 0 && !isInGroup(caller, gid)) {
    mode &= ~SETGID;
  }
  return inherited(folder, type, { ...changes, uid, gid, mode });
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
