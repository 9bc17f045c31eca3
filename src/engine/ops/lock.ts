import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import {
  isStatus,
  Op,
  Share,
  Status,
  type StatusCode,
} from "../../nfs4/constants.ts";
import { readStateid, type Stateid, writeStateid } from "../../nfs4/types.ts";
import { spanOf } from "../../state/byte_ranges.ts";
import { addLockState } from "../../state/locks.ts";
import type { OpenState } from "../../state/opens.ts";
import { LockOwner } from "../../state/owners.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import { atLimit } from "../status_at_limit.ts";
import type { CompoundContext } from "../context.ts";
import {
  deny,
  encodeDenied,
  findConflict,
  type LockOwnerName,
  type LockType,
  readLockOwner,
  readLockType,
} from "../locking/locking.ts";
import type { Operation } from "../operation.ts";
import { isClientItself, ownerNamed } from "../locking/client_caller.ts";
import { ownerClient } from "../locking/owner_client.ts";
import { checkRegular } from "../files/file_access.ts";
import {
  type ResolveOptions,
  setCurrentStateid,
  TO_USE,
} from "../locking/resolve_stateid.ts";
import { inSeqidOrder } from "../locking/owner_seqid.ts";
import { withLock, withOpen } from "../locking/with_state.ts";
import { TYPE } from "../../vfs/wanted.ts";
import { attributesOf } from "../files/attributes_of.ts";

/** open_to_lock_owner4: the first lock of an owner under an open. */
interface NewLocker {
  readonly isNew: true;
  readonly openSeqid: number;
  readonly openStateid: Stateid;
  readonly lockSeqid: number;
  readonly owner: LockOwnerName;
}

/** exist_lock_owner4: a further one. */
interface KnownLocker {
  readonly isNew: false;
  readonly lockStateid: Stateid;
  readonly lockSeqid: number;
}

/** LOCK4args. */
export interface LockArgs extends LockType {
  /** Whether it was held before the server started. */
  readonly reclaim: boolean;
  /** First byte. */
  readonly offset: bigint;
  /** Bytes; 2^64 - 1 for all the rest. */
  readonly length: bigint;
  /** The lock owner, by its open or by its own stateid. */
  readonly locker: NewLocker | KnownLocker;
}

const TO_RECLAIM: ResolveOptions = { purpose: "reclaim" };

/** LOCK (RFC 8881 18.10, RFC 7530 16.10). */
export const lock: Operation<LockArgs, "state"> = {
  decode: (xdr) => ({
    ...readLockType(xdr),
    reclaim: xdr.bool(),
    offset: xdr.uint64(),
    length: xdr.uint64(),
    locker: readLocker(xdr),
  }),

  run(context, args) {
    const { locker } = args;
    const common = {
      operation: Op.LOCK,
      resolve: args.reclaim ? TO_RECLAIM : TO_USE,
      check: () => take(checkType(context)),
    };
    if (locker.isNew) {
      const { openStateid: stateid, openSeqid: seqid } = locker;
      return withOpen(
        context,
        { ...common, stateid, seqid },
        (open) => lockUnderOpen(context, args, { open, locker }),
      );
    }
    const { lockStateid: stateid, lockSeqid: seqid } = locker;
    return withLock(
      context,
      { ...common, stateid, seqid },
      ({ open, owner }) => lockFor(context, args, { open, owner }),
    );
  },

  encodeFailure: encodeDenied,
};

function readLocker(xdr: XdrReader): NewLocker | KnownLocker {
  if (!xdr.bool()) {
    return {
      isNew: false,
      lockStateid: readStateid(xdr),
      lockSeqid: xdr.uint32(),
    };
  }
  return {
    isNew: true,
    openSeqid: xdr.uint32(),
    openStateid: readStateid(xdr),
    lockSeqid: xdr.uint32(),
    owner: readLockOwner(xdr),
  };
}

/** RFC 8881 18.10.4: what is no file tells that, whatever the stateid. */
function* checkType(
  { file, minorVersion }: CompoundContext,
): Steps<StatusCode> {
  const { type } = yield* wait(attributesOf(file, TYPE));
  return checkRegular(type, minorVersion);
}

