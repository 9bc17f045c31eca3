import type { Bitmap } from "../../nfs4/bitmap.ts";
import type { MinorVersion } from "../../nfs4/constants.ts";
import type { Export } from "../../vfs/exports.ts";
import type { DirectoryPage } from "../../vfs/file_system.ts";

/** What the entries of a page are written for: for others they are written otherwise. */
export interface PageTerms {
  /** The export that shows them. */
  readonly export: Export;
  readonly minorVersion: MinorVersion;
  /** Attributes of each entry. */
  readonly requested: Bitmap;
}

/** The entries of a page as they were written. */
export interface EncodedPage extends PageTerms {
  readonly bytes: Uint8Array;
  /** Entries that were written. */
  readonly entries: number;
  /** Bytes of names and cookies among them. */
  readonly hint: number;
}

/** Bytes of an entry that a page may be remembered with: file systems count entries. */
const MOST_BYTES = 1024;

const encoded = new WeakMap<DirectoryPage<object>, EncodedPage>();

/** What was written of a page on these terms, if that holds still. */
export function encodedPage(
  page: DirectoryPage<object>,
  terms: PageTerms,
): EncodedPage | undefined {
  if (!page.isLasting) return undefined;
  const known = encoded.get(page);
  return known?.export === terms.export &&
      known.minorVersion === terms.minorVersion &&
      known.requested === terms.requested
    ? known
    : undefined;
}

/**
 * Remembers what was written of a page, for as long as its file system keeps that;
 * what has long access lists among its attributes is written anew.
 */
export function rememberEncoded(
  page: DirectoryPage<object>,
  written: EncodedPage,
): void {
  const most = page.entries.length * MOST_BYTES;
  if (written.bytes.length <= most) encoded.set(page, written);
  else encoded.delete(page);
}
