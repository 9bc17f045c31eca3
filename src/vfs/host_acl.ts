/**
 * NFSv4 access lists in the words of a host that has POSIX ones (acl(5)), and the other way
 * round: what comes out is never less strict than what went in (RFC 8881 6.2.1).
 *
 * @module
 */

import type { AccessList } from "./access_list.ts";
import { type Ace, AceFlag, INHERITABLE, isEffective } from "./acl.ts";
import { ANY, maskOf, OWNERS, permissionBits } from "./acl_mode.ts";
import type { FileType } from "./attributes.ts";

/** How a folder's list for what is made in it is told: for all of that, and not for the folder. */
const HANDED_ON = INHERITABLE | AceFlag.INHERIT_ONLY;

/** What the entries of a list come to for one of whom a POSIX list has an entry for. */
interface State {
  allowed: number;
  denied: number;
}

/** Both lists of a host's file. */
export interface HostLists {
  /** Where the mode does not say it all. */
  readonly access: AccessList;
  /** Of a folder: for what is made in it, if there is one. */
  readonly given: AccessList | undefined;
}

/** The POSIX lists that come nearest; what POSIX has no bit for is let go. */
export function hostListsOf(aces: readonly Ace[]): HostLists {
  const handedOn = aces.filter(({ flags }) => (flags & INHERITABLE) !== 0);
  return {
    access: hostListOf(aces.filter(isEffective)),
    given: handedOn.length === 0 ? undefined : hostListOf(handedOn),
  };
}

/**
 * An entry allows those of whom it is certain that it is about them, and denies all of
 * whom it may be: any user may be in a group.
 */
function hostListOf(aces: readonly Ace[]): AccessList {
  const nothing = (): State => ({ allowed: 0, denied: 0 });
  const [owner, group, other, rest] = Array.from({ length: 4 }, nothing) as [
    State,
    State,
    State,
    State,
  ];
  const users = new Map<number, State>();
  const groups = new Map<number, State>();
  const named = (all: Map<number, State>, id: number): State => {
    // So far it was one of the rest.
    const state = all.get(id) ?? { ...rest };
    all.set(id, state);
    return state;
  };
  const members = () => [group, rest, ...users.values(), ...groups.values()];
  const meant = ({ type, who, id }: Ace): State[] => {
    const isAllowed = type === "allow";
    switch (who) {
      case "owner@":
        return [owner];
      case "user":
        return isAllowed ? [named(users, id)] : [named(users, id), owner];
      case "group@":
        return isAllowed ? [group] : [owner, ...members()];
      case "group": {
        const state = named(groups, id);
        return isAllowed ? [state] : [owner, ...members()];
      }
      case "everyone@":
        return [owner, other, ...members()];
    }
  };
  for (const ace of aces) {
    for (const state of meant(ace)) {
      if (ace.type === "allow") state.allowed |= ace.mask & ~state.denied;
      else state.denied |= ace.mask & ~state.allowed;
    }
  }
  const bits = ({ allowed }: State) => permissionBits(allowed);
  const bitsOfAll = (all: Map<number, State>) =>
    new Map([...all].map(([id, state]) => [id, bits(state)]));
  const list = { users: bitsOfAll(users), groups: bitsOfAll(groups) };
  const own = bits(group);
  const others = bits(other);
  const used = [...list.users.values(), ...list.groups.values()]
    .reduce((mask, bits) => mask | bits, own);
  // Linux asks no list whose mask leaves nothing: who is named would be one of the others.
  const mask = used === 0 ? others : used;
  return { ...list, owner: bits(owner), group: own, mask, other: others };
}

/** The list of a file that has none. */
export function listOfMode(mode: number): AccessList {
  const [owner, group, other] = [mode >> 6 & 7, mode >> 3 & 7, mode & 7];
  const none = new Map<number, number>();
  return { owner, users: none, group, groups: none, mask: 7, other };
}

/** The entries that say what both lists do. */
export function acesOfHost(
  access: AccessList,
  given: AccessList | undefined,
  type: FileType,
): readonly Ace[] {
  const handedOn = given === undefined ? [] : entriesOf(given, "directory");
  return [
    ...entriesOf(access, type),
    ...handedOn.map((ace) => ({ ...ace, flags: HANDED_ON })),
  ];
}

/** POSIX goes by the first of owner, named user, groups, all others that fits; here that takes denials of what comes later. */
function entriesOf(list: AccessList, type: FileType): Ace[] {
  const { owner, group, mask, other } = list;
  const users = [...list.users].map(([id, bits]) => [id, bits & mask] as const);
  const groups = [...list.groups]
    .map(([id, bits]) => [id, bits & mask] as const);
  const own = group & mask;
  const later = groups.reduce((all, [, bits]) => all | bits, own | other);
  const any = users.reduce((all, [, bits]) => all | bits, later);
  const aces: Ace[] = [];
  const deny = (who: Ace["who"], id: number, bits: number) => {
    const denied = maskOf(bits, type);
    if (bits === 0) return;
    aces.push({ type: "deny", flags: 0, mask: denied, who, id });
  };
  const allow = (who: Ace["who"], id: number, bits: number, more = ANY) => {
    const allowed = maskOf(bits, type) | more;
    aces.push({ type: "allow", flags: 0, mask: allowed, who, id });
  };
  deny("owner@", 0, any & ~owner);
  allow("owner@", 0, owner, OWNERS);
  for (const [id, bits] of users) {
    deny("user", id, later & ~bits);
    allow("user", id, bits);
  }
  allow("group@", 0, own);
  for (const [id, bits] of groups) allow("group", id, bits);
  deny("group@", 0, other & ~own);
  for (const [id, bits] of groups) deny("group", id, other & ~bits);
  allow("everyone@", 0, other);
  return aces;
}
