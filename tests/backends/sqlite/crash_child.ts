/**
 * Works on a store until it is killed. Says on its standard output what it is
 * about to do, a line of JSON for each batch, and what came of it once the
 * store has settled.
 *
 *     crash_child.ts DIRECTORY SEED
 *
 * @module
 */
import { type Durability, sqlite } from "../../../src/backends/sqlite/mod.ts";
import type { Stability } from "../../../src/vfs/mod.ts";
import { Model } from "./crash_model.ts";
import { act, nextBatch } from "./crash_steps.ts";
import { sequence } from "./fixture.ts";

const [directory = "", seed, durability] = Deno.args;
const fs = sqlite(directory, {
  durability: durability as Durability,
  // Few and little, so that what is kept in memory goes and comes.
  keptNodes: 8,
  longLog: 2 ** 17,
  commitBytes: 2 ** 15,
});
const random = sequence(Number(seed));
const model = await Model.of(fs);
const encoder = new TextEncoder();
const say = (line: unknown) =>
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));

for (;;) {
  const steps = nextBatch(model, random);
  say({ steps });
  const answers: (Stability | null)[] = [];
  for (const step of steps) answers.push(await act(fs, step) ?? null);
  await fs.settle();
  say({ answers });
}
