/**
 * NFSv4.0: open owners that hold nothing, or nothing confirmed. They are kept so
 * that a request sent again is known, but not for ever (RFC 7530 9.1.10, 16.18.5).
 *
 * @module
 */
import type { Client } from "./client.ts";
import type { LockingTables } from "./file_states.ts";
import { dropOpen, forgetClosed } from "./opens.ts";
import { type OpenOwner, removeOpenOwner } from "./owners.ts";

/** Beyond this many the longest idle ones go, whatever their age. */
const MAX_IDLE_OWNERS = 1024;

/** Notes after each request of an owner whether it is idle from now on. */
export function noteUse(
  tables: LockingTables,
  owner: OpenOwner,
  now: number,
): void {
  const { states } = owner.client;
  states.idleOwners.delete(owner);
  if (owner.opens > 0 && owner.isConfirmed) return;
  if (owner.opens === 0 && owner.sequence!.isNew) {
    removeOpenOwner(owner);
    return;
  }
  owner.idleSince = now;
  states.idleOwners.add(owner);
  if (states.idleOwners.size <= MAX_IDLE_OWNERS) return;
  for (const oldest of states.idleOwners) {
    if (oldest.sequence!.pending !== undefined) continue;
    return forgetOwner(tables, oldest);
  }
}

/** Forgets a client's owners that were idle already before a time; returns whether there was one. */
export function forgetIdleOwners(
  tables: LockingTables,
  client: Client,
  before: number,
): boolean {
  let found = false;
  for (const owner of client.states.idleOwners) {
    if (owner.idleSince >= before) break;
    if (owner.sequence!.pending !== undefined) continue;
    forgetOwner(tables, owner);
    found = true;
  }
  return found;
}

/** An unconfirmed owner starts anew: what it had is cancelled (RFC 7530 16.18.5). */
export function restartOwner(tables: LockingTables, owner: OpenOwner): void {
  if (owner.unconfirmed !== undefined) dropOpen(tables, owner.unconfirmed);
  owner.sequence!.reset();
}

function forgetOwner(tables: LockingTables, owner: OpenOwner): void {
  const { states } = owner.client;
  restartOwner(tables, owner);
  forgetClosed(tables, owner);
  states.idleOwners.delete(owner);
  removeOpenOwner(owner);
}
