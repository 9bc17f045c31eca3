import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileAttributes } from "../../vfs/file_system.ts";
import type { WantedAttributes } from "../../vfs/attributes.ts";
import { type Rights, rightsOf, wantedOnly } from "../../vfs/wanted.ts";

/** What {@linkcode entryOf} has to know of a file: its attributes are asked for with this. */
export const OF_ENTRY: WantedAttributes = wantedOnly([
  "type",
  "mode",
  "uid",
  "gid",
  "nlink",
]);

/** What a name in a folder stands for. */
export interface Entry {
  readonly file: FileRef;
  /** As they are when it is judged who may change it. */
  readonly attributes: Rights;
  /** Whether this is its only name. */
  readonly isLastName: boolean;
}

/** The entry that a file with these attributes is. */
export function entryOf(
  file: FileRef,
  attributes: Rights & Pick<FileAttributes, "nlink">,
): Entry {
  const { type, nlink } = attributes;
  // Read now: attributes may be a live record.
  const isLastName = type === "directory" || nlink <= 1;
  return { file, attributes: rightsOf(attributes), isLastName };
}
