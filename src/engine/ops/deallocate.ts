import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of DEALLOCATE. */
export interface DeallocateArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
}

/** DEALLOCATE (RFC 7862 15.4). */
export const deallocate: Operation<DeallocateArgs> = notSupported((xdr) => ({
  stateid: readStateid(xdr),
  offset: xdr.uint64(),
  length: xdr.uint64(),
}));
