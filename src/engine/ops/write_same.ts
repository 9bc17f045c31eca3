import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of WRITE_SAME. */
export interface WriteSameArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** stable_how4. */
  readonly stability: number;
  /** First byte. */
  readonly offset: bigint;
  /** Bytes of a block. */
  readonly blockSize: bigint;
  /** Number of blocks. */
  readonly blockCount: bigint;
  /** Where in a block its number goes. */
  readonly numberOffset: bigint;
  /** Number of the first block. */
  readonly firstNumber: number;
  /** Where in a block the pattern goes. */
  readonly patternOffset: bigint;
  /** The pattern, a view of the request. */
  readonly pattern: Uint8Array;
}

/** WRITE_SAME (RFC 7862 15.12). */
export const writeSame: Operation<WriteSameArgs> = notSupported((xdr) => ({
  stateid: readStateid(xdr),
  stability: xdr.uint32(),
  offset: xdr.uint64(),
  blockSize: xdr.uint64(),
  blockCount: xdr.uint64(),
  numberOffset: xdr.uint64(),
  firstNumber: xdr.uint32(),
  patternOffset: xdr.uint64(),
  pattern: xdr.opaque(xdr.remaining),
}));
