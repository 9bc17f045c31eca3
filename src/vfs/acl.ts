/**
 * Access lists as NFSv4 has them (RFC 8881 6.2.1): what their entries say, and whom
 * they allow what.
 *
 * @module
 */

import {
  type AccessListHolder,
  accessListHolder,
  isInGroup,
  type Listed,
} from "./access_list.ts";
import type { Caller } from "./callers.ts";
import type { Rights } from "./wanted.ts";

/** acemask4 (RFC 8881 6.2.1.3): what an entry is about. */
export const AceMask = {
  /** Of a folder: to list it. */
  READ_DATA: 0x1,
  /** Of a folder: to add files. */
  WRITE_DATA: 0x2,
  /** Of a folder: to add folders. */
  APPEND_DATA: 0x4,
  READ_NAMED_ATTRS: 0x8,
  WRITE_NAMED_ATTRS: 0x10,
  EXECUTE: 0x20,
  DELETE_CHILD: 0x40,
  READ_ATTRIBUTES: 0x80,
  WRITE_ATTRIBUTES: 0x100,
  DELETE: 0x10000,
  READ_ACL: 0x20000,
  WRITE_ACL: 0x40000,
  WRITE_OWNER: 0x80000,
  SYNCHRONIZE: 0x100000,
  /** All that there are, those included that nothing here is judged by, but for retention. */
  ALL: 0x1f01ff,
} as const;

/** Most entries of a list that a client may set. */
export const MAX_ACES = 1000;

/** aceflag4 (RFC 8881 6.2.1.4), those that say how an entry is handed on. */
export const AceFlag = {
  FILE_INHERIT: 0x1,
  DIRECTORY_INHERIT: 0x2,
  NO_PROPAGATE: 0x4,
  INHERIT_ONLY: 0x8,
} as const;

/** By which an entry is handed on at all. */
export const INHERITABLE: number = AceFlag.FILE_INHERIT |
  AceFlag.DIRECTORY_INHERIT;

/** Whom an entry is about: one of the special identifiers (RFC 8881 6.2.1.5), or a user or a group by its number. */
export type AceWho = "owner@" | "group@" | "everyone@" | "user" | "group";

/** An entry of an access list (nfsace4). */
export interface Ace {
  /** Others, which log, are not offered. */
  readonly type: "allow" | "deny";
  /** Of {@linkcode AceFlag}. */
  readonly flags: number;
  /** Of {@linkcode AceMask}. */
  readonly mask: number;
  /** Whom it is about. */
  readonly who: AceWho;
  /** The number of a user or group; 0 where it is about neither. */
  readonly id: number;
}

/** What a list makes of a caller, by bits of {@linkcode AceMask}: what is in neither is not said. */
export interface AclVerdict {
  readonly allowed: number;
  readonly denied: number;
}

/** What attributes have an access list by. */
export class AclHolder implements AccessListHolder {
  readonly #aces: readonly Ace[];

  constructor(aces: readonly Ace[]) {
    this.#aces = aces;
  }

  /** The entries, in their order. */
  aces(): readonly Ace[] {
    return this.#aces;
  }
}

/** The access list of a file; `undefined` where the mode says it all, or the list is a host's. */
export function acesOf(
  attributes: Rights & Listed,
): readonly Ace[] | undefined {
  return attributes[accessListHolder]?.aces?.();
}

/** Whether an entry is about the file that has it, and not only for what is made in it. */
export function isEffective({ flags }: Ace): boolean {
  return (flags & AceFlag.INHERIT_ONLY) === 0;
}

/** RFC 8881 6.2.1: of each bit the first entry says that is about the caller. */
export function judgeByAces(
  aces: readonly Ace[],
  file: { readonly uid: number; readonly gid: number },
  caller: Caller,
): AclVerdict {
  return judge(aces, ({ who, id }) => {
    switch (who) {
      case "owner@":
        return caller.uid === file.uid;
      case "group@":
        return isInGroup(caller, file.gid);
      case "everyone@":
        return true;
      case "user":
        return caller.uid === id;
      case "group":
        return isInGroup(caller, id);
    }
  });
}

/** The same by those entries alone that `isAbout` says. */
export function judge(
  aces: readonly Ace[],
  isAbout: (ace: Ace) => boolean,
): AclVerdict {
  let [allowed, denied] = [0, 0];
  for (const ace of aces) {
    if (!isEffective(ace) || !isAbout(ace)) continue;
    const fresh = ace.mask & ~(allowed | denied);
    if (ace.type === "allow") allowed |= fresh;
    else denied |= fresh;
  }
  return { allowed, denied };
}

/** Whether two lists say the same in the same words. */
export function areSameAces(a: readonly Ace[], b: readonly Ace[]): boolean {
  return a.length === b.length && a.every((ace, i) => isSameAce(ace, b[i]!));
}

/** Whether two entries are about the same, whatever that is that they allow or deny. */
export function isOfSame(a: Ace, b: Ace): boolean {
  return a.who === b.who && a.id === b.id && a.type === b.type &&
    a.flags === b.flags;
}

function isSameAce(a: Ace, b: Ace): boolean {
  return isOfSame(a, b) && a.mask === b.mask;
}
