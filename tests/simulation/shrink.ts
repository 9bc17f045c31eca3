/** The shortest beginning of a history that fails still. */

import { type Outcome, play } from "./history.ts";

/** Halves the steps as long as the history fails with them. */
export async function shrink(failed: Outcome): Promise<Outcome> {
  let shortest = failed;
  let enough = failed.steps;
  let tooFew = 0;
  while (tooFew + 1 < enough) {
    const steps = tooFew + enough >> 1;
    const outcome = await play(failed.seed, steps);
    if (outcome.violation === undefined) {
      tooFew = steps;
      continue;
    }
    shortest = outcome;
    enough = outcome.steps;
  }
  return shortest;
}

/** How to see a failure again. */
export function report({ seed, steps, violation }: Outcome): string {
  return `${violation}\n` +
    `  deno run -A tests/simulation/run.ts --seed ${seed} --steps ${steps} --trace`;
}
