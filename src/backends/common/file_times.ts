import { fineWallClock } from "../../base/wall_clock.ts";
import type { Timestamp } from "../../vfs/mod.ts";

/** The machine's time of day to the microsecond, as files are dated with it. */
export function systemTime(): () => Timestamp {
  const clock = fineWallClock();
  return () => {
    const now = clock();
    const seconds = Math.floor(now / 1000);
    return {
      seconds,
      nanoseconds: Math.floor((now - seconds * 1000) * 1_000_000),
    };
  };
}
