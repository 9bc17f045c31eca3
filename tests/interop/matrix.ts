/**
 * Which kernel and back end meet which suite in which minor version.
 *
 * @module
 */

import { type Suite, SUITES } from "./suites.ts";

/** The client's kernels, as `linux-client` names them. */
export const KERNELS = ["6.1", "7.3"] as const;

/** Names of the back ends. */
export const BACKENDS = ["memory", "local", "sqlite"] as const;

/** Names of the minor versions. */
export const VERSIONS = ["4.0", "4.1", "4.2"] as const;

/** A kernel. */
export type Kernel = typeof KERNELS[number];

/** A back end. */
export type Backend = typeof BACKENDS[number];

/** A minor version. */
export type Version = typeof VERSIONS[number];

/** One kernel and back end in one minor version, and the suites that they take. */
export interface Combination {
  /** The client's kernel. */
  kernel: Kernel;
  /** The back end, or `"external"` for a server that runs already. */
  backend: Backend | "external";
  /** The minor version. */
  vers: Version;
  /** What is run. */
  suites: readonly Suite[];
}

type Row = Partial<Record<Backend, readonly Version[]>>;
type Rows = Partial<Record<Suite, Row>>;

const OLD: Rows = {
  smoke: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
  posix: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
  sparse: { memory: ["4.2"], local: ["4.2"], sqlite: ["4.2"] },
  copy: { memory: ["4.2"], local: ["4.2"], sqlite: ["4.2"] },
  locks: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
  names: { local: ["4.0", "4.1", "4.2"] },
  xattr: { memory: ["4.2"], local: ["4.2"], sqlite: ["4.2"] },
  acl: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
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

/** What a newer client does otherwise, or alone, shows on one back end. */
const NEW: Rows = {
  smoke: { memory: ["4.2"] },
  posix: { memory: ["4.2"] },
  sparse: { memory: ["4.2"] },
  locks: { memory: ["4.2"] },
  xattr: { memory: ["4.2"] },
  acl: { memory: ["4.2"] },
  dirdeleg: { memory: ["4.2"] },
};

/**
 * The gate: on 6.1 every suite meets every back end and every minor version
 * that it is for at least once, and no more often than that takes. Suites that
 * share a boot share their row.
 */
export const GATE: Readonly<Record<Kernel, Rows>> = { "6.1": OLD, "7.3": NEW };

/** What the gate runs, of these kernels, back ends and versions. */
export function gate(
  kernels: readonly Kernel[],
  backends: readonly Backend[],
  versions: readonly Version[],
): Combination[] {
  return product(kernels, backends, versions, SUITES)
    .map(({ kernel, backend, vers, suites }) => ({
      kernel,
      backend,
      vers,
      suites: suites.filter((suite) =>
        GATE[kernel][suite]?.[backend as Backend]?.includes(vers)
      ),
    }))
    .filter(({ suites }) => suites.length > 0);
}

/** Every suite of these on every kernel and back end in every version. */
export function product(
  kernels: readonly Kernel[],
  backends: readonly Combination["backend"][],
  versions: readonly Version[],
  suites: readonly Suite[],
): Combination[] {
  return kernels.flatMap((kernel) =>
    backends.flatMap((backend) =>
      versions.map((vers) => ({ kernel, backend, vers, suites }))
    )
  );
}
