/** Time, given in so that tests can own it. */
export interface Clock {
  /** Milliseconds that only grow; the origin means nothing. */
  now(): number;
}

/** `length` bytes that nobody can guess; tests give bytes that they know. */
export type RandomBytes = (length: number) => Uint8Array;

/** The clock of the machine. */
export const systemClock: Clock = { now: () => performance.now() };

/** Random bytes from the operating system. */
export function systemRandom(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
