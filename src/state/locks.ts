import type { Span } from "./byte_ranges.ts";
import type { Client } from "./client.ts";
import type { LockingTables } from "./file_states.ts";
import type { OpenState } from "./opens.ts";
import type { Namesakes } from "./lock_owners.ts";
import { addLockOwner, type LockOwner, removeLockOwner } from "./owners.ts";
import type { Piecework } from "./effects.ts";
import { LockingState } from "./stateids.ts";

/** The byte-range locks of a lock owner under an open (RFC 8881 8.2.1). */
export class LockState extends LockingState {
  readonly kind = "lock";
  readonly owner: LockOwner;
  /** What it is gotten under. */
  readonly open: OpenState;

  constructor(tables: LockingTables, open: OpenState, owner: LockOwner) {
    super(tables.stateids, open.client, open.file);
    this.open = open;
    this.owner = owner;
  }

  /** {@inheritDoc LockingState.isGone} */
  override get isGone(): boolean {
    return this.client.isGone || this.open.isOver || this.owner.isReleased;
  }

  /** Whether something is locked: after LOCKU of everything the stateid stays. */
  get holdsRanges(): boolean {
    return this.file.knownRanges?.isHeldBy(this) ?? false;
  }

  /** Whether unlocking a span leaves one more range than before. */
  isSplitBy(span: Span): boolean {
    return this.file.knownRanges?.isSplitBy(this.owner, span) ?? false;
  }

  /** How many ranges more there are once a span is locked: none or fewer where it is joined with what there is. */
  growth(span: Span, write: boolean): number {
    return this.file.knownRanges?.growth(this, span, write) ?? 1;
  }

  /** Locks a span that is free. */
  lock(span: Span, write: boolean): void {
    this.#count(this.file.ranges.lock(this, span, write));
  }

  /** Unlocks a span. */
  unlock(span: Span): void {
    this.#count(this.file.ranges.unlock(this.owner, span));
  }

  /** Unlocks all that was locked under it. */
  unlockAll(): void {
    this.#count(-(this.file.knownRanges?.release(this) ?? 0));
  }

  /** {@inheritDoc Holder.left} */
  left(more: number): void {
    this.client.account.count("over", more);
  }

  #count(more: number): void {
    const { states } = this.client;
    states.ranges += more;
    if (this.open.owner.isGuest) states.guests.ranges += more;
    this.owner.countRanges(more);
    this.client.account.count("range", more);
  }
}

/** Makes the lock state of an owner under an open, which must have none. */
export function addLockState(
  tables: LockingTables,
  open: OpenState,
  owner: LockOwner,
): LockState {
  const state = new LockState(tables, open, owner);
  open.addLock(state);
  owner.locks.add(state);
  const { client } = open;
  const { states } = client;
  states.all.set(state.id, state);
  states.lockStates++;
  if (open.owner.isGuest) states.guests.lockStates++;
  tables.stateids.add(state);
  client.account.count("lock", 1);
  // The owner may be as new as the state.
  addLockOwner(owner);
  return state;
}

/** Ends lock states one after the other. */
export function* dropLockStates(
  tables: LockingTables,
  states: Iterable<LockState>,
): Piecework {
  for (const state of states) {
    dropLockState(tables, state);
    yield 1;
  }
}

/** RFC 7530 16.37: the client is done with an owner that holds no ranges. */
export function releaseLockOwner(
  tables: LockingTables,
  owner: LockOwner,
): void {
  owner.release();
  tables.files.effects.begin(dropLockStates(tables, owner.locks));
}

/** The same of all that a client's guests call by one name, of which none holds ranges. */
export function releaseNamesakes(
  tables: LockingTables,
  client: Client,
  namesakes: Namesakes,
): void {
  client.states.lockOwners.release(namesakes);
  tables.files.effects.begin(dropLocksOf(tables, namesakes.owners.values()));
}

function* dropLocksOf(
  tables: LockingTables,
  owners: Iterable<LockOwner>,
): Piecework {
  for (const { locks } of owners) yield* dropLockStates(tables, locks);
}

/** Ends a lock state and its locks, and its owner where this was its last one. */
export function dropLockState(tables: LockingTables, state: LockState): void {
  const { client, open, owner } = state;
  const { states } = client;
  state.unlockAll();
  open.removeLock(state);
  states.all.delete(state.id);
  states.lockStates--;
  if (open.owner.isGuest) states.guests.lockStates--;
  client.account.count("lock", -1);
  tables.stateids.remove(state);
  // RFC 7530 9.1.10: an owner without lock stateids may be forgotten.
  owner.locks.delete(state);
  if (owner.locks.size === 0) removeLockOwner(owner);
}
