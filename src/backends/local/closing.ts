import fs from "node:fs";
import { type Asker, workFor } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/timers.ts";
import type { SharedPlaces } from "../../base/shared_places.ts";
import type { Host, HostStat } from "./host.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isLarge, isLongToFree } from "../common/long_calls.ts";

/** Of the places, this part may be any party's, whatever others have. */
const LEAST_SHARE = 1 / 16;
/** Milliseconds that the end waits for: the host closes what is left with the process. */
export const LAST_WAIT = 5000;

/**
 * Closes files. With the last close of one that has no name the host gives back
 * all that it held. Some file systems (ext4) write out first what was cut and
 * written again, and with the last that is open for writing they look through
 * what they keep for each piece that was written. Of a large file all of that is
 * done beside other work. No party may have more of them than places are left: so
 * there are some for others.
 */
export class Closing {
  readonly #host: Host;
  readonly #clock: Clock;
  /** Descriptors that may wait. */
  most: number;
  /** Those that are closed by threads, or wait for one. */
  readonly #underWay = new Set<Promise<void>>();
  /** How many of each party are among them. */
  readonly #perParty = new Map<string, number>();
  #isDisposed = false;
  /** The host's calls may no longer be there. */
  #isOver = false;

  /** None waits; see {@linkcode Closing.most}. */
  constructor(
    host: Host,
    { clock, most }: { readonly clock: Clock; readonly most: number },
  ) {
    this.#host = host;
    this.#clock = clock;
    this.most = most;
  }

  /** Descriptors that are not closed yet. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Whether a party has so many that what it opens may be none of them: it waits. */
  isBehind(party: string): boolean {
    return this.#hasMoreThan(this.most - this.size, party);
  }

  /** Whether a party may have another one wait that it need not: what it opens still has room. */
  hasRoomFor(party: string): boolean {
    return !this.#hasMoreThan((this.most - this.size) / 2, party);
  }

  /**
   * Closes one that was opened for a party; `isWritten`: for writing, or of a file
   * that was written to and not flushed since.
   */
  close(
    fd: number,
    { opener, isWritten = false }: {
      readonly opener: Asker;
      readonly isWritten?: boolean;
    },
  ): void {
    const threads = this.#isDisposed
      ? undefined
      : this.#threadsFor(fd, isWritten);
    if (threads === undefined) return fs.closeSync(fd);
    const closed = workFor(
      opener,
      () => threads.run(() => this.#closeLater(fd)),
    );
    const { party } = opener;
    const end = () => {
      this.#underWay.delete(closed);
      this.#count(party, -1);
    };
    this.#underWay.add(closed);
    this.#count(party, 1);
    closed.then(end, end);
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

  /** The host may have removed more of others' than there are places: of a few each has them all the same. */
  #hasMoreThan(share: number, party: string): boolean {
    return this.#of(party) >= Math.max(1, this.most * LEAST_SHARE, share);
  }

  #of(party: string): number {
    return this.#perParty.get(party) ?? 0;
  }

  #count(party: string, more: number): void {
    const count = this.#of(party) + more;
    if (count === 0) this.#perParty.delete(party);
    else this.#perParty.set(party, count);
  }

  /** What it may take; `undefined` where that is next to nothing. */
  #threadsFor(fd: number, isWritten: boolean): SharedPlaces | undefined {
    let stat: HostStat;
    try {
      stat = this.#host.statFile(fd);
    } catch {
      // What the host has lost holds nothing.
      return undefined;
    }
    if (stat.nlink === 0) {
      return isLongToFree(stat) ? hostThreads.long : undefined;
    }
    // The host runs no program that is open for writing: it does not stand behind those.
    return isWritten && isLarge(stat) ? hostThreads.short : undefined;
  }
}
