import { FsError } from "../../vfs/errors.ts";
import { codeOfErrno } from "../../vfs/errno.ts";

/** Numbers of Linux, the same on every architecture that Deno runs on. */
const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  18: "EXDEV",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  31: "EMLINK",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  39: "ENOTEMPTY",
  40: "ELOOP",
  75: "EOVERFLOW",
  84: "EILSEQ",
  95: "EOPNOTSUPP",
  116: "ESTALE",
  122: "EDQUOT",
};

/** The host's name of an error ("ENOENT"), `undefined` for what is not the host's. */
export function hostCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  // Deno's own permissions stand between us and the host.
  return error instanceof Deno.errors.NotCapable ? "EACCES" : undefined;
}

/** Whether the host found something else, or nothing, where a moment ago there was what we opened. */
export function isReplaced(error: unknown): boolean {
  const code = hostCode(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

/** An error number of a C call as an {@linkcode FsError}; `call` is for the log. */
export function errnoError(errno: number, call: string): FsError {
  const name = NAMES[errno] ?? `errno ${errno}`;
  return new FsError(codeOfErrno(name), `${call}: ${name}`);
}

/**
 * What the host threw as an {@linkcode FsError}; what the host did not throw is
 * a fault of ours and comes back as it is.
 */
export function toFsError(error: unknown): unknown {
  return FsError.from(error) ?? error;
}
