import type { Client } from "./client.ts";
import type { Namesakes } from "./lock_owners.ts";
import type { LockState } from "./locks.ts";
import type { OpenState } from "./opens.ts";
import { OwnerSequence } from "./owners_v40.ts";

/** Bytes that it takes to list guests' lock owners by their name. */
const LISTED = 384;

/** open_owner4 or lock_owner4 of a client (RFC 8881 3.3.10.1, 3.3.10.2). */
class StateOwner {
  /** Whose it is. */
  readonly client: Client;
  /** The key among the client's owners: what the client calls it, one character a byte; a guest's with its principal behind. */
  readonly key: string;
  /** NFSv4.0 only: its sequence of requests. */
  readonly sequence: OwnerSequence | undefined;
  /** NFSv4.0: key of the principal whose request made it. */
  readonly principal: string;
  /** NFSv4.0: whether it was made by who named the client and did not show to be it. */
  readonly isGuest: boolean;

  /** `key`: see {@linkcode ownerKey} and {@linkcode guestOwnerKey}. */
  constructor(client: Client, key: string, principal = "") {
    this.client = client;
    this.key = key;
    this.principal = principal;
    this.isGuest = isGuestKey(key);
    this.sequence = client.protocol === 0 ? new OwnerSequence() : undefined;
  }

  /** What the client calls it. */
  get name(): Uint8Array {
    return Uint8Array.from(this.plainKey, (byte) => byte.charCodeAt(0));
  }

  /** The same as a string: see {@linkcode ownerKey}. */
  get plainKey(): string {
    return guestNameOf(this.key) ?? this.key;
  }
}

/** An open_owner4, which opens files. */
export class OpenOwner extends StateOwner {
  opens = 0;
  /** NFSv4.0: whether OPEN_CONFIRM has come, or was not needed. */
  isConfirmed: boolean = this.client.protocol !== 0;
  /** NFSv4.0: the open that OPEN_CONFIRM is to confirm. */
  unconfirmed: OpenState | undefined;
  /** NFSv4.0: the open that it closed last, known for as long as the CLOSE may be replayed. */
  closed: OpenState | undefined;
  /** NFSv4.0: clock time in milliseconds when it became one of `ClientStates.idleOwners`. */
  idleSince = 0;
}

/** A lock_owner4, which locks ranges. */
export class LockOwner extends StateOwner {
  /** Ranges that it has locked, in all files. */
  ranges = 0;
  /** NFSv4.0: of a guest's, those that guests call the same. */
  namesakes: Namesakes | undefined;
  /** Its lock stateids. */
  readonly locks = new Set<LockState>();
  #isReleased = false;

  /** NFSv4.0: RELEASE_LOCKOWNER has come; its lock stateids are good for nothing. */
  get isReleased(): boolean {
    return this.#isReleased || this.namesakes?.isReleased === true;
  }

  /** RELEASE_LOCKOWNER has come. */
  release(): void {
    this.#isReleased = true;
    removeLockOwner(this);
  }

  /** It has locked so many ranges more. */
  countRanges(more: number): void {
    this.ranges += more;
    if (this.namesakes !== undefined) this.namesakes.ranges += more;
  }
}

/** Adds an open owner to those of its client, where it is not known yet. */
export function addOpenOwner(owner: OpenOwner): void {
  const { client, key } = owner;
  if (client.states.openOwners.has(key)) return;
  client.states.openOwners.set(key, owner);
  client.account.count("owner", 1, key.length);
}

/** Forgets an open owner. */
export function removeOpenOwner({ client, key }: OpenOwner): void {
  if (!client.states.openOwners.delete(key)) return;
  client.account.count("owner", -1, key.length);
}

/** The same as {@linkcode addOpenOwner}, of a lock owner. */
export function addLockOwner(owner: LockOwner): void {
  const { client, key } = owner;
  if (client.states.lockOwners.get(key) !== undefined) return;
  client.states.lockOwners.add(owner);
  client.account.count("owner", 1, bytesOf(owner));
}

/** Forgets a lock owner. */
export function removeLockOwner(owner: LockOwner): void {
  const { client } = owner;
  if (!client.states.lockOwners.delete(owner)) return;
  client.account.count("owner", -1, bytesOf(owner));
}

/** What a lock owner costs beside what each owner does, in bytes. */
function bytesOf({ key, isGuest }: LockOwner): number {
  return key.length + (isGuest ? LISTED : 0);
}

/** The name of an owner as a string: one character a byte. */
export function ownerKey(name: Uint8Array): string {
  return String.fromCharCode.apply(null, name as unknown as number[]);
}

/** In the key of a guest's owner around its name: no byte of a name is this character. */
const GUEST = "\u0100";

/**
 * NFSv4.0: the key of an owner that a guest names: a caller who names the client
 * and has not shown to be it. So it is an owner of its own, whatever its name.
 */
export function guestOwnerKey(principal: string, key: string): string {
  return GUEST + key + GUEST + principal;
}

/** The name in a key of {@linkcode guestOwnerKey}; `undefined` of any other. */
export function guestNameOf(key: string): string | undefined {
  return isGuestKey(key) ? key.slice(1, key.indexOf(GUEST, 1)) : undefined;
}

/** Whether a key is one of {@linkcode guestOwnerKey}. */
export function isGuestKey(key: string): boolean {
  return key.startsWith(GUEST);
}
