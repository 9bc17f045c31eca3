import { Status, type StatusCode } from "../../nfs4/constants.ts";
import { dropState } from "../../state/client_release.ts";
import type { Client } from "../../state/client.ts";
import { endLapsed } from "../../state/lapsed.ts";
import type { HeldState } from "../../state/stateids.ts";
import { FsError } from "../../vfs/errors.ts";
import {
  recallDelegations,
  type RecallReason,
} from "../../state/delegations.ts";
import type { ShareUse } from "../../state/changes_under_way.ts";
import { forgetIfIdle } from "../../state/idle_owners.ts";
import { conflictingOpen } from "../../state/opens.ts";
import type { ServerState } from "../../state/server_state.ts";
import type { NotifyType } from "../../nfs4/notifications.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { CompoundContext } from "../context.ts";

/** States of ended clients that one COMPOUND clears away. */
const MAX_CLEARED = 256;
/** What it counts for to end a client, with all that it has. */
const END_COUNTS = 8;

/**
 * `held` is in the way. True when it is not any more: its client's lease had run
 * out, so that it was kept by courtesy only (RFC 8881 8.4.3, RFC 7530 9.6.3.1), or
 * its owner never confirmed what it had opened.
 */
export function giveWay(context: CompoundContext, held: HeldState): boolean {
  const { clock, state } = context.services;
  const { client } = held;
  if (held.isGone) {
    clearAway(context, held);
    return true;
  }
  // RFC 7530 16.18.5: an open that is not confirmed within a lease is cancelled.
  // No delegation is: it comes with opens that are confirmed.
  if (held.kind !== "delegation" && client.protocol === 0) {
    const before = clock.now() - state.lease.leaseMs;
    const { owner } = held.kind === "open" ? held : held.open;
    if (forgetIfIdle(state, owner, before)) {
      count(context, held, 1);
      return true;
    }
  }
  if (client === context.client) return false;
  if (!client.isGone && state.lease.isExpired(client)) {
    count(context, held, END_COUNTS);
  }
  return state.expireIfLapsed(client);
}

/**
 * Whether what a client holds would give way. A question that is no conflict
 * itself, as GETATTR or LOCKT, goes on as if it had, and takes nothing from a
 * client that may come back.
 */
export function wouldGiveWay(
  { client: own, services: { state } }: CompoundContext,
  client: Client,
): boolean {
  return client !== own && (client.isGone || state.lease.isExpired(client));
}

/**
 * What is left of an ended client or open is cleared away by and by; a request
 * that finds it in the way does that for it.
 */
function clearAway(context: CompoundContext, held: HeldState): void {
  count(context, held, 1);
  dropState(context.services.state, held);
}

/**
 * A request is put off with NFS4ERR_DELAY when what it has to clear is too much for
 * one; the rest is ended meanwhile.
 */
function count(
  context: CompoundContext,
  held: HeldState,
  states: number,
): void {
  const { state, effects } = context.services;
  if (context.cleared >= MAX_CLEARED) {
    effects.begin(endLapsed(state, held));
    throw new FsError("busy");
  }
  context.cleared += states;
}

/** Whether an open of a client whose lease holds forbids `access` or `deny` of a file. */
export function isShareDenied(
  context: CompoundContext,
  file: FileRef,
  { access, deny }: ShareUse,
): boolean {
  const { files } = context.services.state;
  while (true) {
    const open = conflictingOpen(files.get(file), access, deny);
    if (open === undefined) return false;
    if (!giveWay(context, open)) return true;
  }
}

/** What a request is about to do to a file, and in which operation. */
export interface FileUse {
  /** To its content, attributes, names or entries; only a write delegation forbids what is none. */
  readonly changes: boolean;
  /** Why a delegation is recalled. */
  readonly reason: RecallReason;
  /** What it needs of the file's shares, where no open of the file stands for it. */
  readonly shares?: ShareUse;
  /** What holders of a folder that asked for it are told of instead of being recalled. */
  readonly notice?: NotifyType;
}

/** The uses of a file that can be in conflict with a delegation (RFC 8881 10.4.4). */
export const FileUse = {
  OPEN: { changes: false, reason: "open" },
  OPEN_CHANGING: { changes: true, reason: "open" },
  READ: { changes: false, reason: "read" },
  WRITE: { changes: true, reason: "write" },
  GETATTR: { changes: false, reason: "getattr" },
  SETATTR: { changes: true, reason: "setattr" },
  CREATE: { changes: true, reason: "create" },
  XATTR: { changes: true, reason: "xattr" },
  REMOVE: { changes: true, reason: "remove" },
  RENAME: { changes: true, reason: "rename" },
  LINK: { changes: true, reason: "link" },
} as const satisfies Record<string, FileUse>;

/**
 * Recalls what delegations of a file are in conflict with the use; true while
 * one is out: the answer is NFS4ERR_DELAY (RFC 8881 10.4.4). The one place that
 * everything that could be in conflict asks; until the operation has ended no
 * other client gets one that would be. What the holder itself does is in no
 * conflict with its delegation, whichever of its owners it does it for
 * (RFC 8881 10.4.1, RFC 7530 10.4.1).
 */
export function recallConflicts(
  context: CompoundContext,
  file: FileRef,
  use: FileUse,
): boolean {
  const { services: { state, effects } } = context;
  const client = context.clientAt(file.key);
  if (use.changes) {
    context.noteChange(file, use.shares);
    noteInGrace(state, file, use);
  }
  if (state.files.delegations === 0) return false;
  const held = state.files.get(file);
  if (held === undefined) return false;
  for (const delegation of held.delegations.values()) {
    // A client that holds one for writing is alone with the file.
    if (!use.changes && delegation.type !== "write") return false;
    if (delegation.client === client) {
      if (use.changes) delegation.changesMade++;
      continue;
    }
    if (delegation.isTold(use.notice)) continue;
    if (giveWay(context, delegation)) continue;
    // Thousands may have one: no request waits while they are recalled.
    const { reason, notice } = use;
    const recalls = () =>
      recallDelegations(state, held, { client, reason, notice });
    if (!delegation.isRecalled) effects.begin(recalls());
    else state.files.policy.insist?.(delegation);
    // Its client may have had the time to return it already.
    if (held.delegations.get(delegation.client) === delegation) return true;
  }
  return false;
}

/**
 * The file may have a delegation that its holder is yet to reclaim, and what it
 * says of the file is true no longer then (RFC 8881 10.2.1). An OPEN of that time
 * is a reclaim itself, and changes nothing.
 */
function noteInGrace(
  { grace, files: { policy } }: ServerState,
  file: FileRef,
  { reason }: FileUse,
): void {
  if (reason !== "open" && grace.isActive) policy.changedInGrace?.(file);
}

/** The same as the status that it is answered with. */
export function checkDelegations(
  context: CompoundContext,
  file: FileRef,
  use: FileUse,
): StatusCode {
  return recallConflicts(context, file, use) ? Status.DELAY : Status.OK;
}
