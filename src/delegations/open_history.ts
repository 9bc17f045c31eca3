import { RecentMap } from "../base/recent_map.ts";
import type { Client } from "../state/client.ts";
import type { OpenDelegationType } from "../state/delegations.ts";

/** What a client opened a file for. */
interface Habit {
  /** Its clientid, which no other ever has: the client itself would stay when it is gone. */
  readonly client: bigint;
  readonly type: OpenDelegationType;
}

/**
 * Which client opened which file last, and for what. A delegation pays when a
 * client comes back to a file: for one that is written once, or read once,
 * returning it costs more than it saves.
 */
export class OpenHistory {
  readonly #history: RecentMap<string, Habit>;

  /** Remembers at least `limit` files, those opened last. */
  constructor(limit: number) {
    this.#history = new RecentMap(limit);
  }

  /** Notes an open of the file with this key; whether the client has come back to it. */
  note(fileKey: string, { id }: Client, type: OpenDelegationType): boolean {
    const before = this.#history.get(fileKey);
    if (before?.client === id && before.type === type) return true;
    this.#history.set(fileKey, { client: id, type });
    return false;
  }
}
