import { isName } from "../names.ts";
import { MAX_XATTR_VALUE } from "../xattrs.ts";
import { digestOf } from "./attribute_identity.ts";

/*
 * A named attribute that is larger than an extended one may be is kept in several,
 * of which only the first has its name. The others are a series of its own, and an
 * index says which one that is: their names are ours, and no client is told of them.
 */

/** Bytes of each part but the last. */
export const PART: number = MAX_XATTR_VALUE;

/** Most bytes of an attribute: what makes it longer by zeros writes as many. */
export const MAX_ATTRIBUTE: number = 64 * PART;

const PREFIX = "nfs4.part.";
const INDEX = `${PREFIX}of.`;
const SERIES_BYTES = 8;
const INDEX_BYTES: number = SERIES_BYTES + 4 + 4 + 4;

/** What an index tells of the attribute whose first part is full. */
export interface AttributeIndex {
  /** The parts behind the first: no other attribute has any of these. */
  readonly series: string;
  /** Bytes of all parts: no less than the first has. */
  readonly size: number;
  /** The last part that is its own, which may be on its way: what is behind it was left. */
  readonly last: number;
  /** A number of the change that told of it, by which that knows it again. */
  readonly change: number;
}

/** The part that has the last of so many bytes, counted from 0. */
export function lastPartOf(size: number): number {
  return Math.max(0, Math.ceil(size / PART) - 1);
}

/** A series that no attribute has. */
export function newSeries(): string {
  return crypto.getRandomValues(new Uint8Array(SERIES_BYTES)).toHex();
}

/** The extended attribute that has a part of a series, the first being 1. */
export function partName(series: string, part: number): string {
  return `${PREFIX}${series}.${part}`;
}

/** The series and part that an extended attribute of this name has; `undefined` where it has none. */
export function partOf(
  name: string,
): { readonly series: string; readonly part: number } | undefined {
  if (!isPart(name) || isIndex(name)) return undefined;
  const [series = "", part] = name.slice(PREFIX.length).split(".");
  return { series, part: Number(part) };
}

/** The extended attribute that has the index of a named one. */
export function indexName(name: string): string {
  return `${INDEX}${digestOf(name).toHex()}`;
}

/** Whether an extended attribute of this name is an index. */
export function isIndex(name: string): boolean {
  return name.startsWith(INDEX);
}

/** An index as it is kept. */
export function encodeIndex(
  { series, size, last, change }: AttributeIndex,
): Uint8Array {
  const value = new Uint8Array(INDEX_BYTES);
  value.set(Uint8Array.fromHex(series));
  const view = new DataView(value.buffer);
  view.setUint32(SERIES_BYTES, size);
  view.setUint32(SERIES_BYTES + 4, last);
  view.setUint32(SERIES_BYTES + 8, change);
  return value;
}

/** The index that is kept as this; `undefined` where that is none. */
export function decodeIndex(
  value: Uint8Array | undefined,
): AttributeIndex | undefined {
  if (value?.length !== INDEX_BYTES) return undefined;
  const view = new DataView(value.buffer, value.byteOffset);
  const size = view.getUint32(SERIES_BYTES);
  const last = view.getUint32(SERIES_BYTES + 4);
  const change = view.getUint32(SERIES_BYTES + 8);
  if (size < PART || size > MAX_ATTRIBUTE) return undefined;
  const series = value.subarray(0, SERIES_BYTES).toHex();
  return { series, size, last, change };
}

/** Whether an extended attribute is for us alone: a part of a named one that is not the first, or an index. */
export function isPart(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Whether an extended attribute is a named one: it may have names that no entry may. */
export function isAttributeName(name: string): boolean {
  return isName(name) && !isPart(name);
}
