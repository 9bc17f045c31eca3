/**
 * How an access list and the mode of a file are brought to say the same (RFC 8881
 * 6.3.2, 6.4.1).
 *
 * @module
 */

import {
  type Ace,
  AceFlag,
  AceMask,
  type AceWho,
  areSameAces,
  INHERITABLE,
  isEffective,
  isOfSame,
  judge,
} from "./acl.ts";
import type { FileType } from "./attributes.ts";

const READ = 4;
const WRITE = 2;
const EXECUTE = 1;
/** What the write bit takes together (RFC 8881 6.3.2). */
const WRITE_DATA = AceMask.WRITE_DATA | AceMask.APPEND_DATA;

/** What all may, whatever a mode says. */
export const ANY: number = AceMask.READ_ATTRIBUTES | AceMask.READ_ACL |
  AceMask.SYNCHRONIZE;
/** The same of the owner. */
export const OWNERS: number = ANY | AceMask.WRITE_ATTRIBUTES |
  AceMask.WRITE_ACL;
/** Most that a mode itself is told by: see `acesOfMode`. */
const ENTRIES_OF_MODE = 5;
const PLAIN: readonly Ace[] = [
  allow("owner@", OWNERS),
  allow("group@", ANY),
  allow("everyone@", ANY),
];

/** The nine bits of a mode that a list comes down to (RFC 8881 6.3.2). */
export function modeOfAces(aces: readonly Ace[]): number {
  const bitsOf = (who: AceWho) => {
    const { allowed } = judge(
      aces,
      (ace) => ace.who === who || ace.who === "everyone@",
    );
    return permissionBits(allowed);
  };
  return bitsOf("owner@") << 6 | bitsOf("group@") << 3 | bitsOf("everyone@");
}

/** Permission bits as in a third of a mode, of what is allowed. */
export function permissionBits(allowed: number): number {
  const mayWrite = (allowed & WRITE_DATA) === WRITE_DATA;
  return (allowed & AceMask.READ_DATA ? READ : 0) | (mayWrite ? WRITE : 0) |
    (allowed & AceMask.EXECUTE ? EXECUTE : 0);
}

/** The list of a file that has none: what its mode says (RFC 8881 6.4.2). */
export function acesOfMode(mode: number, type: FileType): readonly Ace[] {
  return acesWithMode(PLAIN, mode, { type });
}

/** Whether a list says no more than the mode does that it comes down to. */
export function isPlain(aces: readonly Ace[], type: FileType): boolean {
  return areSameAces(aces, acesOfMode(modeOfAces(aces), type));
}

/**
 * A list after its file's mode was set (RFC 8881 6.4.1.1): the mode that it comes down
 * to is that one, and users and groups that it names are allowed no more than the
 * bits of the group, or `forNamed`. What is handed on stays as it is.
 */
export function acesWithMode(
  aces: readonly Ace[],
  mode: number,
  { type, forNamed = mode >> 3 & 7 }: {
    readonly type: FileType;
    /** As in a third of a mode. */
    readonly forNamed?: number;
  },
): readonly Ace[] {
  const all = maskOf(7, type);
  const owner = maskOf(mode >> 6 & 7, type);
  const group = maskOf(mode >> 3 & 7, type);
  const other = maskOf(mode & 7, type);
  const most = maskOf(forNamed, type);
  const rest: Ace[] = [];
  let isGroupDone = false;
  const allowGroup = () => {
    if (!isGroupDone) add(rest, allow("group@", group));
    isGroupDone = true;
  };
  for (const ace of aces.flatMap(apart)) {
    if (!isEffective(ace)) {
      rest.push(ace);
    } else if (isNamed(ace)) {
      const kept = ace.type === "allow" ? ace.mask & ~(all & ~most) : ace.mask;
      add(rest, { ...ace, mask: kept }, ace.mask === 0);
    } else {
      if (ace.who !== "owner@") allowGroup();
      add(rest, { ...ace, mask: ace.mask & ~all }, ace.mask === 0);
    }
  }
  allowGroup();
  denyNamed(rest, other & ~most);
  add(rest, deny("group@", other & ~group));
  add(rest, allow("everyone@", other));
  // What some entry would give the owner whom the mode does not.
  const given = rest.reduce(
    (given, ace) =>
      isEffective(ace) && ace.type === "allow" ? given | ace.mask : given,
    0,
  );
  const own: Ace[] = [];
  add(own, deny("owner@", given & all & ~owner));
  add(own, allow("owner@", owner));
  return joined([...own, ...rest]);
}

