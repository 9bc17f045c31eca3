import {
  type NetworkLocation,
  readNetworkLocation,
} from "../../nfs4/network_location.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Source servers of a COPY that are read. */
const MAX_SERVERS = 64;

/** Arguments of COPY. */
export interface CopyArgs {
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
  /** To be done in order. */
  readonly consecutive: boolean;
  /** To be done before the answer. */
  readonly synchronous: boolean;
  /** Where the source is; none for the same server. */
  readonly servers: readonly NetworkLocation[];
}

/** COPY (RFC 7862 15.2). */
export const copy: Operation<CopyArgs> = notSupported<CopyArgs>((xdr) => ({
  source: readStateid(xdr),
  destination: readStateid(xdr),
  sourceOffset: xdr.uint64(),
  destinationOffset: xdr.uint64(),
  count: xdr.uint64(),
  consecutive: xdr.bool(),
  synchronous: xdr.bool(),
  servers: xdr.array(MAX_SERVERS, readNetworkLocation),
}));
