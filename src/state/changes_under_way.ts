import type { Client } from "./client.ts";

/** What a request does to a file, or will have open, and what it denies others (RFC 8881 9.7). */
export interface ShareUse {
  /** OPEN4_SHARE_ACCESS_* */
  readonly access: number;
  /** OPEN4_SHARE_DENY_* */
  readonly deny: number;
}

/** A change of a file that waits for the file system, and whose request it is. */
export interface ChangeUnderWay {
  /** `FileRef.key`. */
  readonly file: string;
  /** Undefined where a request of NFSv4.0 does not tell. */
  readonly client: Client | undefined;
  /** What it needs of the file's shares, where no open of the file stands for it. */
  readonly shares: ShareUse | undefined;
}

/**
 * The changes of files that were found to be in conflict with no delegation and
 * are being made: until they are done no other client gets one, or it would read
 * what was there before and rely on it (RFC 8881 10.4.1). Those that no open of
 * the file stands for are in the way of opens that would deny them as well.
 */
export class ChangesUnderWay {
  /** By file, how many each client makes. */
  readonly #byFile = new Map<string, Map<Client | undefined, number>>();
  /** By file, those with shares. */
  readonly #sharing = new Map<string, Set<ChangeUnderWay>>();

  /** Files that are being changed. */
  get files(): number {
    return this.#byFile.size;
  }

  /** A change begins to wait. */
  begin(change: ChangeUnderWay): void {
    const { file, client } = change;
    if (change.shares !== undefined) {
      const sharing = this.#sharing.get(file);
      if (sharing === undefined) this.#sharing.set(file, new Set([change]));
      else sharing.add(change);
    }
    let clients = this.#byFile.get(file);
    if (clients === undefined) this.#byFile.set(file, clients = new Map());
    clients.set(client, (clients.get(client) ?? 0) + 1);
  }

  /** It is made, or has failed. */
  end(change: ChangeUnderWay): void {
    const { file, client } = change;
    const sharing = this.#sharing.get(file);
    if (sharing?.delete(change) && sharing.size === 0) {
      this.#sharing.delete(file);
    }
    const clients = this.#byFile.get(file)!;
    const count = clients.get(client)! - 1;
    if (count > 0) return void clients.set(client, count);
    clients.delete(client);
    if (clients.size === 0) this.#byFile.delete(file);
  }

  /** Whether a client other than this one is changing the file. */
  areOthers(file: string, client: Client): boolean {
    const clients = this.#byFile.get(file);
    return clients !== undefined && (clients.size > 1 || !clients.has(client));
  }

  /** Whether a change of the file, but for those of the request that asks, can't be beside such a use. */
  isInWay(
    file: string,
    { access, deny }: ShareUse,
    own: readonly ChangeUnderWay[] = [],
  ): boolean {
    for (const change of this.#sharing.get(file) ?? []) {
      const { shares } = change;
      const isConflict = (shares!.deny & access) !== 0 ||
        (shares!.access & deny) !== 0;
      if (isConflict && !own.includes(change)) return true;
    }
    return false;
  }
}
