import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import { LAST_SERVER } from "../vfs/last_server.ts";

/** A file system as far as it takes to tell who served it. */
export type ServedStore = Pick<FileSystem, "records" | "settle">;

/** Options of {@linkcode LastServer}. */
export interface LastServerOptions {
  /** What is served; what keeps no records tells nothing. */
  readonly stores: readonly ServedStore[];
  /** Names the server among all that may serve them; the same over restarts. */
  readonly server: string;
  /** Waits until what the server remembers of its clients is on disk. */
  readonly flush: () => void | Promise<void>;
  readonly clock: Clock;
  /** What an operator should know. */
  readonly log: Logger;
}

/** Milliseconds after which a store that could not tell of its server is asked anew. */
export const CLAIM_AGAIN_MS = 10_000;

/**
 * What is remembered of clients belongs to an address and a port, and what they
 * hold to a store, which may be served elsewhere between two starts. So each
 * store tells which server answered a call last: where that was another one, no
 * client may reclaim, for a conflicting lock may have been granted since (RFC
 * 8881 8.4.3), and no session goes on.
 */
export class LastServer {
  readonly #options: LastServerOptions;
  /** Stores that do not tell of this server. */
  #unclaimed: readonly ServedStore[];
  #claiming: Promise<void> | undefined;
  /** Clock time from which those that could not be claimed are tried again; `undefined` before the first time. */
  #againAt: number | undefined;

  private constructor(
    options: LastServerOptions,
    unclaimed: readonly ServedStore[],
    /** Whether another server, or an import, has been at one of the stores since this one was. */
    readonly isAnother: boolean,
  ) {
    this.#options = options;
    this.#unclaimed = unclaimed;
  }

  /** Looks at the stores; rejects where one can't be read. */
  static async look(options: LastServerOptions): Promise<LastServer> {
    const [collection, key] = LAST_SERVER;
    const unclaimed: ServedStore[] = [];
    let isAnother = false;
    for (const store of new Set(options.stores)) {
      if (store.records === undefined) continue;
      const row = (await store.records.all(collection)).get(key);
      const name = row && new TextDecoder().decode(row);
      if (name === options.server) continue;
      unclaimed.push(store);
      // A store that is new, or older than these rows, tells nothing.
      isAnother ||= name !== undefined;
    }
    return new LastServer(options, unclaimed, isAnother);
  }

  /**
   * Has the stores tell of this server, before it answers its first COMPOUND: one
   * that was never called changes nothing. Never rejects; `undefined` where there
   * is nothing to wait for. A store that fails is asked again while calls come,
   * and none waits for that: it may hang, and what waits is for other stores, too.
   */
  claim(): Promise<void> | undefined {
    if (this.#unclaimed.length === 0) return undefined;
    const { clock } = this.#options;
    const isFirst = this.#againAt === undefined;
    if (!isFirst && clock.now() < this.#againAt!) return undefined;
    this.#claiming ??= this.#claim().finally(() => {
      this.#claiming = undefined;
    });
    return isFirst ? this.#claiming : undefined;
  }

  async #claim(): Promise<void> {
    const { flush, clock, log } = this.#options;
    const isFirst = this.#againAt === undefined;
    const failed = new Map<ServedStore, unknown>();
    try {
      // What another server has made void must not be found again under our name.
      await flush();
      await Promise.all(
        this.#unclaimed.map((store) =>
          this.#tell(store).catch((error) => void failed.set(store, error))
        ),
      );
    } catch (error) {
      for (const store of this.#unclaimed) failed.set(store, error);
    }
    this.#unclaimed = [...failed.keys()];
    this.#againAt = clock.now() + CLAIM_AGAIN_MS;
    if (!isFirst) return;
    for (const error of failed.values()) {
      log.error("a store can't tell that this server serves it", { error });
    }
  }

  async #tell(store: ServedStore): Promise<void> {
    const name = new TextEncoder().encode(this.#options.server);
    store.records!.put(...LAST_SERVER, name);
    await store.settle?.();
  }
}
