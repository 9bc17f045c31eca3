import type { Awaitable } from "../../base/awaitable.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { ContentKind } from "../../vfs/file_system.ts";

/** By data_content4 (RFC 7862 15.10.2). */
export const CONTENT_KINDS: readonly ContentKind[] = ["data", "hole"];

/**
 * Where the next data or hole of a file begins, from an `offset` on that is before
 * its end: at `size`, or behind it, where none comes before. All of it is data where
 * its file system can't tell.
 */
export function placeOf(
  { node, export: { fs } }: FileRef,
  { offset, kind, size }: {
    readonly offset: number;
    readonly kind: ContentKind;
    readonly size: number;
  },
): Awaitable<number> {
  if (fs.seek === undefined) return kind === "data" ? offset : size;
  const place = fs.seek(node, offset, kind);
  return place instanceof Promise
    ? place.then((place) => place ?? size)
    : place ?? size;
}
