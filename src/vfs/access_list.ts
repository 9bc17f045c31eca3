import type { Ace } from "./acl.ts";
import type { Caller } from "./callers.ts";
import type { Rights } from "./wanted.ts";

/**
 * A POSIX access list of the host (acl(5)) beyond the mode: permission bits of
 * each entry, as in a third of a mode.
 */
export interface AccessList {
  /** Of the owner; the mode says it as well. */
  readonly owner: number;
  /** Of users by their numbers. */
  readonly users: ReadonlyMap<number, number>;
  /** Of the owning group; the bits in the mode are the mask. */
  readonly group: number;
  /** Of further groups by their numbers. */
  readonly groups: ReadonlyMap<number, number>;
  /** The most that any of these may. */
  readonly mask: number;
  /** Of all others. */
  readonly other: number;
}

/** What has an access list perhaps, of either kind, and is asked for it where a judgement rests on it. */
export interface AccessListHolder {
  /** The host's as it is now; `undefined` where the mode says it all. Throws FsError. */
  accessList?(): AccessList | undefined;
  /** The host's list for what is made in a folder, if there is one. Throws FsError. */
  givenList?(): AccessList | undefined;
  /** The entries of one that NFSv4 clients have set, see `acl.ts`. Throws FsError. */
  aces?(): readonly Ace[];
  /**
   * What a caller is given where the rights are made of others', and judged by those:
   * permission bits, one of which has to give all that it wants. Throws FsError.
   */
  grants?(caller: Caller): readonly number[];
}

/**
 * The holder, on attributes that a back end of ours tells: a file system of others
 * has no such key.
 */
export const accessListHolder: unique symbol = Symbol("access list");

/** Attributes with their holder. */
export interface Listed {
  [accessListHolder]?: AccessListHolder | undefined;
}

/**
 * What a caller other than root and the owner is given by the mode, or by each entry
 * of the host's list that is for it; one of them has to give all that it wants.
 */
export function grantsOf(
  attributes: Rights & Listed,
  caller: Caller,
): readonly number[] {
  const { mode, gid } = attributes;
  const isMember = isInGroup(caller, gid);
  // Linux asks no list whose mask leaves nothing: it goes by the mode.
  const list = (mode & 0o070) === 0
    ? undefined
    : attributes[accessListHolder]?.accessList?.();
  if (list === undefined) return [(isMember ? mode >> 3 : mode) & 7];
  const { users, group, groups, mask, other } = list;
  const user = users.get(caller.uid);
  if (user !== undefined) return [user & mask];
  const grants = isMember ? [group & mask] : [];
  for (const [gid, bits] of groups) {
    if (isInGroup(caller, gid)) grants.push(bits & mask);
  }
  return grants.length > 0 ? grants : [other];
}

/** Whether the caller is in the group. */
export function isInGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.gids.includes(gid);
}
