import type { Timestamp } from "../../vfs/mod.ts";

/** Milliseconds that the two clocks may be apart. */
const TOLERANCE = 2;

/**
 * The time of day to the microsecond: `performance.now()`, which is fine but
 * does not follow when the clock is set, brought back to `Date.now()` whenever
 * they differ.
 */
export function systemClock(): () => Timestamp {
  let origin = performance.timeOrigin;
  return () => {
    const wall = Date.now();
    let fine = origin + performance.now();
    if (Math.abs(fine - wall) > TOLERANCE) {
      origin += wall - fine;
      fine = wall;
    }
    const seconds = Math.floor(fine / 1000);
    return {
      seconds,
      nanoseconds: Math.floor((fine - seconds * 1000) * 1_000_000),
    };
  };
}
