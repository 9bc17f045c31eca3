/**
 * Pieces of the arguments of pNFS operations (RFC 8881 3.3, 18.44).
 *
 * @module
 */

import { XdrError } from "../xdr/error.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { readStateid, type Stateid } from "./types.ts";

/** Bytes of a deviceid4, NFS4_DEVICEID4_SIZE (RFC 8881 3.3.14). */
export const DEVICEID_SIZE = 16;

/** layoutupdate4 (RFC 8881 3.3.18). */
export interface LayoutUpdate {
  /** layouttype4. */
  readonly type: number;
  /** What the layout type says it is; a view of the message. */
  readonly body: Uint8Array;
}

/** Reads a layoutupdate4. */
export function readLayoutUpdate(xdr: XdrReader): LayoutUpdate {
  return { type: xdr.uint32(), body: xdr.opaque(xdr.remaining) };
}

/** layoutreturn_file4 (RFC 8881 18.44.1). */
export interface LayoutReturn {
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
  /** The layout. */
  readonly stateid: Stateid;
  /** What the layout type says it is; a view of the message. */
  readonly body: Uint8Array;
}

const RETURN_FILE = 1;
const RETURN_ALL = 3;

/** Reads a layoutreturn4; `undefined` for LAYOUTRETURN4_FSID and LAYOUTRETURN4_ALL. */
export function readLayoutReturn(xdr: XdrReader): LayoutReturn | undefined {
  const type = xdr.discriminant(RETURN_ALL);
  if (type < RETURN_FILE) throw new XdrError(`layoutreturn_type4 is ${type}`);
  if (type !== RETURN_FILE) return undefined;
  return {
    offset: xdr.uint64(),
    length: xdr.uint64(),
    stateid: readStateid(xdr),
    body: xdr.opaque(xdr.remaining),
  };
}
