import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { CompoundContext } from "./context.ts";

/** What is answered where a client has as much state as it may: what it gives back makes room. */
export function atLimit({ minorVersion }: CompoundContext): StatusCode {
  // RFC 8881 15.1: NFSv4.1 has no NFS4ERR_RESOURCE.
  return minorVersion === 0 ? Status.RESOURCE : Status.DELAY;
}
