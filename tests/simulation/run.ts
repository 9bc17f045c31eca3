/**
 * The long run of the simulation, and the way to see one history again:
 *
 *     deno run -A tests/simulation/run.ts [--count 5000] [--steps 120] [--seed 1]
 *     deno run -A tests/simulation/run.ts --seed 4711 --steps 33 --trace
 *
 * Plays `count` histories from `seed` on (one, when only a seed is given) and
 * ends at the first violation, with the shortest beginning that fails.
 */

import { play } from "./history.ts";
import { report, shrink } from "./shrink.ts";

const options: Record<string, number> = {};
for (let i = 0; i < Deno.args.length; i++) {
  const name = Deno.args[i]!.replace(/^--/, "");
  options[name] = name === "trace" ? 1 : Number(Deno.args[++i]);
  if (!Number.isInteger(options[name])) {
    console.error(`--${name} wants a whole number`);
    Deno.exit(2);
  }
}
const { steps = 120, seed = 1 } = options;
const count = options.count ?? (options.seed === undefined ? 5_000 : 1);
const totals = new Map<string, number>();
const begun = performance.now();
for (let i = 0; i < count; i++) {
  const outcome = await play(seed + i, steps);
  for (const [what, times] of outcome.counts) {
    totals.set(what, (totals.get(what) ?? 0) + times);
  }
  if (outcome.violation !== undefined) {
    console.error(`seed ${outcome.seed} fails; looking for the shortest way`);
    const shortest = options.trace ? outcome : await shrink(outcome);
    if (options.trace) console.error(shortest.trace.join("\n"));
    console.error(report(shortest));
    Deno.exit(1);
  }
  if (options.trace) console.log(outcome.trace.join("\n"));
  if ((i + 1) % 250 === 0) console.log(`${i + 1} of ${count} histories`);
}
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(
  `${count} histories in ${seconds} s, nothing found. What happened:`,
);
for (const [what, times] of [...totals].sort()) {
  console.log(`  ${what}: ${times}`);
}
