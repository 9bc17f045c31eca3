import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of LAYOUTGET. */
export interface LayoutgetArgs {
  /** To be told when one becomes available. */
  readonly signal: boolean;
  /** layouttype4. */
  readonly layoutType: number;
  /** layoutiomode4. */
  readonly ioMode: number;
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
  /** Fewest bytes that are of use. */
  readonly minimumLength: bigint;
  /** Open, lock, delegation or layout. */
  readonly stateid: Stateid;
  /** Largest answer in bytes. */
  readonly maxCount: number;
}

/** LAYOUTGET (RFC 8881 18.43). */
export const layoutget: Operation<LayoutgetArgs> = notSupported((xdr) => ({
  signal: xdr.bool(),
  layoutType: xdr.uint32(),
  ioMode: xdr.uint32(),
  offset: xdr.uint64(),
  length: xdr.uint64(),
  minimumLength: xdr.uint64(),
  stateid: readStateid(xdr),
  maxCount: xdr.uint32(),
}));
