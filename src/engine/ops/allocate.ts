import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of ALLOCATE. */
export interface AllocateArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
}

/** ALLOCATE (RFC 7862 15.1). */
export const allocate: Operation<AllocateArgs> = notSupported((xdr) => ({
  stateid: readStateid(xdr),
  offset: xdr.uint64(),
  length: xdr.uint64(),
}));
