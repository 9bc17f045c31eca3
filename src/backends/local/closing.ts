import fs from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/timers.ts";
import type { Host } from "./host.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isLarge, isLongToFree } from "../common/long_calls.ts";

/** Milliseconds that the end waits for: the host closes what is left with the process. */
export const LAST_WAIT = 5000;

/**
 * Closes files. With the last close of one that has no name the host gives back
 * all that it held. Some file systems (ext4) write out first what was cut and
 * written again, and with the last that is open for writing they look through
 * what they keep for each piece that was written. Of a large file all of that is
 * done beside other work.
 */
export class Closing {
  readonly #host: Host;
  readonly #clock: Clock;
  /** Descriptors that may wait; what comes beyond is closed at once. */
  most: number;
  /** Those that are closed by threads, or wait for one. */
  readonly #underWay = new Set<Promise<void>>();
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

  /** Closes one; `isWritten`: for writing, or of a file that was written to and not flushed since. */
  close(fd: number, isWritten = false): void {
    const isFull = this.#isDisposed || this.size >= this.most;
    if (isFull || !this.#takesLong(fd, isWritten)) return fs.closeSync(fd);
    const closed = hostThreads.long.run(() => this.#closeLater(fd));
    const end = () => void this.#underWay.delete(closed);
    this.#underWay.add(closed);
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

  #takesLong(fd: number, isWritten: boolean): boolean {
    try {
      const stat = this.#host.statFile(fd);
      return stat.nlink === 0 ? isLongToFree(stat) : isWritten && isLarge(stat);
    } catch {
      // What the host has lost holds nothing.
      return false;
    }
  }
}
