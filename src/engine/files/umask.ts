import type { DecodedChanges } from "../../nfs4/attribute_decoders.ts";
import type { ReadableFileSystem } from "../../vfs/changes.ts";
import type {
  AttributeChanges,
  CreateKind,
  CreateOptions,
} from "../../vfs/file_system.ts";

/** What a file system is told of a new node, and by what it limits its mode itself. */
export interface Limited extends Pick<CreateOptions, "umask"> {
  readonly changes: AttributeChanges;
}

/**
 * Has the client's umask limit the mode of what is made (mode_umask, RFC 8275 5):
 * here, or in a file system whose folders may have access lists to go by instead.
 * Not that of a symlink, which no umask limits on a host either.
 */
export function limitMode(
  { umask, ...changes }: DecodedChanges,
  type: CreateKind["type"],
  { limits }: ReadableFileSystem,
): Limited {
  const { mode } = changes;
  if (umask === undefined || mode === undefined || type === "symlink") {
    return { changes };
  }
  if (limits?.defaultLists) return { changes, umask };
  return { changes: { ...changes, mode: mode & ~umask } };
}
