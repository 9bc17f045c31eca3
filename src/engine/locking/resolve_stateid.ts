import { exhausted } from "../../base/exhausted.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { Stateid } from "../../nfs4/types.ts";
import type { HeldState } from "../../state/stateids.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CompoundContext } from "../context.ts";
import { callerIs, noteProof } from "./client_caller.ts";
import { type StateidPurpose, statusOfUnknown } from "./unknown_stateid.ts";

/** A stateid with a meaning of its own (RFC 8881 8.2.3, RFC 7530 9.1.4.3). */
export type SpecialStateid = "anonymous" | "bypass" | "current" | "invalid";

/** How {@linkcode resolveState} is to judge. */
export interface ResolveOptions {
  /** What the state is named for. */
  readonly purpose: StateidPurpose;
  /** The current stateid stands for its seqid too: CLOSE and OPEN_DOWNGRADE (RFC 8881 8.2.3). */
  readonly withSeqid?: boolean;
  /** NFSv4.0: an open that waits for OPEN_CONFIRM will do. */
  readonly unconfirmed?: boolean;
}

/** For what reads, writes, locks or opens by a state. */
export const TO_USE: ResolveOptions = { purpose: "use" };
/** For what gives a state back. */
export const TO_END: ResolveOptions = { purpose: "end" };

/** What a special stateid means; `undefined` for one that names a state. */
export function specialOf(
  { seqid, other }: Stateid,
): SpecialStateid | undefined {
  const byte = other[11];
  // No stateid of ours ends with these bytes.
  if (byte !== 0 && byte !== 0xff) return undefined;
  for (let i = 0; i < 11; i++) if (other[i] !== byte) return undefined;
  if (byte === 0xff) return seqid === 0xffff_ffff ? "bypass" : "invalid";
  return seqid === 0 ? "anonymous" : seqid === 1 ? "current" : "invalid";
}

/**
 * The state that a stateid names, or the status that its use is answered with
 * (RFC 8881 8.2.4, RFC 7530 9.1.4.4). Special stateids name none, but for the
 * current stateid of NFSv4.1. `file` is the one that it must belong to, where
 * that matters. In NFSv4.0 it tells who the client is, and renews its lease.
 */
export function resolveState(
  context: CompoundContext,
  stateid: Stateid,
  file: FileRef | undefined,
  options: ResolveOptions,
): HeldState | StatusCode {
  const { minorVersion, services: { state: server } } = context;
  let { seqid, other } = stateid;
  const special = specialOf(stateid);
  if (special !== undefined) {
    const { currentStateid } = context;
    // RFC 8881 8.2.3: what no operation has returned, or is special itself, can't be passed on.
    if (
      special !== "current" || minorVersion === 0 ||
      currentStateid === undefined || specialOf(currentStateid) !== undefined
    ) {
      return Status.BAD_STATEID;
    }
    other = currentStateid.other;
    seqid = options.withSeqid ? currentStateid.seqid : 0;
  }
  const state = server.stateids.find(other);
  if (state === undefined) {
    return statusOfUnknown(context, other, options.purpose);
  }
  const { client } = state;
  // RFC 8881 8.2.4: a stateid is good for the client of the session only.
  const foreign = minorVersion === 0
    ? client.protocol !== 0
    : client !== context.client;
  if (foreign) return Status.BAD_STATEID;
  if (file !== undefined && !isFile(state, file)) return Status.BAD_STATEID;
  if (state.revoked !== undefined) return state.revoked;
  if (!isUsable(state, options)) return Status.BAD_STATEID;
  // RFC 8881 8.2.2: 0 asks for the current one; RFC 7530 9.1.4.4: there it is an old one.
  if (seqid !== 0 || minorVersion === 0) {
    const status = state.checkSeqid(seqid);
    if (status !== Status.OK) return status;
  }
  if (minorVersion === 0) {
    noteProof(context, state);
    callerIs(context, client, state.file.file.key);
    // RFC 7530 9.5: an operation with a valid stateid renews.
    server.lease.renew(client);
  }
  return state;
}

/** An operation returns a stateid: it becomes the current one (RFC 8881 16.2.3.1.2). */
export function setCurrentStateid(
  context: CompoundContext,
  { seqid, other }: Stateid,
): void {
  if (context.minorVersion > 0) context.currentStateid = { seqid, other };
}

function isFile(state: HeldState, file: FileRef): boolean {
  const own = state.file.file;
  return own === file || own.key === file.key;
}

function isUsable(state: HeldState, options: ResolveOptions): boolean {
  switch (state.kind) {
    case "open":
      // RFC 7530 16.18.5: nothing can be valid about an open that is not confirmed.
      return !state.isClosed &&
        (state.owner.isConfirmed || options.unconfirmed === true);
    case "lock":
    case "delegation":
      return true;
    default:
      return exhausted(state);
  }
}
