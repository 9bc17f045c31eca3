/**
 * Kills a process that works on a store, again and again, and looks each time
 * whether everything that it was told is there. Run it for more points:
 *
 *     deno run -A tests/backends/sqlite/crash.ts POINTS [SEED] [full|os]
 *
 * @module
 */
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import type { Stability } from "../../../src/vfs/mod.ts";
import { Model, type Step } from "./crash_model.ts";
import { sequence, temporary, using } from "./fixture.ts";

/** A batch that the child spoke of; without answers, it was killed in it. */
export interface Batch {
  readonly steps: Step[];
  answers?: (Stability | null)[];
}

/** Kills `points` times; throws at the first time that something is wrong. */
export async function crash(
  { points, seed, durability = "full" }: {
    readonly points: number;
    readonly seed: number;
    readonly durability?: "full" | "os";
  },
): Promise<{ batches: number }> {
  using directory = temporary();
  const random = sequence(seed);
  let batches = 0;
  for (let point = 0; point < points; point++) {
    const before = await using(directory.path, (fs) => Model.of(fs));
    const told = await work(directory.path, {
      seed: random(2 ** 31),
      milliseconds: random(120),
      durability,
    });
    batches += told.filter(({ answers }) => answers !== undefined).length;
    const { problems } = await checkStore(directory.path);
    const after = await using(directory.path, (fs) => Model.of(fs));
    const difference = compare(before, after, told);
    if (difference !== undefined || problems.length > 0) {
      const what = [difference, ...problems].join("; ");
      throw new Error(`point ${point} of seed ${seed}: ${what}`);
    }
  }
  return { batches };
}

/** Lets a child work for a while after its first word, and kills it. */
async function work(
  directory: string,
  { seed, milliseconds, durability }: {
    readonly seed: number;
    readonly milliseconds: number;
    readonly durability: string;
  },
): Promise<Batch[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check"],
      new URL("crash_child.ts", import.meta.url).pathname,
      ...[directory, String(seed), durability],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let output = "";
  let isKilled = false;
  let killer: Promise<void> | undefined;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    killer ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      isKilled = true;
      child.kill("SIGKILL");
    })();
  }
  await killer;
  await child.status;
  const said = await errors;
  if (!isKilled || said !== "") throw new Error(`the child died: ${said}`);
  const lines = output.split("\n");
  // What follows the last newline was cut off by the kill.
  lines.pop();
  const batches: Batch[] = [];
  for (const line of lines) {
    const { steps, answers } = JSON.parse(line);
    if (steps !== undefined) batches.push({ steps });
    else batches[batches.length - 1]!.answers = answers;
  }
  return batches;
}

/**
 * Tells what is wrong, if anything: all that was answered has to be there, and of
 * a last batch without answers, the steps up to some point.
 */
export function compare(
  before: Model,
  after: Model,
  batches: readonly Batch[],
): string | undefined {
  const last = batches.at(-1);
  const unanswered = last && last.answers === undefined ? last.steps : [];
  const differences: string[] = [];
  for (let count = unanswered.length; count >= 0; count--) {
    const model = before.copy();
    for (const { steps, answers } of batches) {
      if (answers === undefined) continue;
      steps.forEach((step, index) =>
        model.apply(step, answers[index] ?? undefined)
      );
    }
    unanswered.forEach((step, index) => {
      // A commit promises nothing before it is answered.
      if (step.op === "commit") return;
      if (index < count) model.apply(step);
      else if (
        step.op === "write" || step.op === "punch" || step.op === "clone"
      ) doubt(model, step);
    });
    const difference = model.differs(after);
    if (difference === undefined) return undefined;
    differences.push(`after ${count} steps of the last batch, ${difference}`);
  }
  return `${differences.join("; ")} (${JSON.stringify(unanswered)})`;
}

/** Bytes of a write that nobody answered may be there, though not as its size; zeros of a hole as well. */
function doubt(
  model: Model,
  { path, offset, length }: Extract<Step, { offset: number }>,
): void {
  model.nodes.get(path)?.doubts.push([offset, offset + length]);
}

if (import.meta.main) {
  const [points = "500", seed = String(Date.now()), durability] = Deno.args;
  console.log(`${points} points, seed ${seed}`);
  const options = { points: Number(points), seed: Number(seed) };
  const done = await crash({
    ...options,
    durability: durability === "os" ? "os" : "full",
  });
  console.log(`${done.batches} batches were answered, and all are there`);
}
