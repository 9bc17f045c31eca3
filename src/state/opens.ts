import type { FileState, LockingTables } from "./file_states.ts";
import { finish } from "./effects.ts";
import { closeModes } from "./open_modes.ts";
import { dropLockStates, type LockState } from "./locks.ts";
import { type LockOwner, type OpenOwner, removeOpenOwner } from "./owners.ts";
import { isUnionOfSome } from "./shares.ts";
import { LockingState } from "./stateids.ts";

/** Most opens never have a lock, and a Map of their own would be a third of them. */
const NO_LOCKS: ReadonlyMap<LockOwner, LockState> = new Map();
/** Lock stateids that end with their open at once; more of them end later. */
const LOCKS_AT_ONCE = 16;

/** A file as an open owner has it open: all its OPENs of the file in one (RFC 8881 9.8). */
export class OpenState extends LockingState {
  readonly kind = "open";
  /** The open owner that opened it. */
  readonly owner: OpenOwner;
  /** The user whose permissions were checked; -1 when there were several. */
  uid: number;
  /** OPEN4_SHARE_ACCESS_* */
  access = 0;
  /** OPEN4_SHARE_DENY_* */
  deny = 0;
  #locks: Map<LockOwner, LockState> | undefined;
  /** Whether the answer to its last OPEN promised CB_NOTIFY_LOCK (RFC 8881 20.11.3). */
  mayNotify = false;
  /** Requests for a lock under it that wait in line. */
  waiting = 0;
  /** NFSv4.0: closed, and only kept for the replay of CLOSE. */
  isClosed = false;
  /** The file is no longer open by it; there may be locks to be cleared away. */
  isOver = false;
  #accessSeen = 0;
  #denySeen = 0;
  #fsModes = 0;

  constructor(
    tables: LockingTables,
    options: {
      readonly owner: OpenOwner;
      readonly file: FileState;
      readonly uid: number;
    },
  ) {
    super(tables.stateids, options.owner.client, options.file);
    this.owner = options.owner;
    this.uid = options.uid;
  }

  /** The lock stateids under it. */
  get locks(): ReadonlyMap<LockOwner, LockState> {
    return this.#locks ?? NO_LOCKS;
  }

