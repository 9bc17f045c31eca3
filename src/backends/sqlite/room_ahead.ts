import { fstatSync, writeSync } from "node:fs";
import { fsErrorOf } from "./errors.ts";

/** Bytes that are set aside at a time. */
const STEP = 2 ** 18;
const ZEROS = new Uint8Array(2 ** 16);
/** SQLite's log has a header, and each page in it one of its own. */
const LOG_HEADER = 32;
const FRAME_HEADER = 24;

/**
 * Room of the disk that a database and its log have ahead of what is in them, so
 * that others who fill the disk can't keep a client from removing something: the
 * log can be emptied into the database, and goes on at its start.
 *
 * Zeros behind a database or a log are what SQLite has there itself, where it sets
 * room aside (SQLITE_FCNTL_CHUNK_SIZE), and no frame is valid without its checksum.
 */
export class RoomAhead {
  readonly #descriptor: number;
  #length: number;

  /** Of an open file. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#length = this.#measure();
  }

  /** SQLite has cut it, or made it longer. */
  measureAgain(): void {
    this.#length = this.#measure();
  }

  /** Has the file take at least `length` bytes of the disk; returns why it can't, where it can't. */
  reach(length: number): unknown {
    if (length <= this.#length) return undefined;
    this.#length = Math.max(this.#length, this.#measure());
    if (length <= this.#length) return undefined;
    try {
      const end = length + STEP;
      while (this.#length < end) {
        const rest = Math.min(ZEROS.length, end - this.#length);
        this.#length += writeSync(
          this.#descriptor,
          ZEROS,
          0,
          rest,
          this.#length,
        );
      }
    } catch (error) {
      // What there is of it may do.
      if (length > this.#length) return fsErrorOf(error);
    }
    return undefined;
  }

  #measure(): number {
    return fstatSync(this.#descriptor).size;
  }
}

/** Where a log ends that has so many pages. */
export function endOfLog(pages: number, page: number): number {
  return LOG_HEADER + pages * (page + FRAME_HEADER);
}
