import { OWN } from "../base/asker.ts";
import { EvenShares } from "../base/even_shares.ts";
import type { LockedRange, Span } from "./byte_ranges.ts";
import type { Client } from "./client.ts";
import type { HeldCounts } from "./client_states.ts";
import type { Clock } from "../base/clock.ts";
import type { EffectQueue, Piecework } from "./effects.ts";
import type { FileState } from "./file_states.ts";
import type { OpenState } from "./opens.ts";
import type { LockOwner } from "./owners.ts";

/** A byte-range lock that a client asks for. */
export interface LockWish extends Span {
  /** What it would be gotten under. */
  readonly open: OpenState;
  /** The lock owner that would hold it; perhaps not known to the server yet. */
  readonly owner: Pick<LockOwner, "name" | "key" | "plainKey">;
  /** Whether it is a write lock. */
  readonly write: boolean;
}

/** A wish that was denied and is going to be asked for again. */
export interface WaitingLock extends LockWish {
  /** Whether it is no longer waited for. */
  readonly isOver: boolean;
}

/** Tells clients that a lock may be free. The server sets it before clients come. */
export interface LockNotifier {
  /** Whether the client can be told: what the answer to OPEN promises. */
  canNotify(client: Client): boolean;
  /** It is the turn of `lock`; must not wait. */
  notify(lock: WaitingLock): void;
}

/** How many may wait. */
export interface LockQueueLimits {
  /** Locks that a client waits for. */
  readonly maxWaitingLocksPerClient: number;
  /** Locks of one file that are waited for, shared out among parties. */
  readonly maxWaitingLocksPerFile: number;
}

/** Milliseconds that a lock is kept for a client which was told that it is free. */
export const TURN = 2_000;
/** Milliseconds that one is kept at least for a client that asks again and again. */
export const MIN_RETRY_AFTER = 2_000;
/** The same for one that has asked once: when it will come again is not known. */
export const FIRST_RETRY_AFTER = 5_000;

/** Milliseconds that one is kept at most: a waiter that was killed does not say so. */
export const MAX_RETRY_AFTER = 15_000;

interface Waiting extends WaitingLock {
  isOver: boolean;
  /** Clock time in milliseconds of its last request. */
  askedAt: number;
  /** How long after it the next one is expected at the latest. */
  retryAfter: number;
  /** Clock time in milliseconds at which its client was told that it may be free. */
  toldAt: number | undefined;
  /** A lock of another owner that was in its way when it was last looked for. */
  keptBy: LockedRange | undefined;
}

/** Those that wait for locks of one file, in the order in which they came. */
class FileQueue extends Set<Waiting> {
  /** The places of each party. */
  readonly shares: EvenShares<string>;

  constructor(most: number) {
    super();
    this.shares = new EvenShares(most);
  }
}

/** Sends no CB_NOTIFY_LOCK. */
const noNotifier: LockNotifier = { canNotify: () => false, notify: () => {} };

/**
 * The owners that wait for locks, a queue for each file (RFC 8881 9.6, RFC 7530
 * 9.4). When a range becomes free the first in the queue is preferred to all that
 * came later: for a moment when its client was told, otherwise as long as it
 * keeps to the pace at which it asked so far. Nothing is locked for it, and an
 * owner that has not asked for a lease time is forgotten.
 */
export class LockQueue {
  /** Sends CB_NOTIFY_LOCK to clients whose turn it is. */
  notifier: LockNotifier = noNotifier;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #limits: LockQueueLimits;
  readonly #effects: EffectQueue;
  readonly #queues = new Map<FileState, FileQueue>();
  /** Files in whose queues an owner may be called up. */
  readonly #freed = new Set<FileState>();
  readonly #perClient = new Map<HeldCounts, Set<Waiting>>();
  #isSweeping = false;

