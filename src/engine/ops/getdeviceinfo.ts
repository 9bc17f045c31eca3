import { type Bitmap, readBitmap } from "../../nfs4/bitmap.ts";
import { DEVICEID_SIZE } from "../../nfs4/layouts.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of GETDEVICEINFO. */
export interface GetdeviceinfoArgs {
  /** deviceid4. */
  readonly device: Uint8Array;
  /** layouttype4. */
  readonly layoutType: number;
  /** Largest answer in bytes. */
  readonly maxCount: number;
  /** notify_deviceid_type4 bits. */
  readonly notifications: Bitmap;
}

/** GETDEVICEINFO (RFC 8881 18.40). */
export const getdeviceinfo: Operation<GetdeviceinfoArgs> = notSupported((
  xdr,
) => ({
  device: xdr.opaqueFixed(DEVICEID_SIZE),
  layoutType: xdr.uint32(),
  maxCount: xdr.uint32(),
  notifications: readBitmap(xdr),
}));
