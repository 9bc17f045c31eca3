import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { CompoundContext } from "./context.ts";

/**
 * What is answered, and counted, where a client has as much state as it may, or
 * the server as much as it can keep: what is given back makes room.
 */
export function atLimit(
  { minorVersion, services: { state } }: CompoundContext,
): StatusCode {
  state.budget.refusals++;
  // RFC 8881 15.1: NFSv4.1 has no NFS4ERR_RESOURCE.
  return minorVersion === 0 ? Status.RESOURCE : Status.DELAY;
}
