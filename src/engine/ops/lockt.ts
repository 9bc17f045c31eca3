import { wait } from "../../base/awaitable.ts";
import { isStatus, Status } from "../../nfs4/constants.ts";
import { spanOf } from "../../state/byte_ranges.ts";
import {
  deny,
  encodeDenied,
  type LockOwnerName,
  readLockOwner,
  readLockType,
  wouldConflict,
} from "../locking/locking.ts";
import type { Operation } from "../operation.ts";
import { ownerNamed } from "../locking/client_caller.ts";
import { ownerClient } from "../locking/owner_client.ts";
import { checkRegular } from "../files/file_access.ts";
import { TYPE } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** LOCKT4args. */
export interface LocktArgs {
  /** WRITE_LT or WRITEW_LT. */
  readonly write: boolean;
  /** First byte. */
  readonly offset: bigint;
  /** Bytes; 2^64 - 1 for all the rest. */
  readonly length: bigint;
  /** Whose own locks are not in its way. */
  readonly owner: LockOwnerName;
}

/** LOCKT (RFC 8881 18.11, RFC 7530 16.11). Leaves no trace: an unknown owner stays unknown. */
export const lockt: Operation<LocktArgs> = {
  decode: (xdr) => ({
    write: readLockType(xdr).write,
    offset: xdr.uint64(),
    length: xdr.uint64(),
    owner: readLockOwner(xdr),
  }),

  *run(context, { write, offset, length, owner }) {
    const { file, minorVersion, services: { state } } = context;
    const client = ownerClient(context, owner.clientid);
    if (isStatus(client)) return client;
    const { type } = yield* wait(attributesOf(file, TYPE));
    const status = checkRegular(type, minorVersion);
    if (status !== Status.OK) return status;
    const span = spanOf(offset, length);
    if (span === undefined) return Status.INVAL;
    // RFC 8881 8.4.2.1, RFC 7530 9.6.2: what clients hold is not known yet.
    if (state.grace.isActive) return Status.GRACE;
    const { lockOwners: owners } = client.states;
    const named = { name: owner.name, owners };
    const known = owners.get(ownerNamed(context, client, named));
    const conflict = wouldConflict(context, known, { span, write });
    return conflict === undefined
      ? Status.OK
      : deny(context, conflict, conflict.holder);
  },

  encodeFailure: encodeDenied,
};
