import { type Steps, wait } from "../../../base/awaitable.ts";
import { Share, Status, type StatusCode } from "../../../nfs4/constants.ts";
import type { Client } from "../../../state/client.ts";
import { OPEN_MODES } from "../../../state/open_modes.ts";
import { addOpen, type OpenState } from "../../../state/opens.ts";
import { addOpenOwner, isGuestKey, OpenOwner } from "../../../state/owners.ts";
import type { FileRef } from "../../../vfs/file_handle.ts";
import { atLimit } from "../../status_at_limit.ts";
import {
  checkDelegations,
  FileUse,
  isShareDenied,
} from "../../locking/conflicts.ts";
import { changing, type ChangingContext } from "../../files/changing.ts";
import { errorOfNamed } from "../../files/named_file.ts";
import type { CompoundContext } from "../../context.ts";
import type { ProtocolLimits } from "../../limits.ts";
import type { OpenTarget } from "./target.ts";
import { unmake } from "./unmake.ts";

/** The client and owner that open, and how. */
export interface Opening {
  readonly client: Client;
  /** Key of its open owner, as `ownerNamed` makes it. */
  readonly ownerKey: string;
  /** OPEN4_SHARE_ACCESS_READ, _WRITE or both. */
  readonly access: number;
  /** OPEN4_SHARE_DENY_* */
  readonly deny: number;
  /** What was held before the server started: a conflict is its own status. */
  readonly reclaim: boolean;
}

/**
 * Opens a file: the shares are checked, the file system is told, and then, in
 * one step without waiting, the owner has the file open. The state may have
 * changed while the file system was busy, so it is checked again in that step.
 * Where it can't be opened, a file that this OPEN has made is taken back.
 */
export function* establish(
  context: ChangingContext<"sometimes">,
  opening: Opening,
  target: OpenTarget,
): Steps<OpenState | StatusCode> {
  const { file, named, truncate, judged } = target;
  const { fs } = file.export;
  let open: OpenState | undefined;
  try {
    let status = check(context, opening, target);
    if (status !== Status.OK) return status;
    const mode = fs.open === undefined
      ? 0
      : modeToOpen(context, opening, target);
    if (mode !== 0) yield* wait(fs.open!(file.node, OPEN_MODES[mode]!));
    try {
      if (truncate !== undefined) {
        const fs = changing(context, file);
        yield* wait(fs.setattr!(file.node, truncate, judged));
      }
      // Others may have had their turns meanwhile.
      const hasAsked = mode !== 0 || truncate !== undefined;
      if (hasAsked) status = check(context, opening, target);
      if (status !== Status.OK) return status;
      open = register(context, opening, target);
      return open;
    } finally {
      // The owner's open may have got the mode from another request meanwhile.
      if (mode !== 0 && !open?.noteFsOpen(mode) && fs.close !== undefined) {
        const { effects } = context.services;
        effects.defer(() => fs.close!(file.node, OPEN_MODES[mode]!));
      }
    }
  } catch (error) {
    if (named === undefined) throw error;
    throw yield* errorOfNamed(context, error, { file, ...named });
  } finally {
    if (open === undefined) yield* unmake(context, target);
  }
}

/** Whether nothing stands in the way. */
function check(
  context: CompoundContext,
  opening: Opening,
  { file, truncate }: OpenTarget,
): StatusCode {
  const { client, access, deny, reclaim } = opening;
  if (client.isGone) return Status.EXPIRED;
  const isFull = hasAllOpens(opening, context.services.limits);
  if (isFull && ownOpen(context, opening, file) === undefined) {
    return atLimit(context);
  }
  const used = truncate ? access | Share.ACCESS_WRITE : access;
  const shares = { access: used, deny };
  if (isShareDenied(context, file, shares)) {
    return reclaim ? Status.RECLAIM_CONFLICT : Status.SHARE_DENIED;
  }
  if (context.isBeingChanged(file, shares)) return Status.DELAY;
  // RFC 8881 18.16.4: what a read delegation can't stand.
  const changes = (used & Share.ACCESS_WRITE) !== 0 ||
    (deny & Share.DENY_READ) !== 0;
  if (!changes) return checkDelegations(context, file, FileUse.OPEN);
  // Cut by an OPEN that is refused in the end, the file would have lost its content for nothing.
  const use = truncate
    ? { ...FileUse.OPEN_CHANGING, shares }
    : FileUse.OPEN_CHANGING;
  return checkDelegations(context, file, use);
}

/** Whether a client, or its guests, have as many opens as they may, or no memory for another. */
export function hasAllOpens(
  { client: { states, account }, ownerKey }: Pick<
    Opening,
    "client" | "ownerKey"
  >,
  { maxOpensPerClient }: ProtocolLimits,
): boolean {
  const { opens } = states.countsFor(isGuestKey(ownerKey));
  return opens >= maxOpensPerClient || account.isFull;
}

/** What the file system must be told of, beyond what the owner has open. */
function modeToOpen(
  context: CompoundContext,
  opening: Opening,
  { file }: OpenTarget,
): number {
  const { access } = opening;
  return ownOpen(context, opening, file)?.notOpenFor(access) ?? access;
}

/** The open of the file that the owner has already. */
function ownOpen(
  { services: { state } }: CompoundContext,
  { client, ownerKey }: Opening,
  file: FileRef,
): OpenState | undefined {
  const owner = client.states.openOwners.get(ownerKey);
  return owner && state.files.get(file)?.opens.get(owner);
}

/** Notes the open: a new one, or more of the one that the owner has (RFC 8881 18.16.3). */
function register(
  context: CompoundContext,
  { client, ownerKey, access, deny }: Opening,
  { file }: OpenTarget,
): OpenState {
  const { state } = context.services;
  let owner = client.states.openOwners.get(ownerKey);
  if (owner === undefined) {
    owner = new OpenOwner(client, ownerKey, context.credential.principal);
    addOpenOwner(owner);
  }
  const { uid } = context.callerOf(file);
  const held = state.files.obtain(file, client);
  let open = held.opens.get(owner);
  if (open === undefined) {
    open = addOpen(state, { owner, file: held, uid });
  } else {
    open.bump();
    open.checkedFor(uid);
  }
  open.share(access, deny);
  return open;
}
