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
import { hostCode } from "../../base/host_error.ts";
import type { Host } from "./host.ts";
import { openHostCalls } from "../common/host_calls.ts";
import { LinuxHost } from "./linux_host.ts";
import { HostedFileSystem } from "./hosted_file_system.ts";
import { checkOptions, type LocalOptions } from "./options.ts";
import { isLayered, OverlayHost } from "./overlay_host.ts";
import { PortableHost } from "./portable_host.ts";

export type { LocalOptions } from "./options.ts";

/** A folder of the host as a file system: everything that {@linkcode FileSystem} can be asked for. */
export interface LocalFileSystem extends
  Required<
    Omit<
      FileSystem,
      | "limits"
      | "trust"
      | "folder"
      | "stats"
      | "records"
      | "losses"
      | "failure"
    >
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
 */
export function local(
  directory: string,
  options: LocalOptions = {},
): LocalFileSystem {
  checkType("local: the folder", directory, "string");
  checkOptions(options);
  const path = checkFolder(directory);
  return new HostedFileSystem(chooseHost(path, options), path, options);
}

function checkFolder(directory: string): string {
  try {
    const path = Deno.realPathSync(directory);
    // One entry is enough to know that it is a folder, and ours to read.
    Deno.readDirSync(path)[Symbol.iterator]().next();
    return path;
  } catch (error) {
    throw new Error(`can't serve ${directory}: ${reason(error)}`, {
      cause: error,
    });
  }
}

function reason(error: unknown): string {
  switch (hostCode(error)) {
    case "ENOENT":
      return "no such folder";
    case "ENOTDIR":
      return "not a folder";
    case "EACCES":
    case "EPERM":
      return "no permission to read it";
    case "ELOOP":
      return "too many symlinks";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function chooseHost(path: string, { ffi }: LocalOptions): Host {
  const calls = ffi === false ? undefined : openHostCalls();
  if (calls === undefined) return new PortableHost();
  return (isLayered(path) ? OverlayHost.of(calls, path) : undefined) ??
    new LinuxHost(calls);
}
