import {
  type Ace,
  AceFlag,
  AceMask,
  type AceWho,
  MAX_ACES,
} from "../../../vfs/acl.ts";
import { growsTooLong } from "../../../vfs/acl_changes.ts";
import { LAST_ID } from "../../../base/option_values.ts";
import type { PaxRecords } from "./decode.ts";
import type { MemberType } from "./header.ts";

/** The key of an access list of NFSv4, as star and bsdtar have it. */
export const ACL_KEY = "SCHILY.acl.ace";

/** Letters for what an entry is about, in their order (acl(5) of FreeBSD). */
const MASK_LETTERS: readonly (readonly [letter: string, bit: number])[] = [
  ["r", AceMask.READ_DATA],
  ["w", AceMask.WRITE_DATA],
  ["x", AceMask.EXECUTE],
  ["p", AceMask.APPEND_DATA],
  ["d", AceMask.DELETE],
  ["D", AceMask.DELETE_CHILD],
  ["a", AceMask.READ_ATTRIBUTES],
  ["A", AceMask.WRITE_ATTRIBUTES],
  ["R", AceMask.READ_NAMED_ATTRS],
  ["W", AceMask.WRITE_NAMED_ATTRS],
  ["c", AceMask.READ_ACL],
  ["C", AceMask.WRITE_ACL],
  ["o", AceMask.WRITE_OWNER],
  ["s", AceMask.SYNCHRONIZE],
];
const FLAG_LETTERS: typeof MASK_LETTERS = [
  ["f", AceFlag.FILE_INHERIT],
  ["d", AceFlag.DIRECTORY_INHERIT],
  ["i", AceFlag.INHERIT_ONLY],
  ["n", AceFlag.NO_PROPAGATE],
];
const SPECIAL: readonly string[] = ["owner@", "group@", "everyone@"];

/** A list as the text of a record: users and groups by their numbers. */
export function aclText(aces: readonly Ace[]): string {
  return aces.map(({ type, flags, mask, who, id }) => {
    const isNamed = !SPECIAL.includes(who);
    const name = isNamed ? `${who}:${id}` : who;
    const what = `${letters(mask, MASK_LETTERS)}:${
      letters(flags, FLAG_LETTERS)
    }:${type}`;
    return isNamed ? `${name}:${what}:${id}` : `${name}:${what}`;
  }).join(",");
}

/** The list in the records of a member; `undefined` where there is none, and where it is one that no store has, which `refused` is told. */
export function aclOf(
  records: PaxRecords,
  type: MemberType | undefined,
  refused: () => void,
): readonly Ace[] | undefined {
  const text = records.get(ACL_KEY);
  if (text === undefined) return undefined;
  const parts = text === "" ? [] : text.split(",", MAX_ACES + 1);
  const aces = parts.length > MAX_ACES ? [undefined] : parts.map(aceOf);
  const known = aces.filter((ace) => ace !== undefined);
  const kind = type === "directory" ? "directory" : "file";
  const fits = kind === "directory" || known.every(({ flags }) => flags === 0);
  const isWhole = known.length === aces.length;
  // Nor may clients set one that modes make too many entries of.
  if (isWhole && fits && !growsTooLong(known, kind)) return known;
  refused();
  return undefined;
}

function aceOf(text: string): Ace | undefined {
  const parts = text.split(":");
  const [who = ""] = parts;
  const isNamed = who === "user" || who === "group";
  if (!isNamed && !SPECIAL.includes(who)) return undefined;
  const name = isNamed ? parts[1] : "0";
  const [letters = "", flagLetters = "", type, number = name] = parts.slice(
    isNamed ? 2 : 1,
  );
  const mask = bits(letters, MASK_LETTERS);
  const flags = bits(flagLetters, FLAG_LETTERS);
  const id = /^\d{1,10}$/.test(number ?? "") ? Number(number) : Infinity;
  if (type !== "allow" && type !== "deny") return undefined;
  if (mask === undefined || flags === undefined || id > LAST_ID) {
    return undefined;
  }
  return { type, flags, mask, who: who as AceWho, id };
}

function letters(bits: number, all: typeof MASK_LETTERS): string {
  return all.map(([letter, bit]) => bits & bit ? letter : "-").join("");
}

/** The bits of letters; `undefined` where there is one that means nothing here. */
function bits(text: string, all: typeof MASK_LETTERS): number | undefined {
  const byLetter = new Map(all);
  let bits = 0;
  for (const letter of text) {
    if (letter === "-") continue;
    const bit = byLetter.get(letter);
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}
