import { hostCode } from "../base/host_error.ts";
import type { FsErrorCode } from "./errors.ts";

/** The one table from the names of POSIX to the file system's own. */
const CODES = new Map(Object.entries<FsErrorCode>({
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
  E2BIG: "xattr-too-big",
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
}));

/**
 * Names of `Deno.errors` that come without a name of POSIX. BadResource is none of
 * the host's: what was closed is used on, by mistake.
 */
const CLASSES: Readonly<Record<string, FsErrorCode>> = {
  NotFound: "not-found",
  PermissionDenied: "access",
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
  InvalidData: "io",
  // What a file system keeps elsewhere is out of its reach.
  AddrInUse: "io",
  AddrNotAvailable: "io",
  BrokenPipe: "io",
  ConnectionAborted: "io",
  ConnectionRefused: "io",
  ConnectionReset: "io",
  Http: "io",
  NetworkUnreachable: "io",
  NotConnected: "io",
};

/** What an error name of POSIX ("ENOENT") is here; "io" for those that have no word. */
function codeOfErrno(name: string): FsErrorCode {
  return CODES.get(name) ?? "io";
}

/** What something thrown says of itself: by its name or number, as Deno and Node have it, or its class. */
export function codeOfThrown(error: unknown): FsErrorCode | undefined {
  const host = hostCode(error);
  if (host !== undefined) return codeOfErrno(host);
  if (!(error instanceof Error) || "code" in error) return undefined;
  return Object.hasOwn(CLASSES, error.name) ? CLASSES[error.name] : undefined;
}
