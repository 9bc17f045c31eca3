import { isName } from "../names.ts";
import { MAX_XATTR_VALUE } from "../xattrs.ts";
import { digestOf } from "./attribute_identity.ts";

/*
 * A named attribute that is larger than an extended one may be is kept in several:
 * the first has its name, the others names of ours, which no client is told.
 */

/** Bytes of each part but the last. */
export const PART: number = MAX_XATTR_VALUE;

/** Most bytes of an attribute: what makes it longer by zeros writes as many. */
export const MAX_ATTRIBUTE: number = 64 * PART;

const PREFIX = "nfs4.part.";

/** The extended attribute that has a part of an attribute, which are counted from 0. */
export function partName(name: string, part: number): string {
  return part === 0 ? name : `${prefixOf(name)}${part}`;
}

/** Those parts of an attribute but the first that are among these, in their order. */
export function furtherParts(names: readonly string[], name: string): number[] {
  const prefix = prefixOf(name);
  return names.filter((each) => each.startsWith(prefix))
    .map((each) => Number(each.slice(prefix.length)))
    .filter((part) => Number.isInteger(part) && part > 0)
    .sort((a, b) => a - b);
}

function prefixOf(name: string): string {
  return `${PREFIX}${digestOf(name).toHex()}.`;
}

/** Whether an extended attribute is for us alone: a part of a named one that is not the first. */
export function isPart(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Whether an extended attribute is a named one: it may have names that no entry may. */
export function isAttributeName(name: string): boolean {
  return isName(name) && !isPart(name);
}
