import { codeOfThrown } from "./errno.ts";

/** What can go wrong in a file system, in its own words: POSIX names in lower case. */
export type FsErrorCode =
  /** The caller may not do this (EACCES). */
  | "access"
  /** Only the owner or root may do this (EPERM). */
  | "permission"
  /** No entry of that name (ENOENT). */
  | "not-found"
  /** The name is taken (EEXIST). */
  | "exists"
  /** A folder is needed (ENOTDIR). */
  | "not-directory"
  /** A folder was not expected (EISDIR). */
  | "is-directory"
  /** The folder has entries (ENOTEMPTY). */
  | "not-empty"
  /** The operation does not fit this type of file. */
  | "wrong-type"
  /** An argument makes no sense (EINVAL). */
  | "invalid"
  /** The name is longer than the file system allows (ENAMETOOLONG). */
  | "name-too-long"
  /** The node is gone (ESTALE). */
  | "stale"
  /** The two nodes are of different file systems (EXDEV). */
  | "cross-device"
  /** The file system can't be changed (EROFS). */
  | "read-only"
  /** No space left (ENOSPC). */
  | "no-space"
  /** Over the quota (EDQUOT). */
  | "quota"
  /** The file would be too big (EFBIG). */
  | "too-big"
  /** The node has too many links (EMLINK). */
  | "too-many-links"
  /** No extended attribute of that name (ENODATA of getxattr and its like). */
  | "no-xattr"
  /** The value of an extended attribute, or all of a file's together, would be too big (E2BIG). */
  | "xattr-too-big"
  /** The attribute or operation is not supported (ENOTSUP). */
  | "not-supported"
  /** Something else uses it; trying again later may help (EBUSY). */
  | "busy"
  /**
   * A file that a client has open can't lose its last name: too many such files are
   * kept, one of which has to be closed first (EBUSY). Clients whose lease has run
   * out give way.
   */
  | "too-many-removed"
  /** The device or service behind the file system failed (EIO). */
  | "io";

/**
 * The error that a {@linkcode FileSystem} throws on purpose. What the host throws
 * counts as the same (see {@linkcode FsError.from}). Anything else is a fault of
 * the file system: it is logged, and the client is told NFS4ERR_SERVERFAULT.
 */
export class FsError extends Error {
  /** The name of the class. */
  override readonly name = "FsError";
  /** What went wrong. */
  readonly code: FsErrorCode;

  /** `detail` is for the log; a client only ever sees the code. */
  constructor(code: FsErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? code : `${code}: ${detail}`, options);
    this.code = code;
  }

  /**
   * What was thrown as an FsError: itself where it is one, a `Deno.errors`
   * class or an error with a `code` of POSIX ("ENOENT", as Deno and Node set
   * it) by its meaning, "io" for names of POSIX that have no word here.
   * `undefined` for anything else, which was not thrown on purpose. The server
   * asks it of whatever a file system throws.
   */
  static from(error: unknown): FsError | undefined {
    try {
      if (error instanceof FsError) return error;
      const code = codeOfThrown(error);
      if (code === undefined) return undefined;
      const { message } = error as { message?: unknown };
      const detail = typeof message === "string" ? message : undefined;
      return new FsError(code, detail, { cause: error });
    } catch {
      // A Proxy, say, that throws when it is looked at.
      return undefined;
    }
  }
}
