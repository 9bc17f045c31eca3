import fs from "node:fs";

/**
 * Bytes that the host gives back, or gives, sooner than another thread would be
 * at it. Of gigabytes it takes a second, in which no client would be answered.
 */
export const LARGE = 16 * 1024 * 1024;

/**
 * Bytes that may be in 64 pieces, of a page each. For each that it gives back, a
 * file system may take half a millisecond (ext4, where it discards as well).
 */
export const SCATTERED = 64 * 4096;

/** What the host says of a file. */
interface Stored {
  /** Bytes to its end. */
  readonly size: number;
  /** Bytes that it takes. */
  readonly used: number;
}

/** Whether the host takes long to write out a file, were all of it to be written. */
export function isLarge({ size, used }: Stored): boolean {
  return Math.max(size, used) > LARGE;
}

/** Whether the host takes long to give back a file. */
export function isLongToFree(stored: Stored): boolean {
  return isFarFrom(stored, 0);
}

/**
 * Whether the host takes long to bring a file to a size: for what it gives back,
 * in however many pieces, for the pages that it keeps of it, or for what it adds,
 * as not each file system has holes.
 */
export function isFarFrom({ size, used }: Stored, to: number): boolean {
  const cut = Math.max(size, used) - to;
  return Math.min(cut, used) > SCATTERED || cut > LARGE || to - size > LARGE;
}

/** Whether the host takes long to give so many bytes of a file room, or to take it away. */
export function isLongInRange({ used }: Stored, length: number): boolean {
  return length > LARGE || Math.min(length, used) > SCATTERED;
}

/**
 * Has another thread bring an open file to `size`. The host locks the file for as
 * long, and a call that takes this lock as well would keep the event loop.
 */
export function resizeLater(fd: number, size: number): Promise<void> {
  return new Promise((resolve, reject) =>
    fs.ftruncate(
      fd,
      size,
      (error) => error === null ? resolve() : reject(error),
    )
  );
}
