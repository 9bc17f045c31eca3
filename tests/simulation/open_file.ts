/** A file as one worker of a client has it open, with what it locked. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  LockType,
  op,
  type Request,
  type SeqidOwner,
  type Stateid,
} from "../support/client/mod.ts";
import type { Hold } from "./holds.ts";
import type { Answer, Peer, SendOptions } from "./peer.ts";
import { CELL } from "./witness.ts";

/** The owners of a worker: with their seqids in NFSv4.0. */
export class Owners {
  readonly #peer: Peer;
  readonly #name: string;
  readonly #known = new Map<string, SeqidOwner>();
  #generation = -1;

  constructor(peer: Peer, name: string) {
    this.#peer = peer;
    this.#name = name;
  }

  /** Who opens. */
  get open(): SeqidOwner {
    return this.#of(this.#name);
  }

  /** Who locks: one for each file. */
  lock(file: string): SeqidOwner {
    return this.#of(this.lockName(file));
  }

  /** What that one is called. */
  lockName(file: string): string {
    return `${this.#name} in ${file}`;
  }

  /** The name of the open owner. */
  get name(): string {
    return this.#name;
  }

  /** A lock owner that the server has forgotten starts anew. */
  forgetLock(file: string): void {
    this.#known.delete(this.lockName(file));
  }

  #of(name: string): SeqidOwner {
    if (this.#generation !== this.#peer.generation) {
      this.#known.clear();
      this.#generation = this.#peer.generation;
    }
    let owner = this.#known.get(name);
    if (owner === undefined) {
      this.#known.set(name, owner = this.#peer.newOwner(name));
    }
    return owner;
  }
}

/** What is open. */
export class OpenFile {
  readonly peer: Peer;
  readonly owners: Owners;
  /** Its name in the root. */
  readonly name: string;
  readonly filehandle: Uint8Array;
  readonly fileid: bigint;
  stateid: Stateid;
  /** OPEN4_SHARE_ACCESS_* and OPEN4_SHARE_DENY_*, all OPENs together. */
  access = 0;
  deny = 0;
  /** Those of each OPEN: what OPEN_DOWNGRADE may go back to. */
  seen: { readonly access: number; readonly deny: number }[] = [];
  hold: Hold;
  lockStateid: Stateid | undefined;
  /** By cell. */
  readonly locks = new Map<number, Hold>();
  /** Whether the server has forgotten it. */
  isLost = false;

  constructor(
    options: Pick<
      OpenFile,
      | "peer"
      | "owners"
      | "name"
      | "filehandle"
      | "fileid"
      | "stateid"
      | "hold"
    >,
  ) {
    this.peer = options.peer;
    this.owners = options.owners;
    this.name = options.name;
    this.filehandle = options.filehandle;
    this.fileid = options.fileid;
    this.stateid = options.stateid;
    this.hold = options.hold;
  }

  /** PUTFH. */
  get at(): Request {
    return op.putfh(this.filehandle);
  }

  /** What a cell is called in the book. */
  cell(cell: number): string {
    return `${this.name}[${cell}]`;
  }

  /** A stateid as it is sent: NFSv4.1 may leave the seqid to the server (RFC 8881 8.2.2). */
  sent(stateid: Stateid): Stateid {
    const { minorVersion, around: { world } } = this.peer;
    const vague = minorVersion > 0 && world.random.oneIn(2);
    return vague ? { ...stateid, seqid: 0 } : stateid;
  }

  /** Is gone, and whatever it held. */
  giveUp(): void {
    this.isLost = true;
    this.peer.files.delete(this);
    const { book } = this.peer.around;
    for (const lock of this.locks.values()) book.released(lock);
    book.released(this.hold);
  }

  /** Takes it back after a restart of the server; gives the refusals, with which it is lost. */
  async reclaim(
    send: (ops: readonly Request[], options: SendOptions) => Promise<Answer>,
  ): Promise<number[]> {
    if (this.hold.end !== Infinity) {
      this.giveUp();
      return [];
    }
    const { world } = this.peer.around;
    const owner = this.owners.open;
    const { delegations } = this.peer;
    const delegate = delegations.reclaimable(this.filehandle);
    const { reply, sentAt } = await send([
      this.at,
      op.open({
        seqid: owner.seqid,
        access: this.access,
        deny: this.deny,
        owner,
        claim: { claim: "previous", delegate },
      }),
    ], { sequenced: true, renews: true, fragile: true });
    owner.settle(reply.status);
    if (reply.status !== Status.OK) {
      this.giveUp();
      return [reply.status];
    }
    world.count("opens reclaimed");
    const { stateid, delegation } = reply.get("OPEN");
    this.stateid = stateid;
    delegations.reclaimed(this, delegation, sentAt);
    this.seen = [{ access: this.access, deny: this.deny }];
    this.lockStateid = undefined;
    const refusals: number[] = [];
    for (const [cell, lock] of this.locks) {
      const refusal = lock.end === Infinity
        ? await this.#reclaimLock(send, cell, lock)
        : Status.OK;
      if (lock.end === Infinity && refusal === Status.OK) {
        world.count("locks reclaimed");
        continue;
      }
      if (refusal !== Status.OK) refusals.push(refusal);
      this.peer.around.book.released(lock);
      this.locks.delete(cell);
    }
    return refusals;
  }

  /** The locker of a LOCK: known by its lock stateid, or new under the open. */
  locker() {
    const lock = this.owners.lock(this.name);
    const isKnown = this.lockStateid !== undefined &&
      (this.peer.minorVersion === 0 || !this.peer.around.world.random.oneIn(4));
    if (isKnown) {
      const lockStateid = this.sent(this.lockStateid!);
      return {
        locker: { lockStateid, lockSeqid: lock.seqid },
        settle: (status: number) => lock.settle(status),
      };
    }
    const open = this.owners.open;
    return {
      locker: {
        openStateid: this.sent(this.stateid),
        openSeqid: open.seqid,
        lockSeqid: lock.seqid,
        owner: {
          clientid: this.peer.clientid,
          owner: bytesOf(this.owners.lockName(this.name)),
        },
      },
      settle: (status: number) => {
        open.settle(status);
        lock.settle(status);
      },
    };
  }

  async #reclaimLock(
    send: (ops: readonly Request[], options: SendOptions) => Promise<Answer>,
    cell: number,
    lock: Hold,
  ): Promise<number> {
    const { locker, settle } = this.locker();
    const write = lock.mode.kind === "lock" && lock.mode.write;
    const { reply } = await send([
      this.at,
      op.lock({
        type: write ? LockType.WRITE : LockType.READ,
        reclaim: true,
        offset: BigInt(cell * CELL),
        length: BigInt(CELL),
        locker,
      }),
    ], { sequenced: true, renews: true });
    settle(reply.status);
    if (reply.status === Status.OK) {
      this.lockStateid = reply.get("LOCK").stateid;
    }
    return reply.status;
  }
}
