/**
 * How slow this machine is today.
 *
 * @module
 */

/** Seconds in which a guest boots where the limits are right as they stand. */
const USUAL_BOOT_S = 8;

/** A machine this many times slower is not waited for. */
const MAX_PACE = 8;

/** What every limit of a boot is multiplied by, measured by the boots so far. */
export class Pace {
  #factor = 1;

  /** The factor, an integer from 1 to 8. */
  get factor(): number {
    return this.#factor;
  }

  /** Takes what one boot took, in seconds. */
  booted(seconds: number): void {
    this.#factor = Math.min(
      MAX_PACE,
      Math.max(1, Math.ceil(seconds / USUAL_BOOT_S)),
    );
  }

  /** The factor for one more try of what ran out of time. */
  get again(): number {
    return Math.min(MAX_PACE, this.#factor * 2);
  }
}

/** Reads how long a guest took to boot, in seconds, from a line of `--timings`. */
export function parseBoot(line: string): number | undefined {
  const match = /^linux-client: (?:client \d+: )?boot ([\d.]+) s\b/.exec(line);
  return match === null ? undefined : Number(match[1]);
}
