import { type LayoutUpdate, readLayoutUpdate } from "../../nfs4/layouts.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of LAYOUTCOMMIT. */
export interface LayoutcommitArgs {
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
  /** After a restart of the server. */
  readonly reclaim: boolean;
  /** The layout. */
  readonly stateid: Stateid;
  /** Last byte written. */
  readonly lastWriteOffset: bigint | undefined;
  /** New time_modify. */
  readonly timeModify: {
    readonly seconds: bigint;
    readonly nanoseconds: number;
  } | undefined;
  /** What the layout type adds. */
  readonly update: LayoutUpdate;
}

/** LAYOUTCOMMIT (RFC 8881 18.42). */
export const layoutcommit: Operation<LayoutcommitArgs> = notSupported((
  xdr,
) => ({
  offset: xdr.uint64(),
  length: xdr.uint64(),
  reclaim: xdr.bool(),
  stateid: readStateid(xdr),
  lastWriteOffset: xdr.optional((xdr) => xdr.uint64()),
  timeModify: xdr.optional((xdr) => ({
    seconds: xdr.int64(),
    nanoseconds: xdr.uint32(),
  })),
  update: readLayoutUpdate(xdr),
}));
