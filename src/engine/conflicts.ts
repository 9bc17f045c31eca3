import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { Client } from "../state/client.ts";
import type { Delegation } from "../state/delegations.ts";
import { forgetIdleOwners } from "../state/idle_owners.ts";
import { conflictingOpen } from "../state/opens.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { CompoundContext } from "./context.ts";

/**
 * Somebody's state is in the way. True when it is worth another look: its
 * client's lease had run out, which was only a courtesy as long as nobody minded
 * (RFC 8881 8.4.3, RFC 7530 9.6.3.1), or its owner never confirmed it.
 */
export function giveWay(context: CompoundContext, client: Client): boolean {
  const { clock, state } = context.services;
  const before = clock.now() - state.lease.leaseMs;
  // RFC 7530 16.18.5: an open that is not confirmed within a lease is cancelled.
  if (client.protocol === 0 && forgetIdleOwners(state, client, before)) {
    return true;
  }
  return client !== context.client && state.expireIfLapsed(client);
}

/** Whether an open of somebody who is there forbids `access` or `deny` of a file. */
export function isShareDenied(
  context: CompoundContext,
  file: FileRef,
  { access, deny }: { readonly access: number; readonly deny: number },
): boolean {
  const { files } = context.services.state;
  while (true) {
    const open = conflictingOpen(files.get(file), access, deny);
    if (open === undefined) return false;
    if (!giveWay(context, open.client)) return true;
  }
}

/**
 * What somebody is about to do to a file: "read" it, or "change" it, its names
 * included. A read delegation stands the former, a write delegation neither.
 */
export type FileUse = "read" | "change";

/**
 * Recalls what other clients' delegations of a file are in conflict with the
 * use; true while one is out: the answer is NFS4ERR_DELAY (RFC 8881 10.4.4). The
 * one place that everything that could be in conflict asks.
 */
export function recallConflicts(
  context: CompoundContext,
  file: FileRef,
  use: FileUse,
): boolean {
  const { files } = context.services.state;
  if (files.delegations === 0) return false;
  let standing = false;
  for (const delegation of [...files.get(file)?.delegations ?? []]) {
    if (!isInConflict(delegation, use, context.client)) continue;
    if (giveWay(context, delegation.client)) continue;
    standing = true;
    if (delegation.isRecalled) continue;
    delegation.isRecalled = true;
    files.policy.recall(delegation);
  }
  return standing;
}

/** The same as the status that it is answered with. */
export function checkDelegations(
  context: CompoundContext,
  file: FileRef,
  use: FileUse,
): StatusCode {
  return recallConflicts(context, file, use) ? Status.DELAY : Status.OK;
}

function isInConflict(
  delegation: Delegation,
  use: FileUse,
  client: Client | undefined,
): boolean {
  return delegation.client !== client && delegation.revoked === undefined &&
    (use === "change" || delegation.type === "write");
}
