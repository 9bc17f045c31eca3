import { isStatus, Status } from "../../nfs4/constants.ts";
import { releaseLockOwner, releaseNamesakes } from "../../state/locks.ts";
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
    const plain = ownerKey(name);
    const isItself = isClientItself(context, client);
    const ofGuests = isItself ? owners.ofGuests(plain) : undefined;
    // RFC 7530 16.37.4: then no further action is taken.
    const isHeld = [named, ofGuests].some((each) => each && each.ranges > 0);
    if (isHeld) return Status.LOCKS_HELD;
    const { state } = context.services;
    if (named !== undefined) releaseLockOwner(state, named);
    if (ofGuests !== undefined) releaseNamesakes(state, client, ofGuests);
    state.waiting.ownersReleased(
      client,
      isItself
        ? (owner) => owner.plainKey === plain
        : (owner) => owner.key === key,
    );
    return Status.OK;
  },
};
