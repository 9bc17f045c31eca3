import { exhausted } from "../base/exhausted.ts";
import type { Client } from "./client.ts";
import { dropDelegation } from "./delegations.ts";
import type { Piecework } from "./effects.ts";
import type { LockingTables } from "./file_states.ts";
import { dropLockState } from "./locks.ts";
import { dropOpen, forgetClosed } from "./opens.ts";
import { removeOpenOwner } from "./owners.ts";
import type { HeldState } from "./stateids.ts";

/**
 * Drops all that a client holds and all its owners; files are closed by
 * effects. From its first piece on the client must be gone: what it held is in
 * no client's way then, and a request that meets some of it drops that itself.
 */
export function* releaseClientState(
  tables: LockingTables,
  client: Client,
): Piecework {
  const { states } = client;
  for (const state of states.all.values()) {
    dropState(tables, state);
    yield 1;
  }
  for (const owner of states.openOwners.values()) {
    forgetClosed(tables, owner);
    removeOpenOwner(owner);
    yield 1;
  }
  states.idleOwners.clear();
  states.guests.idleOwners.clear();
}

/** Drops a state that its client can't use any more. */
export function dropState(tables: LockingTables, state: HeldState): void {
  switch (state.kind) {
    case "open":
      return dropOpen(tables, state);
    case "lock":
      return dropLockState(tables, state);
    case "delegation":
      return dropDelegation(tables, state, "client-gone");
    default:
      return exhausted(state);
  }
}
