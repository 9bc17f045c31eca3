import { leave } from "../../base/awaitable.ts";
import type { Clock } from "../../base/clock.ts";
import {
  type Mounted,
  MOUNTS,
  MountTable,
  readMountTable,
} from "./mount_table.ts";

/** Milliseconds from one look at the table of mounts to the next. */
export const LOOK_MS = 5_000;

/** What became of the file system that a folder was on. */
export interface MountNews {
  /** Whether another one is mounted in its place; if not, there is none. */
  readonly isAnew: boolean;
  /** The same for the user, in one line. */
  readonly reason: string;
}

/**
 * Whether a folder is still on the file system that it was on at first, told by
 * the table of mounts: a look at the folder itself may hang. Where the table can't
 * be read, it is taken to be.
 */
export class MountWatch {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #first: Mounted | undefined;
  #lookedAt: number;
  #isLooking = false;

  /** `path` is the folder's own, without symlinks. */
  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#lookedAt = clock.now();
    try {
      this.#first = readMountTable().at(path);
    } catch {
      // Not Linux, or less than `--allow-all`.
    }
  }

  /** Looks in the background, unless it did so lately; `hear` is told what was found, `undefined` where nothing has changed. */
  look(hear: (news: MountNews | undefined) => void): void {
    const now = this.#clock.now();
    if (this.#isLooking || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    this.#isLooking = true;
    leave(this.#look(hear));
  }

  async #look(hear: (news: MountNews | undefined) => void): Promise<void> {
    const news = await this.#news();
    this.#isLooking = false;
    hear(news);
  }

  /** Never rejects. */
  async #news(): Promise<MountNews | undefined> {
    const first = this.#first;
    if (first === undefined) return undefined;
    let now: Mounted | undefined;
    try {
      now = new MountTable(await Deno.readTextFile(MOUNTS)).at(this.#path);
    } catch {
      // The host has no room for it.
    }
    if (now === undefined || now.device === first.device) return undefined;
    if (now.place === first.place) {
      return { isAnew: true, reason: `${now.place} was mounted anew` };
    }
    const reason = `${this.#path} is now on what is mounted at ${now.place}`;
    return { isAnew: false, reason };
  }
}
