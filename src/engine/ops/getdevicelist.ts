import { VERIFIER_SIZE } from "../../nfs4/constants.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of GETDEVICELIST. */
export interface GetdevicelistArgs {
  /** layouttype4. */
  readonly layoutType: number;
  /** Most device ids. */
  readonly maxDevices: number;
  /** Where to go on. */
  readonly cookie: bigint;
  /** Goes with the cookie. */
  readonly verifier: Uint8Array;
}

/** GETDEVICELIST (RFC 8881 18.41). */
export const getdevicelist: Operation<GetdevicelistArgs> = notSupported((
  xdr,
) => ({
  layoutType: xdr.uint32(),
  maxDevices: xdr.uint32(),
  cookie: xdr.uint64(),
  verifier: xdr.opaqueFixed(VERIFIER_SIZE),
}));