  constructor(options: {
    readonly clock: Clock;
    /** Where calling up the next goes, which takes as long as the queues are. */
    readonly effects: EffectQueue;
    /** Length of a lease in milliseconds. */
    readonly leaseMs: number;
    /** How many may wait; others are denied as well, but have no place in a queue. */
    readonly limits: LockQueueLimits;
  }) {
    this.#clock = options.clock;
    this.#effects = options.effects;
    this.#leaseMs = options.leaseMs;
    this.#limits = options.limits;
  }

  /** Number of locks that are waited for. */
  get size(): number {
    let size = 0;
    for (const { size: of } of this.#perClient.values()) size += of;
    return size;
  }

  /** A lock that is free for an owner who came before, and in conflict with the wish. */
  preferredTo(wish: LockWish): WaitingLock | undefined {
    const queue = this.#queues.get(wish.open.file);
    if (queue === undefined) return undefined;
    const now = this.#clock.now();
    for (const waiting of queue) {
      if (isSame(waiting, wish)) return undefined;
      if (
        areInConflict(waiting, wish) && isAwaited(waiting, now) &&
        isFree(waiting)
      ) return waiting;
    }
    return undefined;
  }

  /** A wish was denied: it waits in the queue when its client will ask again. */
  denied(wish: LockWish, willAskAgain: boolean): void {
    const known = this.#find(wish);
    // RFC 8881 9.6: asked without waiting, it is the last time that it is asked for.
    if (!willAskAgain) return known && this.#leave(known);
    const now = this.#clock.now();
    if (known === undefined) return this.#join(wish, now);
    // Clients ask at longer and longer intervals, up to twice the last one.
    const pace = 2 * (now - known.askedAt);
    const most = Math.min(MAX_RETRY_AFTER, this.#leaseMs);
    known.retryAfter = Math.min(Math.max(MIN_RETRY_AFTER, pace), most);
    known.askedAt = now;
    known.toldAt = undefined;
  }

  /** A wish was fulfilled, which may have put a write lock in place of a read lock or back. */
  granted(wish: LockWish): void {
    const known = this.#find(wish);
    if (known !== undefined) this.#leave(known);
    else this.freed(wish.open.file);
  }

  /** Something of a file was unlocked: whose turn it is now is told. */
  freed(file: FileState): void {
    if (!this.#queues.has(file)) return;
    this.#freed.add(file);
    if (this.#freed.size === 1) {
      this.#effects.begin(this.#callUpFreed(), OWN.party);
    }
  }

  /** An open ended, and the locks under it with it. */
  openEnded(open: OpenState): void {
    this.freed(open.file);
    if (open.waiting === 0) return;
    for (const waiting of this.#queues.get(open.file) ?? []) {
      if (waiting.open === open) this.#remove(waiting);
    }
  }

  /** A client is done with those of its lock owners that `isReleased` says so of. */
  ownersReleased(
    client: Client,
    isReleased: (owner: LockWish["owner"]) => boolean,
  ): void {
    for (const counted of [client.states, client.states.guests]) {
      for (const waiting of this.#perClient.get(counted) ?? []) {
        if (isReleased(waiting.owner)) this.#leave(waiting);
      }
    }
  }

  /**
   * Forgets those that do not ask any more, and calls up those that come next;
   * called every second.
   */
  sweep(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#effects.begin(this.#sweepAll(), OWN.party);
  }

  #find(wish: LockWish): Waiting | undefined {
    for (const waiting of this.#queues.get(wish.open.file) ?? []) {
      if (isSame(waiting, wish)) return waiting;
    }
    return undefined;
  }

  #join({ open, owner, start, last, write }: LockWish, now: number): void {
    const { client, file } = open;
    const { maxWaitingLocksPerClient, maxWaitingLocksPerFile } = this.#limits;
    const counted = countedWith(open);
    const ofClient = this.#perClient.get(counted) ?? new Set();
    const queue = this.#queues.get(file) ??
      new FileQueue(maxWaitingLocksPerFile);
    const isFull = ofClient.size >= maxWaitingLocksPerClient ||
      queue.shares.isFull(client.party) || !client.account.admits();
    if (isFull) return;
    open.waiting++;
    const waiting: Waiting = {
      open,
      owner,
      start,
      last,
      write,
      isOver: false,
      askedAt: now,
      retryAfter: Math.min(FIRST_RETRY_AFTER, this.#leaseMs),
      toldAt: undefined,
      keptBy: undefined,
    };
    this.#queues.set(file, queue.add(waiting));
    queue.shares.take(client.party);
    this.#perClient.set(counted, ofClient.add(waiting));
    client.account.count("waiting", 1, owner.key.length);
  }

  /** Takes it out of the queue, and those that it kept back may go. */
  #leave(waiting: Waiting): void {
    this.#remove(waiting);
    this.freed(waiting.open.file);
  }

  #remove(waiting: Waiting): void {
    const { client, file } = waiting.open;
    const queue = this.#queues.get(file)!;
    waiting.isOver = true;
    waiting.open.waiting--;
    queue.delete(waiting);
    queue.shares.give(client.party);
    client.account.count("waiting", -1, waiting.owner.key.length);
    if (queue.size === 0) this.#queues.delete(file);
    const counted = countedWith(waiting.open);
    const ofClient = this.#perClient.get(counted)!;
    ofClient.delete(waiting);
    if (ofClient.size === 0) this.#perClient.delete(counted);
  }

