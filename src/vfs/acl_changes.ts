/**
 * What becomes of an access list when a mode or another list is set, and with which one
 * a file is made (RFC 8881 6.4).
 *
 * @module
 */

import { accessListHolder, type Listed } from "./access_list.ts";
import { type Ace, AceFlag, acesOf, INHERITABLE, MAX_ACES } from "./acl.ts";
import { inheritance, inheritedAces } from "./acl_inheritance.ts";
import { acesWithMode, isPlain, modeOfAces, mostEntries } from "./acl_mode.ts";
import type { AttributeChanges, FileType } from "./attributes.ts";
import type { Rights } from "./wanted.ts";

/** setuid, setgid and sticky, which no list says anything of. */
const HIGH_BITS = 0o7000;

/**
 * The changes of a file with the mode that a new list comes down to, or with the
 * list as a new mode leaves it, where `isModeSet`. A host sees to its own lists.
 */
export function withListAndMode(
  attributes: Rights & Listed,
  changes: AttributeChanges,
  isModeSet: boolean,
): AttributeChanges {
  const { acl, mode = attributes.mode } = changes;
  const { type } = attributes;
  if (isHosts(attributes)) return changes;
  if (typeof acl === "object") {
    const bits = mode & HIGH_BITS | modeOfAces(acl);
    return { ...changes, mode: bits, acl: kept(acl, type) };
  }
  const aces = isModeSet ? acesOf(attributes) : undefined;
  if (aces === undefined) return changes;
  return { ...changes, acl: kept(acesWithMode(aces, mode, { type }), type) };
}

/** How something is made, as far as it is a matter of mode and list. */
export interface NewRights extends Pick<AttributeChanges, "mode" | "acl"> {
  readonly type: FileType;
  /** See `CreateOptions.umask`. */
  readonly umask: number | undefined;
  /** Whether its maker sets nothing at all, and will do so later (RFC 8881 6.4.3). */
  readonly isBare: boolean;
}

/** The mode and the list that it gets; `undefined` where the folder's list hands nothing on and none is asked for. */
export function newListAndMode(
  folder: Rights & Listed,
  { type, mode, acl, umask, isBare }: NewRights,
):
  | { readonly mode: number; readonly acl: AttributeChanges["acl"] }
  | undefined {
  const high = (mode ?? 0) & HIGH_BITS;
  if (typeof acl === "object") {
    const list = isHosts(folder) ? acl : kept(acl, type);
    return { mode: high | modeOfAces(acl), acl: list };
  }
  const inherited = isBare ? [] : inheritedAces(acesOf(folder), type);
  if (inherited.length === 0) return undefined;
  const { aces, bits } = inheritance(inherited, type, { mode, umask });
  return { mode: high | bits, acl: kept(aces, type) };
}

/** Whether a folder's list hands anything on to what is made in it. */
export function handsOnList(folder: Rights, type: FileType): boolean {
  return inheritedAces(acesOf(folder), type).length > 0;
}

/**
 * Whether the list that is to be set is none for a file of that type: one that is no
 * folder has nothing to hand on (RFC 8881 6.2.1.4.1), and what a host hands on has
 * no end. `beside` are the attributes of the file, or of the folder that it is made in.
 */
export function isListAmiss(
  { acl }: Pick<AttributeChanges, "acl">,
  type: FileType,
  beside: Rights & Listed,
): boolean {
  if (typeof acl !== "object") return false;
  if (isHosts(beside) && type === "symlink") return true;
  const most = type !== "directory"
    ? 0
    : isHosts(beside)
    ? INHERITABLE | AceFlag.INHERIT_ONLY
    : INHERITABLE | AceFlag.INHERIT_ONLY | AceFlag.NO_PROPAGATE;
  return acl.some(({ flags }) => (flags & ~most) !== 0);
}

/**
 * Whether the list that is to be set has more entries than one may, or gets more by the
 * modes that are set later, here or on what it is handed on to: what clients are shown
 * they can set again. `beside` is as in `isListAmiss`.
 */
export function isListTooLong(
  { acl }: Pick<AttributeChanges, "acl">,
  type: FileType,
  beside: Rights & Listed,
): boolean {
  return typeof acl === "object" && !isHosts(beside) &&
    growsTooLong(acl, type);
}

/** The same of a list that is kept as it is, and not by a host. */
export function growsTooLong(aces: readonly Ace[], type: FileType): boolean {
  return aces.length > MAX_ACES || mostEntries(aces, type) > MAX_ACES ||
    (["file", "directory"] as const).some((type) =>
      mostEntries(inheritedAces(aces, type), type) > MAX_ACES
    );
}

/** Whether lists are the host's, which sees to them and to the mode by itself. */
function isHosts(attributes: Rights & Listed): boolean {
  return attributes[accessListHolder]?.accessList !== undefined;
}

function kept(aces: readonly Ace[], type: FileType): readonly Ace[] | "mode" {
  return isPlain(aces, type) ? "mode" : aces;
}
