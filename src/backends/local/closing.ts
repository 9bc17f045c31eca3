import fs from "node:fs";
import { type Asker, workFor } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/timers.ts";
import type { SharedPlaces } from "../../base/shared_places.ts";
import { EvenShares } from "../../base/even_shares.ts";
import type { Host, HostStat } from "./host.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isLarge, isLongToFree } from "../common/long_calls.ts";

/** Milliseconds that the end waits for: the host closes what is left with the process. */
export const LAST_WAIT = 5000;

/**
 * Closes files. With the last close of one that has no name the host gives back
 * all that it held. Some file systems (ext4) write out first what was cut and
 * written again, and with the last that is open for writing they look through
 * what they keep for each piece that was written. Of a large file all of that is
 * done beside other work. Of one owner's no more are to wait than places are left,
 * so there are some for others': they go by owners, also in the line for threads
 * that give back. An owner has what it takes to have many, and who had them opened
 * last has not. What has a name stands in the line of reads and writes, and as all
 * there in that of the party that had it opened: a client has as many owners as it
 * says, and would have a party's places for each.
 */
export class Closing {
  readonly #host: Host;
  readonly #clock: Clock;
  /** Those that are closed by threads, or wait for one. */
  readonly #underWay = new Set<Promise<void>>();
  /** How many there are of each owner's files. */
  readonly #shares: EvenShares<number>;
  #isDisposed = false;
  /** The host's calls may no longer be there. */
  #isOver = false;

  /** `most` may wait. */
  constructor(
    host: Host,
    { clock, most }: { readonly clock: Clock; readonly most: number },
  ) {
    this.#host = host;
    this.#clock = clock;
    this.#shares = new EvenShares(most);
  }

  /** Descriptors that are not closed yet. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Descriptors that may wait. */
  set most(most: number) {
    this.#shares.most = most;
  }

  /** Whether there are so many of an owner's that no further ones of that are to be opened. */
  isBehind(owner: number): boolean {
    return this.#shares.isFull(owner);
  }

  /** Whether another one of an owner's may wait that need not: what is open still has room. */
  hasRoomFor(owner: number): boolean {
    return !this.#shares.isFull(owner, 1 / 2);
  }

  /**
   * Closes one; `writer`: who had it opened for writing, or while the file was not
   * flushed. Resolves when a thread has; `undefined` where it is closed by then.
   */
  close(fd: number, writer?: Asker): Promise<void> | undefined {
    const stat = this.#isDisposed ? undefined : this.#statOf(fd);
    const line = stat && lineOf(stat, writer);
    if (line === undefined) {
      fs.closeSync(fd);
      return undefined;
    }
    const { uid } = stat!;
    // A sweep closes files of all, and so does who needs room for another.
    const closed = workFor(
      line.asker,
      () => line.threads.run(() => this.#closeLater(fd)),
    );
    const end = () => {
      this.#underWay.delete(closed);
      this.#shares.give(uid);
    };
    this.#underWay.add(closed);
    this.#shares.take(uid);
    return closed.then(end, end);
  }

  /** Closes all that is left; resolves when that is done, or has taken too long to be waited for. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const ended = new AbortController();
    await Promise.race([
      Promise.all(this.#underWay),
      sleep(this.#clock, LAST_WAIT, ended.signal),
    ]);
    ended.abort();
    this.#isOver = true;
  }

  async #closeLater(fd: number): Promise<void> {
    const closed = this.#isOver ? undefined : this.#host.closeLater(fd);
    if (closed === undefined) fs.closeSync(fd);
    else await closed;
  }

  /** `undefined` of what the host has lost: it holds nothing. */
  #statOf(fd: number): HostStat | undefined {
    try {
      return this.#host.statFile(fd);
    } catch {
      return undefined;
    }
  }
}

/** Where, and for whom, one is closed that may take a while; `undefined` where that is next to nothing. */
function lineOf(
  stat: HostStat,
  writer: Asker | undefined,
): { threads: SharedPlaces; asker: Asker } | undefined {
  if (stat.nlink === 0) {
    const owner = { party: `${stat.uid}` };
    return isLongToFree(stat)
      ? { threads: hostThreads.closes, asker: owner }
      : undefined;
  }
  // The host runs no program that is open for writing: it does not stand behind those.
  return writer !== undefined && isLarge(stat)
    ? { threads: hostThreads.short, asker: writer }
    : undefined;
}