  *#sweepAll(): Piecework {
    try {
      for (const queue of this.#queues.values()) yield this.#callUp(queue);
    } finally {
      this.#isSweeping = false;
    }
  }

  /** A piece for each queue. */
  *#callUpFreed(): Piecework {
    for (const file of this.#freed) {
      this.#freed.delete(file);
      const queue = this.#queues.get(file);
      if (queue !== undefined) yield this.#callUp(queue);
    }
  }

  /**
   * Tells those that can lock now, unless another before them in the queue can as
   * well; returns how many were looked at.
   */
  #callUp(queue: ReadonlySet<Waiting>): number {
    const { size } = queue;
    const now = this.#clock.now();
    const before: Waiting[] = [];
    for (const waiting of queue) {
      if (now - waiting.askedAt > this.#leaseMs) {
        this.#remove(waiting);
        continue;
      }
      if (before.some((other) => areInConflict(other, waiting))) continue;
      if (!isFree(waiting)) continue;
      if (waiting.toldAt === undefined && waiting.open.mayNotify) {
        waiting.toldAt = now;
        this.notifier.notify(waiting);
      }
      if (isAwaited(waiting, now)) before.push(waiting);
    }
    return size;
  }
}

/** Whether its client is expected to ask for it in a moment. */
function isAwaited({ toldAt, askedAt, retryAfter }: Waiting, now: number) {
  return toldAt === undefined
    ? now - askedAt < retryAfter
    : now - toldAt < TURN;
}

/** Whether no other owner's lock is in the way. */
function isFree(waiting: Waiting): boolean {
  const { open: { client, file }, owner, write, keptBy } = waiting;
  // A range stays as it is until it is over.
  if (keptBy?.isOver === false) return false;
  const known = client.states.lockOwners.get(owner.key);
  waiting.keptBy = file.knownRanges?.conflict(known, waiting, { write });
  return waiting.keptBy === undefined;
}

function areInConflict(a: LockWish, b: LockWish): boolean {
  return (a.write || b.write) && a.start <= b.last && b.start <= a.last &&
    (a.owner.key !== b.owner.key || a.open.client !== b.open.client);
}

function isSame(a: LockWish, b: LockWish): boolean {
  return a.open === b.open && a.owner.key === b.owner.key &&
    a.start === b.start && a.last === b.last && a.write === b.write;
}

/** With what its client holds, or with what the client's guests do. */
function countedWith({ client: { states }, owner }: OpenState): HeldCounts {
  return owner.isGuest ? states.guests : states;
}
