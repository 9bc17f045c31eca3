import { type Bitmap, readBitmap } from "../../nfs4/bitmap.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of IO_ADVISE. */
export interface IoAdviseArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
  /** IO_ADVISE4_* bits. */
  readonly hints: Bitmap;
}

/** IO_ADVISE (RFC 7862 15.5). */
export const ioAdvise: Operation<IoAdviseArgs> = notSupported((xdr) => ({
  stateid: readStateid(xdr),
  offset: xdr.uint64(),
  length: xdr.uint64(),
  hints: readBitmap(xdr),
}));
