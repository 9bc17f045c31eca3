import type { DecodedChanges } from "../../nfs4/attribute_decoders.ts";
import { handsOnList } from "../../vfs/acl_changes.ts";
import type { ReadableFileSystem } from "../../vfs/changes.ts";
import type {
  AttributeChanges,
  CreateKind,
  CreateOptions,
} from "../../vfs/file_system.ts";
import type { Rights } from "../../vfs/wanted.ts";

/** What something is made with, and what limits its mode where a folder's list has a say in that. */
export interface Limited extends Pick<CreateOptions, "umask"> {
  readonly changes: AttributeChanges;
}

/**
 * Has the client's umask limit the mode of what is made (mode_umask, RFC 8275 5):
 * here, or where that is known which the access list of the folder hands on instead.
 * Not that of a symlink, which no umask limits on a host either.
 */
export function limitMode(
  { umask, ...changes }: DecodedChanges,
  type: CreateKind["type"],
  { fs, folder }: {
    readonly fs: ReadableFileSystem;
    readonly folder: Rights;
  },
): Limited {
  const { mode } = changes;
  if (umask === undefined || mode === undefined || type === "symlink") {
    return { changes };
  }
  if (fs.limits?.defaultLists || handsOnList(folder, type)) {
    return { changes, umask };
  }
  return { changes: { ...changes, mode: mode & ~umask } };
}
