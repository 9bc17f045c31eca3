import { hostCode } from "../../base/host_error.ts";
import { FsError } from "../../vfs/errors.ts";

/** Whether the host found something else, or nothing, where a moment ago there was what we opened. */
export function isReplaced(error: unknown): boolean {
  const code = hostCode(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

/** Whether the host keeps us from a file, or from a folder on the way to it, by its mode. */
export function isDenied(error: unknown): boolean {
  return hostCode(error) === "EACCES";
}

/**
 * Whether an error is of the one file or folder that was looked at, so that the
 * others can be looked at all the same: neither "busy", where the host has no room
 * for any of them, nor a fault of ours.
 */
export function isOfOneFile(error: unknown): boolean {
  const code = FsError.from(error)?.code;
  return code !== undefined && code !== "busy";
}

/**
 * What the host threw as an {@linkcode FsError}; what the host did not throw is
 * a fault of ours and comes back as it is.
 */
export function toFsError(error: unknown): unknown {
  return FsError.from(error) ?? error;
}
