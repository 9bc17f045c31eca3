import type { Awaitable } from "../../base/awaitable.ts";
import { type ContentKind, FsError } from "../../vfs/mod.ts";
import type { Locked } from "../common/transfers.ts";
import type { Segment } from "./segments.ts";

/** Bytes of the pages of the disk that `size` bytes take without a hole. */
export function pagesOf(size: number): number {
  return Math.ceil(size / 4096) * 4096;
}

/**
 * What the content of a file takes at least, by the file's row: what a crash has
 * left behind its end may have been counted, and is cut in the meantime.
 */
export function leastUsed(
  { size, used }: { readonly size: number; readonly used: number },
): number {
  return Math.min(used, pagesOf(size));
}

/** Whether a write within a file may have its content take more: what is shared fills no hole there. */
export function mayHaveHoles(
  { size, used, shared }: {
    readonly size: number;
    readonly used: number;
    readonly shared: number;
  },
): boolean {
  return used - shared < size;
}

/** Throws FsError "io" where the content of a file is gone, in part at least: that is no hole. */
export function assertThere(
  contents: Contents,
  { fileid, outside, size, used, shared }: {
    readonly fileid: number;
    readonly outside: number;
    readonly size: number;
    readonly used: number;
    readonly shared: number;
  },
): void {
  if (!contents.lacks(outside, leastUsed({ size, used: used - shared }))) {
    return;
  }
  throw new FsError(
    "io",
    `content ${outside} of file ${fileid} is missing, or shorter than it was`,
  );
}

/** What is looked for in a content, once it is not `locked`. */
export interface Sought {
  readonly offset: number;
  readonly what: ContentKind;
  readonly locked: Locked;
}

/**
 * Where the bytes of larger files are: beside the database, one content each,
 * by a number that no other content ever had. A file that is emptied and grows
 * again gets another: should the host forget in a power failure that the old
 * one was removed, the store does not take it for the new one.
 *
 * Nothing here knows of sizes; a place that was never written reads as zeros.
 */
export interface Contents {
  /**
   * Makes a content, which is empty. False where there is one of that number:
   * wherever it came from, no file here has it, and it stays as it is.
   */
  make(number: number): boolean;
  /**
   * Fills `target` from `offset` on, zeros where nothing was written. False where
   * the content ends before all of that. At once, or while others work where the
   * host has to get it from its disk, once it is not `locked`.
   */
  read(
    number: number,
    offset: number,
    target: Uint8Array,
    locked: Locked,
  ): Awaitable<boolean>;
  /**
   * What a write between two offsets waits for, which would keep others waiting:
   * the host keeps the rest of blocks that are not written as a whole, and may have
   * to get it from its disk, once it is not `locked`.
   */
  readyToWrite(
    number: number,
    start: number,
    end: number,
    locked: Locked,
  ): Promise<void> | undefined;
  /** Writes all of `data`, or throws; part of it may be written then. */
  write(number: number, offset: number, data: Uint8Array): void;
  /** The same of what an earlier life has written, with which the name may not be on disk either. */
  writeAgain(number: number, offset: number, data: Uint8Array): void;
  /**
   * Takes away what is at `size` and beyond: at once, or while others work where
   * that takes long. Until it has, the content is neither read nor written.
   */
  cut(number: number, size: number): Awaitable<void>;
  /** Bytes to the end of what was written, and bytes that it takes. */
  measure(number: number): { readonly size: number; readonly used: number };
  /**
   * Whether it is too short to take `used` bytes, or gone: another process has
   * cut or removed it.
   */
  lacks(number: number, used: number): boolean;
  /** Whether {@linkcode seek} and {@linkcode punch} can be called. */
  readonly hasRanges: boolean;
  /**
   * Gives back what the bytes from `offset` to `end` take, and has them read as zeros.
   * Until it has, the content is neither read nor written.
   */
  punch(number: number, offset: number, end: number): Awaitable<void>;
  /**
   * Where the next data or hole begins, from `offset` on; what is behind the last byte
   * that was written is a hole. `undefined` where no data comes any more.
   */
  seek(number: number, what: Sought): Awaitable<number | undefined>;
  /** The parts that may be other than zeros, in order and apart from each other. */
  segments(number: number): readonly Segment[];
  /** Brings what was written to stable storage, while others work. */
  sync(number: number): Promise<void>;
  /** The same, at once. */
  syncNow(number: number): void;
  /** Removes all of it; what the host does not remove is left to a next start: see {@linkcode hasLeftovers}. */
  remove(number: number): void;
  /** The same of all that are not in use now: a crash can leave some. The caller waits for none. */
  removeStrays(isInUse: (number: number) => boolean): void;
  /** Whether some of what was removed is still there once the work has ended. */
  readonly hasLeftovers: boolean;
  /** Takes a part of the descriptors that so many file systems share. */
  share(count: number): void;
  /** Ends the work. */
  close(): Promise<void>;
}
