import { exhausted } from "../../base/exhausted.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { dropDelegation } from "../../state/delegations.ts";
import type { LockingTables } from "../../state/file_states.ts";
import { dropLockState } from "../../state/locks.ts";
import type { HeldState } from "../../state/stateids.ts";
import type { Operation } from "../operation.ts";
import { resolveState, TO_END } from "../locking/resolve_stateid.ts";

/** FREE_STATEID (RFC 8881 18.38). */
export const freeStateid: Operation<Stateid, "state"> = {
  decode: readStateid,

  run(context, stateid) {
    const tables = context.services.state;
    const known = tables.stateids.find(stateid.other);
    // RFC 8881 18.38.3: the client acknowledges that it was revoked.
    if (
      known?.kind === "delegation" && known.revoked !== undefined &&
      known.client === context.client
    ) {
      const { client } = known;
      dropDelegation(tables, known, "returned");
      if (client.states.revoked === 0) tables.grace.acknowledge(client);
      return Status.OK;
    }
    const state = resolveState(context, stateid, undefined, TO_END);
    if (isStatus(state)) return state;
    return free(tables, state);
  },
};

/** Frees a state that is not revoked. */
function free(tables: LockingTables, state: HeldState): StatusCode {
  switch (state.kind) {
    case "lock":
      if (state.holdsRanges) return Status.LOCKS_HELD;
      dropLockState(tables, state);
      return Status.OK;
    case "open":
    case "delegation":
      return Status.LOCKS_HELD;
    default:
      return exhausted(state);
  }
}
