/**
 * NFSv4.0: open owners that hold nothing, or nothing confirmed. They are kept so
 * that a request sent again is known, but not for ever (RFC 7530 9.1.10, 16.18.5).
 *
 * @module
 */
import type { Client } from "./client.ts";
import type { Piecework } from "./effects.ts";
import type { LockingTables } from "./file_states.ts";
import { dropOpen, forgetClosed } from "./opens.ts";
import { type OpenOwner, removeOpenOwner } from "./owners.ts";

/** Beyond this many of a client the longest idle ones go, whatever their age; of its guests too. */
const MAX_IDLE_OWNERS = 1024;

/** Notes after each request of an owner whether it is idle from now on. */
export function noteUse(
  tables: LockingTables,
  owner: OpenOwner,
  now: number,
): void {
  const idle = idleWith(owner);
  idle.delete(owner);
  if (owner.opens > 0 && owner.isConfirmed) return;
  if (owner.opens === 0 && owner.sequence!.isNew) {
    removeOpenOwner(owner);
    return;
  }
  owner.idleSince = now;
  idle.add(owner);
  if (idle.size <= MAX_IDLE_OWNERS) return;
  for (const oldest of idle) {
    if (oldest.sequence!.pending !== undefined) continue;
    return forgetOwner(tables, oldest);
  }
}

/** Forgets a client's owners that were idle already before a time, one after the other. */
export function* forgetIdleOwners(
  tables: LockingTables,
  { states }: Client,
  before: number,
): Piecework {
  for (const idle of [states.idleOwners, states.guests.idleOwners]) {
    for (const owner of idle) {
      if (owner.idleSince >= before) break;
      if (forgetIfIdle(tables, owner, before)) yield 1;
    }
  }
}

/** Forgets an owner that was idle already before a time; returns whether it was. */
export function forgetIfIdle(
  tables: LockingTables,
  owner: OpenOwner,
  before: number,
): boolean {
  const isIdle = idleWith(owner).has(owner) && owner.idleSince < before &&
    owner.sequence!.pending === undefined;
  if (isIdle) forgetOwner(tables, owner);
  return isIdle;
}

/** An unconfirmed owner starts anew: what it had is cancelled (RFC 7530 16.18.5). */
export function restartOwner(tables: LockingTables, owner: OpenOwner): void {
  if (owner.unconfirmed !== undefined) dropOpen(tables, owner.unconfirmed);
  owner.sequence!.reset();
}

function forgetOwner(tables: LockingTables, owner: OpenOwner): void {
  restartOwner(tables, owner);
  forgetClosed(tables, owner);
  idleWith(owner).delete(owner);
  removeOpenOwner(owner);
}

/** The idle owners that an owner is among when it is idle. */
function idleWith({ client: { states }, isGuest }: OpenOwner): Set<OpenOwner> {
  return isGuest ? states.guests.idleOwners : states.idleOwners;
}
