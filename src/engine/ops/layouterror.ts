import { DEVICEID_SIZE } from "../../nfs4/layouts.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Errors of one LAYOUTERROR that are read. */
const MAX_ERRORS = 256;

/** device_error4 (RFC 7862 15.6.1). */
export interface DeviceError {
  /** deviceid4. */
  readonly device: Uint8Array;
  /** nfsstat4 that the device answered. */
  readonly status: number;
  /** Number of the operation that failed. */
  readonly operation: number;
}

/** Arguments of LAYOUTERROR. */
export interface LayouterrorArgs {
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
  /** The layout. */
  readonly stateid: Stateid;
  /** What went wrong where. */
  readonly errors: readonly DeviceError[];
}

/** LAYOUTERROR (RFC 7862 15.6). */
export const layouterror: Operation<LayouterrorArgs> = notSupported<
  LayouterrorArgs
>((xdr) => ({
  offset: xdr.uint64(),
  length: xdr.uint64(),
  stateid: readStateid(xdr),
  errors: xdr.array(MAX_ERRORS, readDeviceError),
}));

function readDeviceError(xdr: XdrReader): DeviceError {
  return {
    device: xdr.opaqueFixed(DEVICEID_SIZE),
    status: xdr.uint32(),
    operation: xdr.uint32(),
  };
}
