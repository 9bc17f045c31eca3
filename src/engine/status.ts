import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../nfs4/constants.ts";
import { FsError, type FsErrorCode } from "../vfs/errors.ts";
import { XdrError } from "../xdr/error.ts";

const FS_STATUS: Readonly<Record<FsErrorCode, StatusCode>> = {
  "access": Status.ACCESS,
  "permission": Status.PERM,
  "not-found": Status.NOENT,
  "exists": Status.EXIST,
  "not-directory": Status.NOTDIR,
  "is-directory": Status.ISDIR,
  "not-empty": Status.NOTEMPTY,
  "wrong-type": Status.WRONG_TYPE,
  "invalid": Status.INVAL,
  "name-too-long": Status.NAMETOOLONG,
  "stale": Status.STALE,
  "cross-device": Status.XDEV,
  "read-only": Status.ROFS,
  "no-space": Status.NOSPC,
  "quota": Status.DQUOT,
  "too-big": Status.FBIG,
  "too-many-links": Status.MLINK,
  "no-xattr": Status.NOXATTR,
  "xattr-too-big": Status.XATTR2BIG,
  "not-supported": Status.NOTSUPP,
  "busy": Status.DELAY,
  "too-many-removed": Status.DELAY,
  "io": Status.IO,
};

/** The nfsstat4 of a file system's error in a minor version. */
function statusOfFsError(
  code: FsErrorCode,
  minorVersion: MinorVersion,
): StatusCode | undefined {
  // RFC 7530 13.1 has no NFS4ERR_WRONG_TYPE.
  if (code === "wrong-type" && minorVersion === 0) return Status.INVAL;
  // From a file system in plain JavaScript a code may be any word, as
  // "constructor".
  return Object.hasOwn(FS_STATUS, code) ? FS_STATUS[code] : undefined;
}

/**
 * The nfsstat4 of something thrown while an operation was carried out, or
 * `undefined` for a fault of ours that no code threw on purpose.
 */
export function statusOfError(
  error: unknown,
  minorVersion: MinorVersion,
): StatusCode | undefined {
  try {
    if (error instanceof XdrError) return Status.BADXDR;
    const known = FsError.from(error);
    return known && statusOfFsError(known.code, minorVersion);
  } catch {
    // A Proxy, say, that throws when it is looked at.
    return undefined;
  }
}

const NAMES = new Map<number, string>(
  Object.entries(Status).map((
    [name, code],
  ) => [code, code === 0 ? "NFS4_OK" : `NFS4ERR_${name}`]),
);

/**
 * The RFC's name of a status: "NFS4_OK", "NFS4ERR_NOENT"; a number that has
 * none stays a number.
 */
export function statusName(status: number): string {
  return NAMES.get(status) ?? String(status);
}
