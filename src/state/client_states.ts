import type { DelegationType } from "./delegations.ts";
import { byId } from "./few.ts";
import { LockOwners } from "./lock_owners.ts";
import type { OpenOwner } from "./owners.ts";
import type { HeldState } from "./stateids.ts";
import { spreadOf, WideMap } from "./wide_map.ts";

/** What limits look at: a client's share, or its guests'. */
export interface HeldCounts {
  readonly opens: number;
  /** Locked byte ranges. */
  readonly ranges: number;
  /** Lock stateids: they stay when everything is unlocked. */
  readonly lockStates: number;
}

/**
 * NFSv4.0: what of it guests have made, who named the client and did not show to
 * be it. It counts apart, so that they take nothing from the client.
 */
class GuestStates implements HeldCounts {
  opens = 0;
  ranges = 0;
  lockStates = 0;
  /** Their open owners that may be forgotten, the longest idle first. */
  readonly idleOwners = new Set<OpenOwner>();
}

/** What a client holds. */
export class ClientStates implements HeldCounts {
  /** Opens, lock stateids and delegations, revoked ones included until they are freed. */
  readonly all = byId<HeldState>();
  /** By {@linkcode OpenOwner.key}. */
  readonly openOwners = new WideMap<string, OpenOwner>(spreadOf);
  readonly lockOwners = new LockOwners();
  /** NFSv4.0: open owners of its own that may be forgotten, the longest idle first. */
  readonly idleOwners = new Set<OpenOwner>();
  /** How many opens the user of a uid has made alone. */
  readonly openers = new Map<number, number>();
  readonly guests = new GuestStates();
  /** All opens, ranges and lock stateids, those of guests too. */
  opens = 0;
  ranges = 0;
  lockStates = 0;
  /** Delegations, by type. */
  readonly delegated: Record<DelegationType, number> = {
    read: 0,
    write: 0,
    directory: 0,
  };
  /** Revoked states that the client has not freed. */
  revoked = 0;

  /** Delegations of all types. */
  get delegations(): number {
    const { read, write, directory } = this.delegated;
    return read + write + directory;
  }

  /** The user of a uid has made an open, or by -1 there is one less. */
  countOpener(uid: number, by: 1 | -1): void {
    // -1: several have, so that none has it alone.
    if (uid < 0) return;
    const opens = (this.openers.get(uid) ?? 0) + by;
    if (opens > 0) this.openers.set(uid, opens);
    else this.openers.delete(uid);
  }

  /** What counts for an owner's limits: what guests have made, or the client itself. */
  countsFor(isGuest: boolean): HeldCounts {
    const { guests } = this;
    return isGuest ? guests : {
      opens: this.opens - guests.opens,
      ranges: this.ranges - guests.ranges,
      lockStates: this.lockStates - guests.lockStates,
    };
  }

  /** No open, lock or delegation (locks exist under opens only). */
  get isEmpty(): boolean {
    return this.opens === 0 && this.delegations === 0;
  }
}
