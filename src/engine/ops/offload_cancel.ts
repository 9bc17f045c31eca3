import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of OFFLOAD_CANCEL. */
export interface OffloadCancelArgs {
  /** The copy. */
  readonly stateid: Stateid;
}

/** OFFLOAD_CANCEL (RFC 7862 15.8). */
export const offloadCancel: Operation<OffloadCancelArgs> = notSupported((
  xdr,
) => ({
  stateid: readStateid(xdr),
}));
