import type { Client } from "./client.ts";
import type { LockingTables } from "./file_states.ts";
import { dropDelegation } from "./delegations.ts";
import { dropOpen, forgetClosed } from "./opens.ts";
import { removeOpenOwner } from "./owners.ts";

/** Drops all that a client holds and all its owners; files are closed by effects. */
export function releaseClientState(
  tables: LockingTables,
  client: Client,
): void {
  const { states } = client;
  if (client.protocol === 0) {
    // RFC 7530 13.1.5.3: what went with the lease is told from what never was.
    for (const state of states.all) tables.stateids.rememberLost(state);
  }
  for (const state of states.all) {
    // Lock states go with their opens.
    if (state.kind === "open") dropOpen(tables, state);
    else if (state.kind === "delegation") {
      dropDelegation(tables, state, "client-gone");
    }
  }
  for (const owner of states.openOwners.values()) {
    forgetClosed(tables, owner);
    removeOpenOwner(owner);
  }
  states.idleOwners.clear();
}
