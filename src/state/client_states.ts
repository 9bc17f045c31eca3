import { byId } from "./few.ts";
import type { LockOwner, OpenOwner } from "./owners.ts";
import type { HeldState } from "./stateids.ts";
import { spreadOf, WideMap } from "./wide_map.ts";

/** What a client holds. */
export class ClientStates {
  /** Opens, lock stateids and delegations, revoked ones included until they are freed. */
  readonly all = byId<HeldState>();
  /** By {@linkcode OpenOwner.key}. */
  readonly openOwners = new WideMap<string, OpenOwner>(spreadOf);
  /** By {@linkcode LockOwner.key}. */
  readonly lockOwners = new WideMap<string, LockOwner>(spreadOf);
  /** NFSv4.0: open owners that may be forgotten, the longest idle first. */
  readonly idleOwners = new Set<OpenOwner>();
  /** How many opens the user of a uid has made alone. */
  readonly openers = new Map<number, number>();
  opens = 0;
  /** Locked byte ranges. */
  ranges = 0;
  /** Lock stateids: they stay when everything is unlocked. */
  lockStates = 0;
  delegations = 0;
  /** Revoked states that the client has not freed. */
  revoked = 0;

  /** The user of a uid has made an open, or by -1 there is one less. */
  countOpener(uid: number, by: 1 | -1): void {
    // -1: several have, so that none has it alone.
    if (uid < 0) return;
    const opens = (this.openers.get(uid) ?? 0) + by;
    if (opens > 0) this.openers.set(uid, opens);
    else this.openers.delete(uid);
  }

  /** No open, lock or delegation (locks exist under opens only). */
  get isEmpty(): boolean {
    return this.opens === 0 && this.delegations === 0;
  }
}
