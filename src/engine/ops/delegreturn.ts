import { isStatus, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import { dropDelegation } from "../../state/delegations.ts";
import type { Operation } from "../operation.ts";
import { resolveState, TO_END } from "../locking/resolve_stateid.ts";

/** DELEGRETURN (RFC 8881 18.6, RFC 7530 16.8). */
export const delegreturn: Operation<Stateid, "state"> = {
  decode: readStateid,

  run(context, stateid) {
    const state = resolveState(context, stateid, context.file, TO_END);
    if (isStatus(state)) return state;
    if (state.kind !== "delegation") return Status.BAD_STATEID;
    context.hasChanged = true;
    dropDelegation(context.services.state, state, "returned");
    return Status.OK;
  },
};