/** The first lock of an owner under an open. */
function lockUnderOpen(
  context: CompoundContext,
  args: LockArgs,
  { open, locker }: { readonly open: OpenState; readonly locker: NewLocker },
): Awaitable<StatusCode> {
  const { name, clientid } = locker.owner;
  const client = ownerClient(context, clientid);
  if (isStatus(client)) return client;
  // RFC 7530 16.10.5: the lock owner is one of the client that has the file open.
  if (client !== open.client) return Status.BAD_STATEID;
  const { lockOwners: owners } = client.states;
  const isProven = isClientItself(context, client) || !open.owner.isGuest;
  const key = ownerNamed(context, client, { name, owners, isProven });
  const known = owners.get(key);
  // RFC 7530 16.10.5: the owner has locks under this open, and should use their
  // stateid; one that has unlocked everything may begin anew, as with Linux.
  if (context.minorVersion === 0 && known && holdsRanges(open, known)) {
    return Status.BAD_SEQID;
  }
  const { principal } = context.credential;
  const owner = known ?? new LockOwner(client, key, principal);
  const sequence = { owner, operation: Op.LOCK, seqid: locker.lockSeqid };
  return inSeqidOrder(context, sequence, () =>
    // RELEASE_LOCKOWNER may have come while it stood behind another LOCK of the
    // owner: it is one that is new.
    owner.isReleased
      ? lockUnderOpen(context, args, { open, locker })
      : lockFor(context, args, { open, owner }));
}

function holdsRanges(open: OpenState, owner: LockOwner): boolean {
  return open.locks.get(owner)?.holdsRanges ?? false;
}

/**
 * Whether no other client can have locks to reclaim of the file (RFC 8881 8.4.2.1):
 * this one, which holds a delegation for writing, was alone with it, and may have
 * locked by itself what it has to lock here before it returns that (10.4.2).
 */
function isAlone({ client, file: { delegations } }: OpenState): boolean {
  return delegations.get(client)?.type === "write";
}

/** Locks, or says why not. */
function lockFor(
  context: CompoundContext,
  { offset, length, reclaim, write, blocking }: LockArgs,
  { open, owner }: { readonly open: OpenState; readonly owner: LockOwner },
): StatusCode {
  const { services: { state, limits } } = context;
  const span = spanOf(offset, length);
  if (span === undefined) return Status.INVAL;
  const { client } = open;
  const inGrace = reclaim
    ? state.grace.checkReclaim(client)
    : state.grace.checkNew(client, isAlone(open));
  if (inGrace !== Status.OK) return inGrace;
  // POSIX: a lock needs the file open for what it keeps others from.
  const needed = write ? Share.ACCESS_WRITE : Share.ACCESS_READ;
  if ((open.access & needed) === 0) return Status.OPENMODE;
  const wish = { open, owner, ...span, write };
  const conflict = findConflict(context, owner, { span, write });
  if (conflict !== undefined) {
    if (reclaim) return Status.RECLAIM_CONFLICT;
    state.waiting.denied(wish, blocking);
    return deny(context, conflict, conflict.holder);
  }
  // RFC 8881 9.6: an owner that has waited for it comes first.
  const preferred = state.waiting.preferredTo(wish);
  if (preferred !== undefined) {
    state.waiting.denied(wish, blocking);
    const { open: { client }, owner } = preferred;
    return deny(context, preferred, { client, owner });
  }
  let held = open.locks.get(owner);
  const { ranges, lockStates } = client.states.countsFor(open.owner.isGuest);
  const used = held === undefined ? Math.max(ranges, lockStates) : ranges;
  const isFull = used >= limits.maxLocksPerClient || client.account.isFull;
  // What is locked once more, downgraded or joined takes no more than it has.
  if (isFull && (held === undefined || held.growth(span, write) > 0)) {
    return atLimit(context);
  }
  if (held === undefined) held = addLockState(state, open, owner);
  else held.bump();
  held.lock(span, write);
  state.waiting.granted(wish);
  setCurrentStateid(context, held);
  writeStateid(context.reply, held);
  return Status.OK;
}
