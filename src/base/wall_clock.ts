/**
 * The time of day, in milliseconds since 1970, by which files and lines of the log
 * are dated. It may be set, back as well: what waits goes by a `Clock`.
 */
export type WallClock = () => number;

/** The machine's time of day, to the millisecond. */
export const systemWallClock: WallClock = () => Date.now();

/** Milliseconds that the two clocks of the machine may be apart. */
const TOLERANCE = 2;

/**
 * The machine's time of day to the microsecond: `performance.now()`, which is
 * fine but does not follow when the clock is set, brought back to `Date.now()`
 * whenever they differ.
 */
export function fineWallClock(): WallClock {
  let origin = performance.timeOrigin;
  return () => {
    const wall = Date.now();
    const fine = origin + performance.now();
    if (Math.abs(fine - wall) <= TOLERANCE) return fine;
    origin += wall - fine;
    return wall;
  };
}
