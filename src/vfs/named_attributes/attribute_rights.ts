import {
  type AccessList,
  accessListHolder,
  type Listed,
} from "../access_list.ts";
import { Permission } from "../permissions.ts";
import type { Rights } from "../wanted.ts";

/*
 * Who may do what to named attributes: who may read a file may list and read them,
 * who may write it may change them, as with extended attributes (RFC 8276 8.3).
 */

const STICKY = 0o1000;

/** Rights to an attribute of what has these. */
export function rightsToAttribute(bearer: Rights & Listed): Rights & Listed {
  return derived(bearer, "file", (bits) => bits & ~Permission.EXECUTE);
}

/** Rights to the folder of its attributes: who may list it, or add to it, finds what is in it. */
export function rightsToFolder(bearer: Rights & Listed): Rights & Listed {
  return derived(bearer, "directory", (bits) => {
    const left = bits & ~Permission.EXECUTE;
    return left === 0 ? 0 : left | Permission.EXECUTE;
  });
}

function derived(
  { type, mode, uid, gid, [accessListHolder]: holder }: Rights & Listed,
  to: "file" | "directory",
  permissions: (bits: number) => number,
): Rights & Listed {
  // xattr(7): those of a sticky folder, which all may write, are its owner's to change.
  const isOwners = type === "directory" && (mode & STICKY) !== 0;
  const ofOthers = (bits: number) =>
    permissions(isOwners ? bits & ~Permission.WRITE : bits);
  const group = ofOthers(mode >> 3 & 7);
  // No list is asked whose mask leaves nothing, and one may be there that keeps some of the others out.
  const isUnasked = group === 0 && (mode & 0o070) !== 0 && holder !== undefined;
  const other = isUnasked ? 0 : ofOthers(mode & 7);
  return {
    type: to,
    mode: permissions(mode >> 6 & 7) << 6 | group << 3 | other,
    uid,
    gid,
    [accessListHolder]: holder && {
      accessList: () => {
        const list = holder.accessList();
        return list && listOf(list, ofOthers);
      },
    },
  };
}

function listOf(
  { users, group, groups, mask, other }: AccessList,
  permissions: (bits: number) => number,
): AccessList {
  const all = (entries: ReadonlyMap<number, number>) =>
    new Map([...entries].map(([id, bits]) => [id, permissions(bits & mask)]));
  return {
    users: all(users),
    group: permissions(group & mask),
    groups: all(groups),
    // Each has it taken off by now: what is found may be passed, whatever the mask says.
    mask: Permission.READ | Permission.WRITE | Permission.EXECUTE,
    other: permissions(other),
  };
}
