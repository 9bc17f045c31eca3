/**
 * What rows are measured with, and how: a server of this clone, load on it, and
 * what is wanted.
 *
 * @module
 */

import { Server } from "../interop/server.ts";
import { type Program, type Result, run } from "./nfsload.ts";

/** What a row is measured with. */
export interface Bench {
  /** For files, on the disk that is measured. */
  readonly dir: string;
  readonly programs: Readonly<Record<Program, string>>;
  readonly signal: AbortSignal;
  /** Seconds that are counted, of each run. */
  readonly seconds: number;
  /** Runs of which the middle one counts. */
  readonly rounds: number;
  /** Entries of a large folder. */
  readonly entries: number;
}

/** One figure. */
export interface Measured {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly wanted: number;
  readonly isMissed: boolean;
  /** What else was seen. */
  readonly note?: string;
}

/** A figure that is to be no more than what is wanted. */
export function atMost(
  wanted: number,
  { what, value, unit, note = "" }: {
    readonly what: string;
    readonly value: number;
    readonly unit: string;
    readonly note?: string;
  },
): Measured {
  return { what, value, unit, wanted, isMissed: value > wanted, note };
}

/** Has `use` work with a server of one export. */
export async function serving<T>(
  bench: Bench,
  exported: string,
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const { dir, signal } = bench;
  const state = await Deno.makeTempDir({ dir });
  const server = await Server.start({
    export: exported,
    flags: ["--log-level", "error", "--state", state],
    onLine: () => {},
    signal,
  });
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** Runs nfsload on a server. */
export function load(
  { programs, seconds }: Bench,
  { port, pid }: Server,
  options: Record<string, string | number>,
): Promise<Result> {
  return run(programs.nfsload, {
    ...{ port, pid, seconds, export: "/", warm: 0.3, files: 100, size: 1 },
    ...options,
  });
}

/** The middle one of several runs. */
export async function median(
  { rounds }: Bench,
  measure: () => Promise<number>,
): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < rounds; i++) values.push(await measure());
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
