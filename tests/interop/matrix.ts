/**
 * Which back end meets which suite in which minor version.
 *
 * @module
 */

import { type Suite, SUITES } from "./suites.ts";

/** Names of the back ends. */
export const BACKENDS = ["memory", "local", "sqlite"] as const;

/** Names of the minor versions. */
export const VERSIONS = ["4.0", "4.1", "4.2"] as const;

/** A back end. */
export type Backend = typeof BACKENDS[number];

/** A minor version. */
export type Version = typeof VERSIONS[number];

/** One back end in one minor version, and the suites that it takes. */
export interface Combination {
  /** The back end, or `"external"` for a server that runs already. */
  backend: Backend | "external";
  /** The minor version. */
  vers: Version;
  /** What is run. */
  suites: readonly Suite[];
}

type Row = Partial<Record<Backend, readonly Version[]>>;

/**
 * The gate: every suite meets every back end and every minor version that it
 * is for at least once, and no more often than that takes. Suites that share a
 * boot share their row.
 */
export const GATE: Readonly<Record<Suite, Row>> = {
  smoke: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
  posix: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
  sparse: { memory: ["4.2"], local: ["4.2"], sqlite: ["4.2"] },
  locks: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
  names: { local: ["4.0", "4.1", "4.2"] },
  xattr: { memory: ["4.2"], local: ["4.2"], sqlite: ["4.2"] },
  lock2: { memory: ["4.1"], local: ["4.2"], sqlite: ["4.0"] },
  deleg: { memory: ["4.1"], local: ["4.2"], sqlite: ["4.0"] },
  silent: { memory: ["4.2"], local: ["4.0"], sqlite: ["4.1"] },
  reconnect: { memory: ["4.2"], local: ["4.2"], sqlite: ["4.1"] },
  reclaim: { local: ["4.0", "4.2"], sqlite: ["4.1"] },
  random: { memory: ["4.2"], local: ["4.0"], sqlite: ["4.1"] },
  crash: { sqlite: ["4.0", "4.1", "4.2"] },
  stopped: { local: ["4.2"], sqlite: ["4.0", "4.1"] },
  tree: { memory: ["4.1"], local: ["4.2"], sqlite: ["4.0"] },
};

/** What the gate runs, of these back ends and versions. */
export function gate(
  backends: readonly Backend[],
  versions: readonly Version[],
): Combination[] {
  return product(backends, versions, SUITES)
    .map(({ backend, vers, suites }) => ({
      backend,
      vers,
      suites: suites.filter((suite) =>
        GATE[suite][backend as Backend]?.includes(vers)
      ),
    }))
    .filter(({ suites }) => suites.length > 0);
}

/** Every suite of these on every back end in every version. */
export function product(
  backends: readonly Combination["backend"][],
  versions: readonly Version[],
  suites: readonly Suite[],
): Combination[] {
  return backends.flatMap((backend) =>
    versions.map((vers) => ({ backend, vers, suites }))
  );
}
