import {
  DEVICEID_SIZE,
  type LayoutUpdate,
  readLayoutUpdate,
} from "../../nfs4/layouts.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of LAYOUTSTATS. */
export interface LayoutstatsArgs {
  /** First byte. */
  readonly offset: bigint;
  /** Number of bytes. */
  readonly length: bigint;
  /** The layout. */
  readonly stateid: Stateid;
  /** READs sent. */
  readonly readCount: bigint;
  /** Bytes read. */
  readonly readBytes: bigint;
  /** WRITEs sent. */
  readonly writeCount: bigint;
  /** Bytes written. */
  readonly writeBytes: bigint;
  /** deviceid4. */
  readonly device: Uint8Array;
  /** What the layout type adds. */
  readonly update: LayoutUpdate;
}

/** LAYOUTSTATS (RFC 7862 15.7). */
export const layoutstats: Operation<LayoutstatsArgs> = notSupported((xdr) => ({
  offset: xdr.uint64(),
  length: xdr.uint64(),
  stateid: readStateid(xdr),
  readCount: xdr.uint64(),
  readBytes: xdr.uint64(),
  writeCount: xdr.uint64(),
  writeBytes: xdr.uint64(),
  device: xdr.opaqueFixed(DEVICEID_SIZE),
  update: readLayoutUpdate(xdr),
}));
