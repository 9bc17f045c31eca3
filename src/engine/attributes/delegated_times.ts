import { type Steps, wait } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Stateid } from "../../nfs4/types.ts";
import type { FileTimes, HeldAttributes } from "../../state/delegations.ts";
import type { AttributeChanges, Timestamp } from "../../vfs/file_system.ts";
import type { CompoundContext } from "../context.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import { resolveState, TO_USE } from "../locking/resolve_stateid.ts";

/** Times of a file that are to be what they say. */
export type NewTimes = Pick<AttributeChanges, "atime" | "mtime">;

/** Those that a holder speaks of. */
export type ClaimedTimes = Pick<HeldAttributes, "atime" | "mtime">;

/**
 * What is believed of the times that the holder of a delegation claims: none from
 * before it was granted, which changes nothing, and none of the future, which is now
 * (RFC 9754).
 */
export function believedTimes(
  { services: { wallClock } }: CompoundContext,
  claimed: ClaimedTimes,
  since: FileTimes,
): NewTimes {
  const now = wallClock();
  const believed = (
    time: Timestamp | undefined,
    before: Timestamp,
  ): Timestamp | "now" | undefined => {
    if (time === undefined || !isLater(time, before)) return undefined;
    return millisecondsOf(time) > now ? "now" : time;
  };
  return {
    atime: believed(claimed.atime, since.atime),
    mtime: believed(claimed.mtime, since.mtime),
  };
}

/**
 * What becomes of time_deleg_access and time_deleg_modify in a SETATTR under a
 * delegation; NFS4ERR_BAD_STATEID where that does not let its holder say what they
 * are. It takes the right to write the file and no more, as what was written has set
 * them.
 */
export function* timesOfHolder(
  context: CompoundContext,
  stateid: Stateid,
  claimed: ClaimedTimes,
): Steps<NewTimes | StatusCode> {
  const state = resolveState(context, stateid, context.file, TO_USE);
  if (isStatus(state)) return state;
  if (state.kind !== "delegation" || state.times === undefined) {
    return Status.BAD_STATEID;
  }
  const { times } = state;
  const status = yield* wait(authorizeIo(context, stateid, "write"));
  return status === Status.OK ? believedTimes(context, claimed, times) : status;
}

function isLater(a: Timestamp, b: Timestamp): boolean {
  return a.seconds > b.seconds ||
    a.seconds === b.seconds && a.nanoseconds > b.nanoseconds;
}

function millisecondsOf({ seconds, nanoseconds }: Timestamp): number {
  return seconds * 1000 + nanoseconds / 1_000_000;
}
