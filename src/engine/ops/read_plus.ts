import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of READ_PLUS. */
export interface ReadPlusArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly count: number;
}

/** READ_PLUS (RFC 7862 15.10). */
export const readPlus: Operation<ReadPlusArgs> = notSupported((xdr) => ({
  stateid: readStateid(xdr),
  offset: xdr.uint64(),
  count: xdr.uint32(),
}));
