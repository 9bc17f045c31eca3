/**
 * Entries of access lists as the client's attributes have them (RFC 8881 6.2.1).
 *
 * @module
 */
import type { Ace } from "../../src/vfs/acl.ts";
import type { Ace as WireAce } from "../support/client/attributes.ts";

const TYPES = ["allow", "deny"] as const;
/** ACE4_IDENTIFIER_GROUP */
const OF_GROUP = 0x40;

/** What is sent. */
export function wireOfAces(aces: readonly Ace[]): WireAce[] {
  return aces.map(({ type, flags, mask, who, id }) => ({
    type: TYPES.indexOf(type),
    flag: who === "group" ? flags | OF_GROUP : flags,
    mask,
    who: who.endsWith("@") ? who.toUpperCase() : `${id}`,
  }));
}

/** What came. */
export function acesOfWire(aces: readonly WireAce[]): Ace[] {
  return aces.map(({ type, flag, mask, who }) => {
    const isSpecial = who.endsWith("@");
    const named = (flag & OF_GROUP) === 0 ? "user" : "group";
    return {
      type: TYPES[type]!,
      flags: flag & ~OF_GROUP,
      mask,
      who: isSpecial ? who.toLowerCase() as Ace["who"] : named,
      id: isSpecial ? 0 : Number(who),
    };
  });
}
