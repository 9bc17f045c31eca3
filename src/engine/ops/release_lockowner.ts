import { isStatus, Status } from "../../nfs4/constants.ts";
import { releaseLockOwner } from "../../state/locks.ts";
import { type LockOwnerName, readLockOwner } from "../locking/locking.ts";
import type { Operation } from "../operation.ts";
import { ownerNamed } from "../locking/client_caller.ts";
import { ownerClient } from "../locking/owner_client.ts";

/** RELEASE_LOCKOWNER (RFC 7530 16.37), NFSv4.0 only. */
export const releaseLockowner: Operation<LockOwnerName, "state"> = {
  decode: readLockOwner,

  run(context, { clientid, name }) {
    const client = ownerClient(context, clientid);
    if (isStatus(client)) return client;
    const { lockOwners: owners } = client.states;
    const key = ownerNamed(context, client, { name, owners });
    const owner = owners.get(key);
    // RFC 7530 16.37.4: then no further action is taken.
    if (owner !== undefined && owner.ranges > 0) return Status.LOCKS_HELD;
    const { state } = context.services;
    if (owner !== undefined) releaseLockOwner(state, owner);
    state.waiting.ownerReleased(client, key);
    return Status.OK;
  },
};
