import {
  type NetworkLocation,
  readNetworkLocation,
} from "../../nfs4/network_location.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of COPY_NOTIFY. */
export interface CopyNotifyArgs {
  /** State of the source, the saved filehandle. */
  readonly source: Stateid;
  /** Where it will be copied to. */
  readonly server: NetworkLocation;
}

/** COPY_NOTIFY (RFC 7862 15.3). */
export const copyNotify: Operation<CopyNotifyArgs> = notSupported((xdr) => ({
  source: readStateid(xdr),
  server: readNetworkLocation(xdr),
}));
