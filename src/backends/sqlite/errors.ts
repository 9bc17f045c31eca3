import { hostCode } from "../../base/host_error.ts";
import { FsError, type FsErrorCode } from "../../vfs/mod.ts";

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const sqliteCodes: Readonly<Record<number, FsErrorCode>> = {
  /** SQLITE_READONLY */
  8: "read-only",
  /** SQLITE_IOERR */
  10: "io",
  /** SQLITE_CORRUPT: damage, or that the disk failed to read (SQLITE_IOERR_CORRUPTFS) */
  11: "io",
  /** SQLITE_FULL */
  13: "no-space",
  /** SQLITE_CANTOPEN */
  14: "io",
  /** SQLITE_NOTADB */
  26: "io",
};

/** What the host says of the store's own files: that one is missing, say, is no client's business. */
const hostCodes: Readonly<Record<string, FsErrorCode>> = {
  EEXIST: "exists",
  ENOSPC: "no-space",
  EDQUOT: "quota",
  EFBIG: "too-big",
  EROFS: "read-only",
  // The process has no room for it just now.
  EMFILE: "busy",
  ENFILE: "busy",
  ENOMEM: "busy",
};

/** What node:sqlite says of a number that no store has written. */
const TOO_LARGE = /^Value is too large/;

/** What SQLite or the host said, in the words of a file system; faults of ours stay what they are. */
export function fsErrorOf(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof FsError) return cause;
  const { errcode } = cause as { errcode?: number };
  if (errcode !== undefined) {
    // The low byte is the primary code, what is above tells more.
    const known = sqliteCodes[errcode & 0xff];
    return known ? new FsError(known, cause.message, { cause }) : cause;
  }
  if (cause instanceof RangeError && TOO_LARGE.test(cause.message)) {
    return new FsError("io", cause.message, { cause });
  }
  const code = hostCode(cause);
  if (code === undefined) return cause;
  return new FsError(hostCodes[code] ?? "io", cause.message, { cause });
}

/** Runs a call of SQLite or the host; its errors are a file system's. */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    return throwAsFsError(error);
  }
}

/** Throws what SQLite or the host said, in the words of a file system. */
export function throwAsFsError(cause: unknown): never {
  throw fsErrorOf(cause);
}
