import { constants } from "node:os";
import type { FsErrorCode } from "./errors.ts";

/** The one table from the names of POSIX to the file system's own. */
const CODES: Readonly<Record<string, FsErrorCode>> = {
  EACCES: "access",
  EPERM: "permission",
  ENOENT: "not-found",
  EEXIST: "exists",
  ENOTDIR: "not-directory",
  EISDIR: "is-directory",
  ENOTEMPTY: "not-empty",
  EINVAL: "invalid",
  EILSEQ: "invalid",
  ENAMETOOLONG: "name-too-long",
  ESTALE: "stale",
  EXDEV: "cross-device",
  EROFS: "read-only",
  ENOSPC: "no-space",
  EDQUOT: "quota",
  EFBIG: "too-big",
  EOVERFLOW: "too-big",
  EMLINK: "too-many-links",
  EOPNOTSUPP: "not-supported",
  ENOTSUP: "not-supported",
  ENOSYS: "not-supported",
  EBUSY: "busy",
  // A program that runs, for as long as it runs: a client that was told to try
  // again would hang.
  ETXTBSY: "access",
  EAGAIN: "busy",
  // Something is short that comes back: the client may try again.
  EMFILE: "busy",
  ENFILE: "busy",
  ENOMEM: "busy",
  EINTR: "busy",
  // What was opened, and not to be followed, has become a symlink.
  ELOOP: "stale",
  ENXIO: "wrong-type",
  ENODEV: "wrong-type",
  EIO: "io",
};

/** Names of `Deno.errors` that come without a name of POSIX. */
const CLASSES: Readonly<Record<string, FsErrorCode>> = {
  NotFound: "not-found",
  PermissionDenied: "access",
  // Deno's own permissions stand between us and the host.
  NotCapable: "access",
  AlreadyExists: "exists",
  NotADirectory: "not-directory",
  IsADirectory: "is-directory",
  FilesystemLoop: "stale",
  NotSupported: "not-supported",
  Busy: "busy",
  Interrupted: "busy",
  TimedOut: "busy",
  WouldBlock: "busy",
  UnexpectedEof: "io",
  WriteZero: "io",
};

/** What an error name of POSIX ("ENOENT") is here; "io" for those that have no word. */
export function codeOfErrno(name: string): FsErrorCode {
  return Object.hasOwn(CODES, name) ? CODES[name] : "io";
}

/** Names of this host's error numbers. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** The host's name of an error number ("ENOENT"). */
export function hostErrorName(errno: number): string | undefined {
  return NAMES.get(errno);
}

/** The host's name of an error ("ENOENT"), `undefined` for what has none. */
export function hostCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === "string") {
    // ERR_INVALID_ARG_TYPE and the like are mistakes of who called.
    return /^E(?!RR_)[A-Z0-9]+$/.test(code) ? code : undefined;
  }
  if (!(error instanceof Error)) return undefined;
  // Deno's own permissions stand between us and the host.
  if (error instanceof Deno.errors.NotCapable) return "EACCES";
  // Deno has names for some errors, and for the others this.
  const [, number] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  return number === undefined ? undefined : NAMES.get(Number(number)) ?? "EIO";
}

/** What something thrown says of itself: by its name or number, as Deno and Node have it, or its class. */
export function codeOfThrown(error: unknown): FsErrorCode | undefined {
  const host = hostCode(error);
  if (host !== undefined) return codeOfErrno(host);
  if (!(error instanceof Error) || "code" in error) return undefined;
  return Object.hasOwn(CLASSES, error.name) ? CLASSES[error.name] : undefined;
}
