import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileAttributes } from "../../vfs/file_system.ts";

/** What a name in a folder stands for. */
export interface Entry {
  readonly file: FileRef;
  readonly attributes: FileAttributes;
  /** Whether this is its only name. */
  readonly isLastName: boolean;
}

/** The entry that a file with these attributes is. */
export function entryOf(file: FileRef, attributes: FileAttributes): Entry {
  const { type, nlink } = attributes;
  // Read now: attributes may be a live record.
  const isLastName = type === "directory" || nlink <= 1;
  return { file, attributes, isLastName };
}
