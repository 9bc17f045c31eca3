import { SEEN_ERRORS } from "../support/seen_errors.ts";

/** What a run of tests has seen. */
export interface ErrorRun {
  /** Tests by "4.0 LOOKUP NOENT"; their paths below tests/, without _test.ts. */
  readonly seen: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether all of them passed. */
  readonly passed: boolean;
  /** What they wrote. */
  readonly output: string;
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** Runs tests, by their paths below tests/, and gathers which errors each of them saw. */
export async function runTests(paths: readonly string[]): Promise<ErrorRun> {
  const folder = await Deno.makeTempDir();
  try {
    const command = new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "--no-check", "--quiet", "--parallel", "-A"],
        ...paths.map((path) => `tests/${path}`),
      ],
      cwd: ROOT,
      env: { [SEEN_ERRORS]: folder, NO_COLOR: "1" },
    });
    const { success, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    const output = text.decode(stdout) + text.decode(stderr);
    return { seen: await gather(folder), passed: success, output };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function gather(folder: string): Promise<Map<string, Set<string>>> {
  const seen = new Map<string, Set<string>>();
  for await (const { name } of Deno.readDir(folder)) {
    const note = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    const test = note.test.replace(/.*\/tests\//, "").replace("_test.ts", "");
    for (const pair of note.seen) {
      const tests = seen.get(pair) ?? new Set();
      seen.set(pair, tests.add(test));
    }
  }
  return seen;
}
