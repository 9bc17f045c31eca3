import type { HostStat } from "./host.ts";

/**
 * Bytes that the host gives back, or gives, sooner than another thread would be
 * at it. Of gigabytes it takes a second, in which no client would be answered.
 */
export const LARGE = 16 * 1024 * 1024;

/** Whether the host takes long to take away a file: for what it holds, or for the pages kept of it. */
export function isLarge({ size, used }: HostStat): boolean {
  return Math.max(size, used) > LARGE;
}

/** Whether the host takes long to bring a file to `size`: not each file system has holes. */
export function isFarFrom({ size, used }: HostStat, to: number): boolean {
  return Math.max(size, used) - to > LARGE || to - size > LARGE;
}
