/**
 * Mounts the server with a real Linux kernel client: kernels × back ends ×
 * minor versions × suites of guest scripts. See README.md beside this file.
 *
 *     deno run -A tests/interop/run.ts [SUITE...] [--kernel 6.1,7.3]
 *         [--backend memory,local,sqlite] [--vers 4.0,4.1,4.2] [--full]
 *         [--jobs N] [--require] [--seed N] [--external PORT [--sub DIR]]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { add, buildGuest, type Tally } from "./guests.ts";
import {
  BACKENDS,
  type Combination,
  gate,
  type Kernel,
  KERNELS,
  product,
  VERSIONS,
} from "./matrix.ts";
import { Pace } from "./pace.ts";
import { plan, SUITES, TREE_PACKAGES } from "./suites.ts";
import { fetchTree, treeFile } from "./tree.ts";
import { runTrial, type Settings, type Trial } from "./trial.ts";

function usage(problem: string): never {
  console.error(`${problem}\nsuites: ${SUITES.join(" ")}; see README.md`);
  Deno.exit(2);
}

function readArgs() {
  try {
    return parseArgs({
      args: Deno.args,
      allowPositionals: true,
      options: {
        kernel: { type: "string" },
        backend: { type: "string", default: "memory,local,sqlite" },
        vers: { type: "string", default: "4.0,4.1,4.2" },
        full: { type: "boolean", default: false },
        jobs: { type: "string", default: "2" },
        require: { type: "boolean", default: false },
        seed: { type: "string" },
        external: { type: "string" },
        sub: { type: "string" },
      },
    });
  } catch (error) {
    usage((error as Error).message);
  }
}

function pickOf<T extends string>(
  kind: string,
  list: string,
  known: readonly T[],
): T[] {
  return list.split(",").map((name) =>
    known.find((each) => each === name) ?? usage(`no ${kind} ${name}`)
  );
}

function combinations({ values, positionals }: ReturnType<typeof readArgs>) {
  const suites = positionals.flatMap((name) => pickOf("suite", name, SUITES));
  const isGate = suites.length === 0 && !values.full && !values.external;
  const kernels = values.kernel !== undefined
    ? pickOf("kernel", values.kernel, KERNELS)
    : isGate
    ? KERNELS
    : [KERNELS[0]];
  const backends = pickOf("back end", values.backend, BACKENDS);
  const versions = pickOf("version", values.vers, VERSIONS);
  if (isGate) return gate(kernels, backends, versions);
  return product(
    kernels,
    values.external ? ["external"] : backends,
    versions,
    suites.length ? suites : SUITES,
  );
}

/** Builds the guests of a kernel that these want; tells why one can't be had. */
async function buildGuests(kernel: Kernel, wanted: readonly Combination[]) {
  const suites = wanted.flatMap((each) => each.suites);
  const noGuest = await buildGuest(kernel);
  const wantsPackages = suites.includes("tree") || suites.includes("crash");
  const noPackages = wantsPackages
    ? noGuest ?? await buildGuest(kernel, TREE_PACKAGES)
    : undefined;
  return { noGuest, noPackages };
}

/** Tells whose lines they are. */
const speak = ({ kernel, backend, vers }: Combination) => (line: string) =>
  console.log(`[${kernel} ${backend} ${vers}] ${line}`);

async function main(): Promise<void> {
  // A run that is broken off takes its servers and guests along.
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => interrupted.abort());
  }
  const { signal } = interrupted;
  const args = readArgs();
  const { values } = args;
  const wanted = combinations(args);
  const sum: Tally = { passed: 0, failed: 0, skipped: 0 };
  const settings: Settings = {
    signal,
    pace: new Pace(),
    require: values.require,
    seed: values.seed,
    sub: values.sub,
  };
  if (values.external) settings.external = Number(values.external);

  const trials: Trial[] = [];
  const noTree = wanted.some(({ suites }) => suites.includes("tree"))
    ? await fetchTree()
    : undefined;
  for (const [kernel, group] of Map.groupBy(wanted, (each) => each.kernel)) {
    const lacks = { noTree, ...await buildGuests(kernel, group) };
    for (const each of group) {
      const onLine = speak(each);
      const target = { ...each, ...lacks, treeFile: treeFile() };
      const { boots, skips } = plan(target);
      for (const { suite, reason } of skips) onLine(`skip ${suite}: ${reason}`);
      sum.skipped += skips.length;
      trials.push(...boots.map((boot) => ({ ...each, boot, onLine })));
    }
  }
  // The longest first, or the last one would go on alone.
  trials.sort((one, other) => other.boot.timeout - one.boot.timeout);

  const worker = async () => {
    for (let next; (next = trials.shift()) && !signal.aborted;) {
      add(sum, await runTrial(next, settings));
    }
  };
  // Runs against one external server would work in the same folders.
  const jobs = values.external ? 1 : Math.max(1, Number(values.jobs) || 1);
  await Promise.all(Array.from({ length: jobs }, worker));
  console.log(
    `${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`,
  );
  Deno.exit(signal.aborted ? 130 : sum.failed > 0 ? 1 : 0);
}

if (import.meta.main) await main();
