import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of SEEK. */
export interface SeekArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** data_content4: data or hole. */
  readonly what: number;
}

/** SEEK (RFC 7862 15.11). */
export const seek: Operation<SeekArgs> = notSupported((xdr) => ({
  stateid: readStateid(xdr),
  offset: xdr.uint64(),
  what: xdr.uint32(),
}));
