import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { LockConflict } from "./byte_ranges.ts";

/** The answer to an owner's last request, for when it is sent again (RFC 7530 9.1.7). */
export interface OwnerReply {
  /** Number of the operation. */
  readonly operation: number;
  /** xid of the call. */
  readonly xid: number;
  /** Key of the principal that it was for. */
  readonly principal: string;
  /** How it ended. */
  readonly status: StatusCode;
  /** The result behind the status. */
  readonly body: Uint8Array;
  /** OPEN: the filehandle that it left as the current one. */
  readonly current: FileRef | undefined;
  /** NFS4ERR_DENIED: the lock in the way. */
  readonly conflict: LockConflict | undefined;
}

/** What a seqid says about a request. */
export type SequenceOrder = "next" | "again" | "wrong";

/** NFSv4.0: the requests of an open or lock owner, one after the other (RFC 7530 9.1.7). */
export class OwnerSequence {
  #last: number | undefined;
  #reply: OwnerReply | undefined;
  /** A request of the owner that has not been answered. */
  pending: Promise<unknown> | undefined;

  /** The answer to the last request. */
  get reply(): OwnerReply | undefined {
    return this.#reply;
  }

  /** Where a request with this seqid stands, that came in the call `xid`. */
  order(seqid: number, xid: number): SequenceOrder {
    const last = this.#last;
    // RFC 7530 16.10.5: the first seqid of an owner may be any.
    if (last === undefined) return "next";
    if (seqid === last) return this.#isAskedAnew(xid) ? "next" : "again";
    // RFC 7530 9.1.3 wraps to 1; Linux counts through 0.
    const wrapped = last === 0xffff_ffff && seqid === 1;
    return seqid === (last + 1 >>> 0) || wrapped ? "next" : "wrong";
  }

  /** Records the answer to the request with this seqid; returns whether that uses up the seqid. */
  answer(seqid: number, reply: OwnerReply): boolean {
    if (KEEPS_SEQID.has(reply.status)) return false;
    this.#last = seqid;
    this.#reply = reply;
    return true;
  }

  /**
   * RFC 7530 9.1.7: DELAY uses up the seqid, and yet nothing was done. A client
   * that has read it and asks again in the same words is to get through some
   * time; under the same xid it has not read it, and is told once more.
   */
  #isAskedAnew(xid: number): boolean {
    const reply = this.#reply!;
    return ASKS_AGAIN.has(reply.status) && reply.xid !== xid;
  }

  /** Forgets everything: the owner starts anew (RFC 7530 16.18.5). */
  reset(): void {
    this.#last = undefined;
    this.#reply = undefined;
  }

  /** Whether a request was ever counted. */
  get isNew(): boolean {
    return this.#last === undefined;
  }
}

/** What the client is to ask for once more, in a while. */
const ASKS_AGAIN: ReadonlySet<StatusCode> = new Set([
  Status.DELAY,
  Status.GRACE,
]);

/** RFC 7530 9.1.7: after these the client sends the same seqid in its next request. */
const KEEPS_SEQID: ReadonlySet<StatusCode> = new Set([
  Status.STALE_CLIENTID,
  Status.STALE_STATEID,
  Status.BAD_STATEID,
  Status.BAD_SEQID,
  Status.BADXDR,
  Status.RESOURCE,
  Status.NOFILEHANDLE,
  Status.MOVED,
]);
