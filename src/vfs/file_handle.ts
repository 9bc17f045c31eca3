import type { Export } from "./exports.ts";

/** A file that a filehandle names. */
export interface FileRef {
  /** Where it lives. */
  readonly export: Export;
  /** The file system's own object. */
  readonly node: object;
  /** The filehandle, at most 128 bytes. */
  readonly handle: Uint8Array;
  /** The filehandle as a string: the key of the file's state. */
  readonly key: string;
}
