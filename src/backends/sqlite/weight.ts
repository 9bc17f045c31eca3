import type { DatabaseSync } from "node:sqlite";
import type { XattrUse } from "../common/xattrs.ts";

/** What a row of `inodes` takes, with its share of pages and indexes. */
const NODE = 88;
/** A name is in two trees, with the numbers of its folder and its node. */
const NAME = 40;
/** What an extended attribute takes besides its name and value. */
const XATTR = 40;
/** What an access list takes besides its entries. */
const LIST = 20;
const encoder = new TextEncoder();

/** Bytes that a node takes, but for its names and its content, which is `used` by it. */
export function weightOfNode(target: string | null | undefined): number {
  return NODE + (target ? encoder.encode(target).length : 0);
}

/** Bytes that a name takes. */
export function weightOfName(name: string): number {
  return NAME + 2 * encoder.encode(name).length;
}

/** Bytes that extended attributes take. */
export function weightOfXattrs({ count, bytes }: XattrUse): number {
  return XATTR * count + bytes;
}

/** Bytes that an access list takes whose entries are so many. */
export function weightOfList(bytes: number): number {
  return LIST + bytes;
}

/** Nodes that there are, and bytes that they take; names, extended attributes and access lists only where `withNames`. */
export function weigh(
  db: DatabaseSync,
  { withNames }: { readonly withNames: boolean },
): { readonly files: number; readonly used: number } {
  const nodes = db.prepare(`SELECT count(*) AS files, coalesce(sum(
      used + ${NODE} + coalesce(length(CAST(target AS BLOB)), 0)), 0) AS used
    FROM inodes`).get() as { files: number; used: number };
  if (!withNames) return nodes;
  const { names } = db.prepare(`SELECT coalesce(sum(
      ${NAME} + 2 * length(CAST(name AS BLOB))), 0) AS names
    FROM entries`).get() as { names: number };
  const { xattrs } = db.prepare(`SELECT coalesce(sum(
      ${XATTR} + length(CAST(name AS BLOB)) + length(value)), 0) AS xattrs
    FROM xattrs`).get() as { xattrs: number };
  const { lists } = db.prepare(
    `SELECT coalesce(sum(${LIST} + length(aces)), 0) AS lists FROM acls`,
  ).get() as { lists: number };
  return { files: nodes.files, used: nodes.used + names + xattrs + lists };
}