/**
 * Most entries that modes make of a list, whichever are set and however often: what one
 * says of the file stands apart from what it hands on, who is named has a denial, and
 * of the others but what no mode is about stays.
 */
export function mostEntries(aces: readonly Ace[], type: FileType): number {
  const all = maskOf(7, type);
  const parts = aces.flatMap(apart);
  const staying = parts.filter((ace) =>
    !isEffective(ace) || isNamed(ace) || ace.mask === 0 ||
    (ace.mask & ~all) !== 0
  );
  const named = parts.filter((ace) => isEffective(ace) && isNamed(ace));
  const undenied = new Set(named.map(keyOf));
  for (const ace of named) if (ace.type === "deny") undenied.delete(keyOf(ace));
  return staying.length + undenied.size + ENTRIES_OF_MODE;
}

/** What a third of a mode allows: with a folder's write bit goes that its entries are removed. */
export function maskOf(bits: number, type: FileType): number {
  const write = type === "directory"
    ? WRITE_DATA | AceMask.DELETE_CHILD
    : WRITE_DATA;
  return (bits & READ ? AceMask.READ_DATA : 0) | (bits & WRITE ? write : 0) |
    (bits & EXECUTE ? AceMask.EXECUTE : 0);
}

/** What holds for the folder itself, and what it hands on, as entries of their own (RFC 8881 6.4.3.1). */
function apart(ace: Ace): readonly Ace[] {
  if (!isEffective(ace) || (ace.flags & INHERITABLE) === 0) return [ace];
  const flags = ace.flags | AceFlag.INHERIT_ONLY;
  return [{ ...ace, flags: 0 }, { ...ace, flags }];
}

/**
 * Denies those who are named what all others are allowed, and they are not, by the
 * denial that they have, if there is one: else each mode could leave one more. Where
 * that stands is of no matter, as no entry before the last allows them any of it.
 */
function denyNamed(aces: Ace[], mask: number): void {
  const places = new Map<string, number>();
  const left = new Map<string, Ace>();
  aces.forEach((ace, at) => {
    if (!isEffective(ace) || !isNamed(ace)) return;
    const key = keyOf(ace);
    let denial = left.get(key) ?? { ...deny(ace.who, mask), id: ace.id };
    if (ace.type === "deny") {
      places.set(key, at);
      denial = { ...denial, mask: denial.mask & ~ace.mask };
    }
    left.set(key, denial);
  });
  for (const [key, denial] of left) {
    if (denial.mask === 0) continue;
    const at = places.get(key) ?? aces.length;
    const old = aces[at] ?? { ...denial, mask: 0 };
    aces[at] = { ...old, mask: old.mask | denial.mask };
  }
}

/** With neighbours that differ in nothing but what they allow, or deny, as one. */
function joined(aces: readonly Ace[]): readonly Ace[] {
  const all: Ace[] = [];
  for (const ace of aces) {
    const last = all.at(-1);
    if (last !== undefined && isEffective(ace) && isOfSame(last, ace)) {
      all[all.length - 1] = { ...last, mask: last.mask | ace.mask };
    } else all.push(ace);
  }
  return all;
}

/** Adds an entry that says something, or is to stay though it does not. */
function add(aces: Ace[], ace: Ace, isKept = false): void {
  if (ace.mask !== 0 || isKept) aces.push(ace);
}

function isNamed({ who }: Ace): boolean {
  return who === "user" || who === "group";
}

/** Who is named, as a key. */
function keyOf({ who, id }: Ace): string {
  return `${who} ${id}`;
}

function allow(who: AceWho, mask: number): Ace {
  return { type: "allow", flags: 0, mask, who, id: 0 };
}

function deny(who: AceWho, mask: number): Ace {
  return { type: "deny", flags: 0, mask, who, id: 0 };
}
