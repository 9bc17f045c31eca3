import { isStatus, Status } from "../../nfs4/constants.ts";
import { releaseLockOwner } from "../../state/locks.ts";
import { ownerKey } from "../../state/owners.ts";
import { type LockOwnerName, readLockOwner } from "../locking/locking.ts";
import type { Operation } from "../operation.ts";
import { isClientItself, ownerNamed } from "../locking/client_caller.ts";
import { ownerClient } from "../locking/owner_client.ts";

/** RELEASE_LOCKOWNER (RFC 7530 16.37), NFSv4.0 only. */
export const releaseLockowner: Operation<LockOwnerName, "state"> = {
  decode: readLockOwner,

  run(context, { clientid, name }) {
    const client = ownerClient(context, clientid);
    if (isStatus(client)) return client;
    const { lockOwners: owners } = client.states;
    const key = ownerNamed(context, client, { name, owners });
    const named = owners.get(key);
    // Linux sends it as the user that let go of the file last, often its kernel:
    // what the client itself is done with, a guest of that name is.
    const ofGuests = isClientItself(context, client)
      ? client.states.guests.lockOwners.get(ownerKey(name)) ?? []
      : [];
    const released = new Set(ofGuests);
    if (named !== undefined) released.add(named);
    // RFC 7530 16.37.4: then no further action is taken.
    for (const { ranges } of released) {
      if (ranges > 0) return Status.LOCKS_HELD;
    }
    const { state } = context.services;
    state.waiting.ownerReleased(client, key);
    for (const owner of released) {
      releaseLockOwner(state, owner);
      state.waiting.ownerReleased(client, owner.key);
    }
    return Status.OK;
  },
};
