import fs from "node:fs";

/**
 * Bytes that the host gives back, or gives, sooner than another thread would be
 * at it. Of gigabytes it takes a second, in which no client would be answered.
 */
export const LARGE = 16 * 1024 * 1024;

/** What the host says of a file. */
interface Stored {
  /** Bytes to its end. */
  readonly size: number;
  /** Bytes that it takes. */
  readonly used: number;
}

/** Whether the host takes long to take away a file: for what it holds, or for the pages kept of it. */
export function isLarge({ size, used }: Stored): boolean {
  return Math.max(size, used) > LARGE;
}

/** Whether the host takes long to bring a file to `size`: not each file system has holes. */
export function isFarFrom({ size, used }: Stored, to: number): boolean {
  return Math.max(size, used) - to > LARGE || to - size > LARGE;
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
