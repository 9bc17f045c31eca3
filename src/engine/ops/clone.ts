import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of CLONE. */
export interface CloneArgs {
  /** State of the source, the saved filehandle. */
  readonly source: Stateid;
  /** State of the destination, the current filehandle. */
  readonly destination: Stateid;
  /** First byte of the source. */
  readonly sourceOffset: bigint;
  /** First byte of the destination. */
  readonly destinationOffset: bigint;
  /** Number of bytes; 0 is to the end. */
  readonly count: bigint;
}

/** CLONE (RFC 7862 15.13). */
export const clone: Operation<CloneArgs> = notSupported((xdr) => ({
  source: readStateid(xdr),
  destination: readStateid(xdr),
  sourceOffset: xdr.uint64(),
  destinationOffset: xdr.uint64(),
  count: xdr.uint64(),
}));
