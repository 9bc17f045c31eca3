import type { Span } from "./byte_ranges.ts";
import type { LockingTables } from "./file_states.ts";
import type { OpenState } from "./opens.ts";
import type { LockOwner } from "./owners.ts";
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
    this.client.states.ranges += this.file.ranges.lock(this, span, write);
  }

  /** Unlocks a span. */
  unlock(span: Span): void {
    this.client.states.ranges += this.file.ranges.unlock(this.owner, span);
  }
}

/** Makes the lock state of an owner under an open, which must have none. */
export function addLockState(
  tables: LockingTables,
  open: OpenState,
  owner: LockOwner,
): LockState {
  const state = new LockState(tables, open, owner);
  open.locks.set(owner, state);
  owner.locks.add(state);
  const { states } = open.client;
  states.all.add(state);
  states.lockStates++;
  tables.stateids.add(state);
  // The owner may be as new as the state.
  states.lockOwners.set(owner.key, owner);
  return state;
}

/** Ends a lock state and its locks, and its owner where this was its last one. */
export function dropLockState(tables: LockingTables, state: LockState): void {
  const { client, open, owner, file } = state;
  const { states } = client;
  states.ranges -= file.knownRanges?.release(state) ?? 0;
  open.locks.delete(owner);
  states.all.delete(state);
  states.lockStates--;
  tables.stateids.remove(state);
  // RFC 7530 9.1.10: an owner without lock stateids may be forgotten.
  owner.locks.delete(state);
  if (owner.locks.size === 0) states.lockOwners.delete(owner.key);
}
