import type { Steps } from "../../base/awaitable.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { type Rights, rightsAnd, rightsOf } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOfNamed, type NamedFile } from "./named_file.ts";

/** What {@linkcode entryNamed} has to know of a file. */
const OF_ENTRY = rightsAnd("nlink");

/** What a name in a folder stands for. */
export interface Entry {
  readonly file: FileRef;
  /** As they are when it is judged who may change it. */
  readonly attributes: Rights;
  /** Whether this is its only name. */
  readonly isLastName: boolean;
}

/** The entry that a file is which was found by its name. */
export function* entryNamed(
  context: CompoundContext,
  named: NamedFile,
): Steps<Entry> {
  const { file } = named;
  const attributes = yield* attributesOfNamed(context, named, OF_ENTRY);
  const { type, nlink } = attributes;
  // Read now: attributes may be a live record.
  const isLastName = type === "directory" || nlink <= 1;
  return { file, attributes: rightsOf(attributes), isLastName };
}
