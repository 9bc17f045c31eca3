import type { Awaitable } from "../../base/awaitable.ts";
import { exhausted } from "../../base/exhausted.ts";
import {
  isStatus,
  Share,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import type { Stateid } from "../../nfs4/types.ts";
import type { HeldState } from "../../state/stateids.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { RIGHTS, type Rights } from "../../vfs/wanted.ts";
import { FileUse, isShareDenied, recallConflicts } from "./conflicts.ts";
import type { CompoundContext } from "../context.ts";
import { checkContent, checkRegular } from "../files/file_access.ts";
import { resolveState, specialOf, TO_USE } from "./resolve_stateid.ts";
import { attributesOf } from "../files/attributes_of.ts";

/**
 * The user whose permissions for reading or writing were checked when the state
 * came to be; -1 for several. A delegation that came with an OPEN for writing
 * alone is good for what its user had written when the file got another owner.
 */
function userOf(state: HeldState, needed: number): number {
  switch (state.kind) {
    case "open":
      return state.uid;
    case "lock":
      return state.open.uid;
    case "delegation":
      return (state.checked & needed) !== 0 ? state.uid : -1;
    default:
      return exhausted(state);
  }
}

function accessOf(state: HeldState): number {
  switch (state.kind) {
    case "open":
      return state.access;
    case "lock":
      return state.open.access;
    case "delegation":
      return state.type === "write" ? Share.ACCESS_BOTH : Share.ACCESS_READ;
    default:
      return exhausted(state);
  }
}

function checkSpecial(
  context: CompoundContext,
  file: FileRef,
  { write, bypass }: { readonly write: boolean; readonly bypass: boolean },
): StatusCode {
  const access = write ? Share.ACCESS_WRITE : Share.ACCESS_READ;
  const shares = { access, deny: Share.DENY_NONE };
  // RFC 8881 18.22.3: all ones reads past every lock; 18.32.3: it writes like all zeros.
  if (!bypass || write) {
    // RFC 8881 8.4.2.1, RFC 7530 9.6.2: the file may be about to be reclaimed.
    if (context.services.state.grace.isActive) return Status.GRACE;
    // RFC 8881 8.2.3 and 15.1.8.7: an open that denies it denies it here too.
    if (isShareDenied(context, file, shares)) return Status.LOCKED;
    if (context.isBeingChanged(file, shares)) return Status.DELAY;
  }
  const use = write ? { ...FileUse.WRITE, shares } : FileUse.READ;
  const conflict = recallConflicts(context, file, use);
  return conflict ? Status.DELAY : Status.OK;
}

/**
 * Whether the caller may READ or WRITE a file, the current filehandle unless it is
 * said to be the saved one, with a stateid (RFC 8881 8.2.5): an open, a lock, a delegation, or one that stands for none.
 * RFC 8881 18.16.4 wants the permissions of each request checked: those of the
 * user that OPEN was for have been, so only others cost a look at the file. That
 * look comes before all else: who may not do it takes nothing from other clients.
 */
export function authorizeIo(
  context: CompoundContext,
  stateid: Stateid,
  use: "read" | "write",
  file: FileRef = context.file,
): Awaitable<StatusCode> {
  const write = use === "write";
  const special = specialOf(stateid);
  if (special === "anonymous" || special === "bypass") {
    const bypass = special === "bypass";
    return ifPermitted(
      context,
      { file, write },
      () => checkSpecial(context, file, { write, bypass }),
    );
  }
  const state = resolveState(context, stateid, file, TO_USE);
  if (isStatus(state)) return state;
  const needed = write ? Share.ACCESS_WRITE : Share.ACCESS_READ;
  // RFC 8881 8.2.5, RFC 7530 9.1.6: opened for what is done now.
  if ((accessOf(state) & needed) === 0) {
    if (write) return Status.OPENMODE;
    return ifPermitted(
      context,
      { file, write },
      () => checkReadAround(context, file),
    );
  }
  // Its client may close it before the file system has written.
  if (write) context.noteChange(file);
  if (userOf(state, needed) === context.callerOf(file).uid) return Status.OK;
  return ifPermitted(context, { file, write }, () => Status.OK);
}

/**
 * RFC 8881 9.1.2, RFC 7530 9.1.6: clients read around what they write, so an open
 * for writing may be read under where no other open denies it.
 */
function checkReadAround(context: CompoundContext, file: FileRef): StatusCode {
  const shares = { access: Share.ACCESS_READ, deny: Share.DENY_NONE };
  return isShareDenied(context, file, shares) ? Status.OPENMODE : Status.OK;
}

/** What is done to which file. */
interface ContentUse {
  readonly file: FileRef;
  readonly write: boolean;
}

/** What `otherwise` says, of a caller who has the right to read or write the file. */
function ifPermitted(
  context: CompoundContext,
  use: ContentUse,
  otherwise: () => StatusCode,
): Awaitable<StatusCode> {
  const judge = (attributes: Rights) => {
    const status = checkCaller(context, use, attributes);
    return status === Status.OK ? otherwise() : status;
  };
  const attributes = attributesOf(use.file, RIGHTS);
  return attributes instanceof Promise
    ? attributes.then(judge)
    : judge(attributes);
}

function checkCaller(
  context: CompoundContext,
  { file, write }: ContentUse,
  attributes: Rights,
): StatusCode {
  const status = checkRegular(attributes.type, context.minorVersion);
  if (status !== Status.OK) return status;
  const caller = context.callerOf(file);
  return checkContent(attributes, caller, { write, ownerAlways: true });
}
