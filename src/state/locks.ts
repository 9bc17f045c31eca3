import type { Span } from "./byte_ranges.ts";
import type { LockingTables } from "./file_states.ts";
import type { OpenState } from "./opens.ts";
import { addLockOwner, type LockOwner, removeLockOwner } from "./owners.ts";
import { LockingState } from "./stateids.ts";

/** The byte-range locks of a lock owner under an open (RFC 8881 8.2.1). */
export class LockState extends LockingState {
  readonly kind = "lock";
  /** Who locks. */
  readonly owner: LockOwner;
  /** What it is gotten under. */
  readonly open: OpenState;

  constructor(tables: LockingTables, open: OpenState, owner: LockOwner) {
    super(tables.stateids, open.client, open.file);
    this.open = open;
    this.owner = owner;
  }

  /** Whether something is locked: after LOCKU of everything the stateid stays. */
  get holdsRanges(): boolean {
    return this.file.knownRanges?.isHeldBy(this) ?? false;
  }

  /** Whether unlocking a span leaves one more range than before. */
  isSplitBy(span: Span): boolean {
    return this.file.knownRanges?.isSplitBy(this.owner, span) ?? false;
  }

  /** Locks a span that is free. */
  lock(span: Span, write: boolean): void {
    this.countRanges(this.file.ranges.lock(this, span, write));
  }

  /** Unlocks a span. */
  unlock(span: Span): void {
    this.countRanges(this.file.ranges.unlock(this.owner, span));
  }

  /** There are so many ranges more, or less. */
  countRanges(by: number): void {
    this.client.states.ranges += by;
    this.client.account.count("range", by);
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
  states.all.add(state);
  states.lockStates++;
  tables.stateids.add(state);
  client.account.count("lock", 1);
  // The owner may be as new as the state.
  addLockOwner(owner);
  return state;
}

/** Ends a lock state and its locks, and its owner where this was its last one. */
export function dropLockState(tables: LockingTables, state: LockState): void {
  const { client, open, owner, file } = state;
  const { states } = client;
  state.countRanges(-(file.knownRanges?.release(state) ?? 0));
  open.removeLock(state);
  states.all.delete(state);
  states.lockStates--;
  client.account.count("lock", -1);
  tables.stateids.remove(state);
  // RFC 7530 9.1.10: an owner without lock stateids may be forgotten.
  owner.locks.delete(state);
  if (owner.locks.size === 0) removeLockOwner(owner);
}
