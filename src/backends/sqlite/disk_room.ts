import type { Disk } from "./disk.ts";

/** Bytes of a disk that are never given to files, to have room to remove some. */
export const RESERVE = 2 ** 25;

/** Where a store is. */
export interface Room {
  /** Bytes in all, taken or not, of what has the contents. */
  readonly total: number;
  /** Bytes that files can take; `inside` are those that the database has for them already. */
  free(inside: number): number;
}

/** The room of a store's disk: of two, where `content/` is on one of its own. */
export class DiskRoom implements Room {
  readonly #disk: Disk;
  readonly #database: string;
  readonly #contents: string;
  readonly #areApart: boolean;

  /** Of the store in a folder, which has its contents. */
  constructor(directory: string, disk: Disk) {
    this.#disk = disk;
    this.#database = directory;
    this.#contents = `${directory}/content`;
    this.#areApart = deviceOf(this.#database) !== deviceOf(this.#contents);
  }

  get total(): number {
    return this.#disk.room(this.#contents).total;
  }

  free(inside: number): number {
    const free = this.#disk.room(this.#database).free + inside;
    if (!this.#areApart) return free - RESERVE;
    // A file takes of both: its content of one, its row and its name of the other.
    return Math.min(free, this.#disk.room(this.#contents).free) - RESERVE;
  }
}

function deviceOf(directory: string): number {
  return Deno.statSync(directory).dev;
}
