import { Op, Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid, writeStateid } from "../../nfs4/types.ts";
import { spanOf } from "../../state/byte_ranges.ts";
import { atLimit } from "../status_at_limit.ts";
import { readLockType } from "../locking/locking.ts";
import type { Operation } from "../operation.ts";
import {
  type ResolveOptions,
  setCurrentStateid,
} from "../locking/resolve_stateid.ts";
import { withLock } from "../locking/with_state.ts";

/** LOCKU4args without the lock type, which has no effect (RFC 8881 18.12.3). */
export interface LockuArgs {
  /** NFSv4.0: of the lock's owner. */
  readonly seqid: number;
  /** The lock state. */
  readonly stateid: Stateid;
  /** First byte. */
  readonly offset: bigint;
  /** Bytes; 2^64 - 1 for all the rest. */
  readonly length: bigint;
}

const TO_REDUCE: ResolveOptions = { purpose: "reduce" };

/** LOCKU (RFC 8881 18.12, RFC 7530 16.12). */
export const locku: Operation<LockuArgs, "state"> = {
  decode(xdr) {
    readLockType(xdr);
    return {
      seqid: xdr.uint32(),
      stateid: readStateid(xdr),
      offset: xdr.uint64(),
      length: xdr.uint64(),
    };
  },

  run(context, { seqid, stateid, offset, length }) {
    const operation = Op.LOCKU;
    const request = { operation, stateid, seqid, resolve: TO_REDUCE };
    return withLock(context, request, (lock) => {
      const span = spanOf(offset, length);
      if (span === undefined) return Status.INVAL;
      const { states, account } = lock.client;
      const { ranges } = states.countsFor(lock.open.owner.isGuest);
      const { maxLocksPerClient } = context.services.limits;
      const isFull = ranges >= maxLocksPerClient || account.isFull;
      if (isFull && lock.isSplitBy(span)) {
        return atLimit(context);
      }
      lock.unlock(span);
      lock.bump();
      context.services.state.waiting.freed(lock.file);
      setCurrentStateid(context, lock);
      writeStateid(context.reply, lock);
      return Status.OK;
    });
  },
};
