import { closeSync, openSync } from "node:fs";
import { isOutOfRoom } from "../../base/out_of_room.ts";
import { FsError } from "../../vfs/mod.ts";
import { HeldFile } from "../common/held_file.ts";
import { mostDescriptors } from "../../base/process_limit.ts";

/** Files kept open, where that is no more than a quarter of what the process may have. */
const OPEN_FILES = 256;

/** A quarter of the descriptors, of half where others have the rest of that. */
function mostAmong(count: number): number {
  const part = mostDescriptors() / Math.max(4, 2 * count);
  return Math.min(OPEN_FILES, Math.ceil(part));
}

/** A content that is open. */
export class OpenFile extends HeldFile {
  readonly #closed = Promise.withResolvers<void>();

  /** Resolves when the last call of another thread has ended, and the descriptor is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  protected override close(): void {
    closeSync(this.fd);
    this.#closed.resolve();
  }
}

/** The contents that are held open, by their numbers: those that were used last. */
export class OpenFiles implements Disposable {
  readonly #directory: string;
  /** In order of their last use. */
  readonly #open = new Map<number, OpenFile>();
  #most = mostAmong(1);
  /**
   * Is given up for what has to be opened for a sync when the process has no other:
   * what could not be opened would count as not synced, which ends the store.
   */
  #spare: number | undefined;

  /** None; the spare descriptor is of the folder `directory`. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#spare = openSync(directory, "r");
  }

  /** Holds a part of the descriptors that so many file systems share. */
  share(count: number): void {
    this.#most = mostAmong(count);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#most) break;
      this.forget(oldest);
    }
  }

  /** The one of a number, moved to the end of the line. */
  use(number: number): OpenFile | undefined {
    const file = this.#open.get(number);
    if (file === undefined) return undefined;
    this.#open.delete(number);
    this.#open.set(number, file);
    return file;
  }

  /** Holds what was opened; the one that was not used for longest may have to go for it. */
  keep(number: number, fd: number): OpenFile {
    const file = new OpenFile(fd);
    this.#open.set(number, file);
    if (this.#open.size > this.#most) {
      for (const oldest of this.#open.keys()) {
        this.forget(oldest);
        break;
      }
    }
    return file;
  }

  /** Closes one, as soon as no other thread is at it; returns it, if it was open. */
  forget(number: number): OpenFile | undefined {
    const file = this.#open.get(number);
    if (file === undefined) return undefined;
    this.#open.delete(number);
    file.retire();
    return file;
  }

  /**
   * A new descriptor; where there is no room for one, in place of a content
   * that no other thread is at.
   */
  obtain(open: () => number): number {
    for (;;) {
      try {
        return open();
      } catch (error) {
        if (!lacksRoom(error) || !this.#closeIdle()) throw error;
      }
    }
  }

  /** Has `act` open something, if need be in place of the spare descriptor. */
  withSpare(act: () => void): void {
    try {
      return act();
    } catch (error) {
      if (!lacksRoom(error) || this.#spare === undefined) throw error;
    }
    closeSync(this.#spare);
    this.#spare = undefined;
    try {
      act();
    } finally {
      this.takeSpare();
    }
  }

  /** Gets the spare descriptor back, where it was given up and there is room. */
  takeSpare(): void {
    try {
      this.#spare ??= this.obtain(() => openSync(this.#directory, "r"));
    } catch {
      // Another thread was quicker: again with the next file that is closed.
    }
  }

  /** Closes all. */
  [Symbol.dispose](): void {
    for (const number of [...this.#open.keys()]) this.forget(number);
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
  }

  #closeIdle(): boolean {
    for (const [number, { isInUse }] of this.#open) {
      if (isInUse) continue;
      this.forget(number);
      return true;
    }
    return false;
  }
}

/** Whether the process has no descriptor or memory for something: that ends by itself. */
export function lacksRoom(error: unknown): boolean {
  return isOutOfRoom(error instanceof FsError ? error.cause : error);
}
