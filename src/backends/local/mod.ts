/**
 * An existing folder of the host as a file system.
 *
 * Handles name files by inode number and birth, so they survive renames, by us
 * or behind our back, and a restart. No path leads out of the folder: symlinks
 * are told to clients and never followed. Other file systems mounted in the
 * folder are not there for clients; export them by themselves.
 *
 * On Linux with `--allow-all` the host is used to the full: what is missing
 * elsewhere, or on the folder's own file system, is in
 * {@linkcode LocalFileSystem.limitations}. Where there is no
 * /proc (macOS) or Deno may not read it (anything less than `--allow-all`),
 * folders are checked by path before each use: a process that can rename folders
 * on the host itself can win a race against that, and lead the server out.
 *
 * ```ts ignore
 * import { local } from "@dittofs/nfs4/backends/local";
 *
 * const fs = local("/srv/data");
 * ```
 *
 * @module
 */
import { checkType } from "../../base/option_values.ts";
import type {
  FileSystem,
  FileSystemLimits,
  HostFolder,
  Trust,
} from "../../vfs/file_system.ts";
import { ApartFileSystem } from "./apart/apart_file_system.ts";
import { isOnSharedMount } from "./apart/shared_mounts.ts";
import { hostedFileSystem } from "./hosted.ts";
import { checkOptions, type LocalOptions } from "./options.ts";

export type { LocalOptions } from "./options.ts";

/**
 * A folder of the host as a file system: everything that {@linkcode FileSystem} can be
 * asked for but that what was removed while it was open outlives a restart;
 * `allocate`, `deallocate` and `seek` only with libc, and `clone` and extended attributes
 * where the host's file system has them, too.
 */
export interface LocalFileSystem extends
  Required<
    Omit<
      FileSystem,
      | "limits"
      | "trust"
      | "folder"
      | "stats"
      | "records"
      | "place"
      | "preserveUnlinked"
      | "settle"
      | "unsettled"
      | "losses"
      | "loss"
      | "failure"
      | "clone"
      | "allocate"
      | "deallocate"
      | "seek"
      | "getxattr"
      | "listxattrs"
      | "setxattr"
      | "removexattr"
    >
  >,
  Pick<
    FileSystem,
    | "clone"
    | "allocate"
    | "deallocate"
    | "seek"
    | "getxattr"
    | "listxattrs"
    | "setxattr"
    | "removexattr"
  > {
  /** What the host's file system can do. */
  readonly limits: FileSystemLimits;
  /** What has to speak for a caller where the export does not say. */
  readonly trust: Trust;
  /** Where its files are. */
  readonly folder: HostFolder;
  /**
   * What is missing without `--allow-ffi`, elsewhere than on Linux, or because the
   * folder's own file system does not have it: a few words each, for the user.
   */
  readonly limitations: readonly string[];
}

/**
 * The folder `directory` of the host as a file system. Throws an `Error` with a
 * message for the user when it is not there, not a folder, or can't be read, and
 * a `TypeError` for an option that it does not have or of another type, and a
 * `RangeError` for one out of range.
 *
 * A folder that is carried apart (`apart`) is opened when it is first used or
 * `serve` is called, which then rejects with that `Error`, also where the host
 * has not answered in 10 seconds; until then `limits` and `limitations` are empty.
 */
export function local(
  directory: string,
  options: LocalOptions = {},
): LocalFileSystem {
  checkType("local: the folder", directory, "string");
  checkOptions(options);
  return isApart(directory, options)
    ? new ApartFileSystem(directory, options)
    : hostedFileSystem(directory, options);
}

function isApart(directory: string, { apart, now }: LocalOptions): boolean {
  return apart ?? (now === undefined && isOnSharedMount(directory));
}
