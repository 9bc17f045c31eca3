import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { CompoundContext } from "../context.ts";

/**
 * What an operation names a state for: to read, write, lock or open a file by it;
 * to reclaim something under it; to give a part of it back, or all of it; to ask
 * whether it is there.
 */
export type StateidPurpose = "use" | "reclaim" | "reduce" | "end" | "test";

/**
 * RFC 8881 8.4.2.1: while a client reclaims, what it had before the restart is
 * not lost yet, and NFS4ERR_BAD_STATEID would make the client give it up. Where
 * 15.2 knows no NFS4ERR_GRACE, waiting is NFS4ERR_DELAY. A client that gives all
 * of a state back waits for nothing: gone is what it was to be. Nor does one that
 * reclaims under a state that it has not reclaimed.
 */
const YET_TO_RECLAIM: Readonly<Partial<Record<StateidPurpose, StatusCode>>> = {
  use: Status.GRACE,
  reduce: Status.DELAY,
};

/** What the use of a stateid is answered with whose `other` names no state. */
export function statusOfUnknown(
  { client, minorVersion, services: { state } }: CompoundContext,
  other: Uint8Array,
  purpose: StateidPurpose,
): StatusCode {
  const { grace, stateids } = state;
  // RFC 7530 9.1.4: NFSv4.1 has neither of these two, its sessions end instead.
  if (minorVersion === 0) {
    if (stateids.isOfOtherBoot(other)) return Status.STALE_STATEID;
    return stateids.isLost(other) ? Status.EXPIRED : Status.BAD_STATEID;
  }
  const isYetToReclaim = client !== undefined && grace.mayReclaim(client) &&
    stateids.isOfOtherBoot(other);
  const waits = isYetToReclaim ? YET_TO_RECLAIM[purpose] : undefined;
  return waits ?? Status.BAD_STATEID;
}
