import { OPAQUE_LIMIT, Status, type StatusCode } from "../../nfs4/constants.ts";
import {
  lengthOf,
  type LockedRange,
  type Span,
} from "../../state/byte_ranges.ts";
import type { Client } from "../../state/client.ts";
import type { LockState } from "../../state/locks.ts";
import type { LockOwner } from "../../state/owners.ts";
import { FsError } from "../../vfs/errors.ts";
import { XdrError } from "../../xdr/error.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import { giveWay, wouldGiveWay } from "./conflicts.ts";
import type { CompoundContext } from "../context.ts";

/** lock_owner4. */
export interface LockOwnerName {
  /** NFSv4.0: whose owner it is. */
  readonly clientid: bigint;
  /** What the client calls it: a view of the request. */
  readonly name: Uint8Array;
}

/** Bytes of a LOCK4denied without its owner's name. */
const DENIED_SIZE = 32;
/** Locks of clients without a lease that a question looks past. */
const MAX_LOOKS = 256;

/** Reads a lock_owner4. */
export function readLockOwner(xdr: XdrReader): LockOwnerName {
  return { clientid: xdr.uint64(), name: xdr.opaque(OPAQUE_LIMIT) };
}

/** nfs_lock_type4 (RFC 8881 3.3.12): READ_LT and READW_LT, WRITE_LT and WRITEW_LT. */
const READ_LT = 1;
const WRITE_LT = 2;
const READW_LT = 3;
const WRITEW_LT = 4;

/** What an nfs_lock_type4 says. */
export interface LockType {
  /** A write lock. */
  readonly write: boolean;
  /** Denied, the client will ask again (RFC 8881 9.6). */
  readonly blocking: boolean;
}

/** Reads an nfs_lock_type4. */
export function readLockType(xdr: XdrReader): LockType {
  const type = xdr.uint32();
  if (type < READ_LT || type > WRITEW_LT) {
    throw new XdrError(`nfs_lock_type4 ${type}`);
  }
  return { write: type % 2 === 0, blocking: type >= READW_LT };
}

/**
 * A lock of a client whose lease holds that keeps `owner` from a span of the
 * current filehandle.
 */
export function findConflict(
  context: CompoundContext,
  owner: LockOwner | undefined,
  { span, ...how }: {
    readonly span: Span;
    readonly write: boolean;
    readonly isPassedOver?: (owner: LockOwner) => boolean;
  },
): LockedRange<LockState> | undefined {
  const { files } = context.services.state;
  while (true) {
    const range = files.get(context.file)?.knownRanges
      ?.conflict(owner, span, how);
    if (range === undefined) return undefined;
    // Too many that are over are in front of what may be in the way.
    if (range.isOver) throw new FsError("busy");
    if (!giveWay(context, range.holder)) return range;
  }
}

/**
 * The same for who only asks: clients whose leases ran out keep their locks, but
 * for those behind so many others that it would take long to look past them.
 */
export function wouldConflict(
  context: CompoundContext,
  owner: LockOwner | undefined,
  { span, write }: { readonly span: Span; readonly write: boolean },
): LockedRange<LockState> | undefined {
  let looks = 0;
  const isPassedOver = ({ client }: LockOwner) =>
    looks++ < MAX_LOOKS && wouldGiveWay(context, client);
  return findConflict(context, owner, { span, write, isPassedOver });
}

/**
 * Refuses a lock, and says whose is in the way: one that is held, or is about to
 * be. Nothing was locked, so what there is no room to say is said to be too long.
 */
export function deny(
  context: CompoundContext,
  range: Span & { readonly write: boolean },
  { client, owner }: {
    readonly client: Client;
    readonly owner: Pick<LockOwner, "name">;
  },
): StatusCode {
  const { name } = owner;
  if (context.replyRoom < DENIED_SIZE + Math.ceil(name.length / 4) * 4) {
    return context.replyLimitStatus;
  }
  context.conflict = {
    offset: range.start,
    length: lengthOf(range),
    write: range.write,
    // RFC 8881 18.10.3: the holder's, not the caller's.
    clientid: client.id,
    owner: name,
  };
  return Status.DENIED;
}

/** Writes LOCK4denied; nothing with any other status. */
export function encodeDenied(
  { reply, conflict }: CompoundContext,
  status: StatusCode,
): void {
  if (status !== Status.DENIED || conflict === undefined) return;
  reply.uint64(conflict.offset);
  reply.uint64(conflict.length);
  reply.uint32(conflict.write ? WRITE_LT : READ_LT);
  reply.uint64(conflict.clientid);
  reply.opaque(conflict.owner);
}
