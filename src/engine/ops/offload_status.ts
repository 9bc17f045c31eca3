import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of OFFLOAD_STATUS. */
export interface OffloadStatusArgs {
  /** The copy. */
  readonly stateid: Stateid;
}

/** OFFLOAD_STATUS (RFC 7862 15.9). */
export const offloadStatus: Operation<OffloadStatusArgs> = notSupported((
  xdr,
) => ({
  stateid: readStateid(xdr),
}));
