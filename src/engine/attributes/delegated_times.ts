import { type Steps, wait } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Stateid } from "../../nfs4/types.ts";
import type { FileTimes, HeldAttributes } from "../../state/delegations.ts";
import type { AttributeChanges, Timestamp } from "../../vfs/file_system.ts";
import { refuseChanges } from "../../vfs/permissions.ts";
import { rightsAnd } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "../files/attributes_of.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import { resolveState, TO_USE } from "../locking/resolve_stateid.ts";

const RIGHTS_AND_TIMES = rightsAnd("atime", "mtime");

/** Times of a file that are to be what they say. */
export type NewTimes = Pick<AttributeChanges, "atime" | "mtime">;

/** Those that a holder speaks of. */
export type ClaimedTimes = Pick<HeldAttributes, "atime" | "mtime">;

/**
 * What is believed of the times that the holder of a delegation claims (RFC 9754): of
 * the future none, which is now; and of before it was granted, which changes nothing,
 * only those of a user that may set the file's times to anything: Linux tells so, too,
 * what utimensat(2) has set.
 */
export function believedTimes(
  { services: { wallClock } }: CompoundContext,
  claimed: ClaimedTimes,
  { since, mayBackdate }: {
    readonly since: FileTimes;
    readonly mayBackdate: boolean;
  },
): NewTimes {
  const now = wallClock();
  const believed = (
    time: Timestamp | undefined,
    before: Timestamp,
  ): Timestamp | "now" | undefined => {
    if (time === undefined) return undefined;
    if (!mayBackdate && !isLater(time, before)) return undefined;
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
 * are. It takes the right to write the file, as what was written has set them.
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
  const since = state.times;
  const status = yield* wait(authorizeIo(context, stateid, "write"));
  if (status !== Status.OK) return status;
  const { file } = context;
  const known = yield* wait(attributesOf(file, RIGHTS_AND_TIMES));
  const caller = context.callerOf(file);
  const mayBackdate = refuseChanges(known, caller, claimed) === undefined;
  const { atime, mtime } = believedTimes(context, claimed, {
    since,
    mayBackdate,
  });
  // What is as it was is no change for other clients to see.
  return {
    atime: isSame(atime, known.atime) ? undefined : atime,
    mtime: isSame(mtime, known.mtime) ? undefined : mtime,
  };
}

function isSame(time: NewTimes["mtime"], known: Timestamp): boolean {
  return typeof time === "object" && time.seconds === known.seconds &&
    time.nanoseconds === known.nanoseconds;
}

function isLater(a: Timestamp, b: Timestamp): boolean {
  return a.seconds > b.seconds ||
    a.seconds === b.seconds && a.nanoseconds > b.nanoseconds;
}

function millisecondsOf({ seconds, nanoseconds }: Timestamp): number {
  return seconds * 1000 + nanoseconds / 1_000_000;
}
