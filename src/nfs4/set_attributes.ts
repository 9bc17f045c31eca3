import { XdrError } from "../xdr/error.ts";
import { XdrReader } from "../xdr/reader.ts";
import type { DecodedChanges } from "./attribute_decoders.ts";
import { ATTRIBUTES } from "./attributes.ts";
import type { SetPurpose } from "./attributes/row.ts";
import { type Bitmap, readBitmap } from "./bitmap.ts";
import { type MinorVersion, Status, type StatusCode } from "./constants.ts";

/** A fattr4 that is to be set. */
export interface SetAttributes {
  /** NFS4_OK, or why they can't be set, whatever file they are for. */
  readonly status: StatusCode;
  /** Which attributes they are. */
  readonly requested: Bitmap;
  /** Their values, when the status is NFS4_OK. */
  readonly changes: DecodedChanges;
}

/**
 * Reads the fattr4 of SETATTR, CREATE or OPEN. Throws XdrError when the values
 * are not what the bitmap says: too short, too long, or malformed.
 */
export function readSetAttributes(
  xdr: XdrReader,
  { minorVersion, purpose }: {
    readonly minorVersion: MinorVersion;
    readonly purpose: SetPurpose;
  },
): SetAttributes {
  const requested = readBitmap(xdr);
  const values = xdr.opaque(xdr.remaining);
  const changes: DecodedChanges = {};
  const settable = checkSettable(requested, minorVersion, purpose);
  // Values of attributes that we don't know can't be told apart.
  if (settable !== Status.OK) return { status: settable, requested, changes };
  const reader = new XdrReader(values);
  let status: StatusCode = Status.OK;
  for (const number of requested.numbers()) {
    const outcome = ATTRIBUTES[number]!.set!(reader, changes);
    if (status === Status.OK) status = outcome;
  }
  if (reader.remaining > 0) throw new XdrError("attribute values left over");
  return { status, requested, changes };
}

function checkSettable(
  requested: Bitmap,
  minorVersion: MinorVersion,
  purpose: SetPurpose,
): StatusCode {
  if (requested.beyond) return Status.ATTRNOTSUPP;
  let status: StatusCode = Status.OK;
  for (const number of requested.numbers()) {
    const row = ATTRIBUTES[number];
    // RFC 8881 5.2: an attribute that is not supported can't be set.
    if (row === undefined || (row.since ?? 0) > minorVersion) {
      return Status.ATTRNOTSUPP;
    }
    // RFC 8881 5.5: setting what can only be got is NFS4ERR_INVAL. So are
    // mode_set_masked in CREATE and OPEN, mode_umask elsewhere (RFC 8881 6.2.5,
    // RFC 8275 5).
    const { set, setOnlyFor = purpose } = row;
    if (!set || setOnlyFor !== purpose) status = Status.INVAL;
  }
  return status;
}