  /** A lock stateid under it came. */
  addLock(lock: LockState): void {
    (this.#locks ??= new Map()).set(lock.owner, lock);
  }

  /** A lock stateid under it is gone. */
  removeLock(lock: LockState): void {
    this.#locks?.delete(lock.owner);
  }

  /** One more OPEN was checked for this user. */
  checkedFor(uid: number): void {
    if (this.uid === uid) return;
    this.client.states.countOpener(this.uid, -1);
    this.uid = -1;
  }

  /** Adds the shares of one more OPEN. */
  share(access: number, deny: number): void {
    this.#accessSeen |= 1 << access;
    this.#denySeen |= 1 << deny;
    this.#setShares(this.access | access, this.deny | deny);
  }

  /** Whether OPEN_DOWNGRADE may go there (RFC 8881 18.18.3). */
  canDowngrade(access: number, deny: number): boolean {
    return isUnionOfSome(access, this.#accessSeen) &&
      isUnionOfSome(deny, this.#denySeen);
  }

  /** Keeps these shares only. */
  downgrade(access: number, deny: number): void {
    this.#accessSeen = 1 << access | subsets(this.#accessSeen, access);
    this.#denySeen = 1 << deny | subsets(this.#denySeen, deny);
    this.#setShares(access, deny);
  }

  /** Has no shares any more. */
  unshare(): void {
    this.#setShares(0, 0);
  }

  /** The part of `access` that the file system does not have the file open for. */
  notOpenFor(access: number): number {
    let missing = access;
    for (let mode = 1; mode <= 3; mode++) {
      if (this.#fsModes & 1 << mode) missing &= ~mode;
    }
    return missing;
  }

  /** Notes an fs.open; false when there was one of the same mode already. */
  noteFsOpen(mode: number): boolean {
    const bit = 1 << mode;
    if (this.#fsModes & bit) return false;
    this.#fsModes |= bit;
    return true;
  }

  /** The modes of fs.open, which end with this. */
  takeFsModes(): number[] {
    const modes = [1, 2, 3].filter((mode) => this.#fsModes & 1 << mode);
    this.#fsModes = 0;
    return modes;
  }

  #setShares(access: number, deny: number): void {
    const { shares } = this.file;
    shares.remove(this);
    this.access = access;
    this.deny = deny;
    shares.add(this);
  }
}

/** Makes an open without shares; the owner must have none of this file. */
export function addOpen(
  tables: LockingTables,
  options: {
    readonly owner: OpenOwner;
    readonly file: FileState;
    readonly uid: number;
  },
): OpenState {
  const { owner, file } = options;
  const open = new OpenState(tables, options);
  file.opens.set(owner, open);
  owner.opens++;
  const { states } = owner.client;
  states.opens++;
  if (owner.isGuest) states.guests.opens++;
  states.countOpener(open.uid, 1);
  states.all.set(open.id, open);
  owner.client.account.count("open", 1);
  tables.clients.holdingChanged(owner.client);
  tables.stateids.add(open);
  return open;
}

/**
 * Ends an open and the locks under it. Its stateid is gone with it, but for
 * NFSv4.0 with `keepForReplay`, where it stays until {@linkcode forgetClosed}.
 */
export function dropOpen(
  tables: LockingTables,
  open: OpenState,
  options: { readonly keepForReplay?: boolean } = {},
): void {
  const { owner, file } = open;
  open.isOver = true;
  const locks = dropLockStates(tables, open.locks.values());
  if (open.locks.size <= LOCKS_AT_ONCE) finish(locks);
  else tables.files.effects.begin(locks);
  tables.waiting.openEnded(open);
  open.unshare();
  file.opens.delete(owner);
  owner.opens--;
  if (owner.unconfirmed === open) owner.unconfirmed = undefined;
  const { states } = owner.client;
  states.opens--;
  if (owner.isGuest) states.guests.opens--;
  states.countOpener(open.uid, -1);
  states.all.delete(open.id);
  owner.client.account.count("open", -1);
  tables.clients.holdingChanged(owner.client);
  if (options.keepForReplay && owner.sequence !== undefined) {
    open.isClosed = true;
    forgetClosed(tables, owner);
    owner.closed = open;
    owner.client.account.count("closed", 1);
  } else {
    tables.stateids.remove(open);
  }
  // NFSv4.1 has no owner without an open: nothing is left to be replayed.
  if (owner.sequence === undefined && owner.opens === 0) {
    removeOpenOwner(owner);
  }
  tables.files.dropIfEmpty(file);
  closeModes(tables.files.effects, file, open.takeFsModes());
}

/** NFSv4.0: the last CLOSE of the owner can't come again. */
export function forgetClosed(tables: LockingTables, owner: OpenOwner): void {
  if (owner.closed === undefined) return;
  tables.stateids.remove(owner.closed);
  owner.closed = undefined;
  owner.client.account.count("closed", -1);
}

/** An open of the file that `access` and `deny` are in conflict with (RFC 8881 9.7). */
export function conflictingOpen(
  file: FileState | undefined,
  access: number,
  deny: number,
): OpenState | undefined {
  // RFC 7530 9.9, RFC 8881 18.16.3: no exception for the owner's own open.
  return file?.shares.conflict(access, deny);
}

/** The values in `seen` (bit v for value v) that are subsets of `value`, again as bits. */
function subsets(seen: number, value: number): number {
  let kept = 0;
  for (let v = 0; v <= 3; v++) {
    if (seen & 1 << v && (v & ~value) === 0) kept |= 1 << v;
  }
  return kept;
}
