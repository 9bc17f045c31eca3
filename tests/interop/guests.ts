/**
 * Runs `linux-client` and counts what its guests report.
 *
 * @module
 */

import { TextLineStream } from "./lines.ts";
import type { Kernel } from "./matrix.ts";
import { parseBoot } from "./pace.ts";
import type { Boot } from "./suites.ts";

/** How many checks came out how. */
export interface Tally {
  /** Checks that held. */
  passed: number;
  /** Checks that did not, and scripts or servers that ended badly. */
  failed: number;
  /** Checks and suites that could not be made. */
  skipped: number;
}

/** Where a boot finds its server. */
export interface BootTarget {
  /** The client's kernel. */
  kernel: Kernel;
  /** The minor version's name. */
  vers: string;
  /** The server's port on 127.0.0.1. */
  port: number;
  /** Variables of the guest scripts. */
  env: Record<string, string>;
  /** What every limit is multiplied by, an integer. */
  factor: number;
  /** Where the `hook` program finds this process. */
  hookPort: number;
  /** Takes each line of the guests. */
  onLine: (line: string) => void;
  /** Ends them. */
  signal: AbortSignal;
}

/** How a boot came out. */
export interface BootResult {
  /** What its guests counted. */
  tally: Tally;
  /** Whether it, or one of its checks, ran out of time. */
  isLate: boolean;
  /** Seconds in which the slowest of its guests booted, if they did. */
  bootSeconds?: number;
}

const HERE = new URL("./", import.meta.url).pathname;
const CLIENT = `${HERE}linux-client`;

/** Fills the cache with a guest; returns why it can't, or undefined. */
export async function buildGuest(
  kernel: Kernel,
  packages?: string,
): Promise<string | undefined> {
  const args = ["--build", "--kernel", kernel]
    .concat(packages ? ["--with", packages] : []);
  try {
    const { success, stderr } = await new Deno.Command(CLIENT, {
      args,
      stdin: "null",
    }).output();
    if (success) return undefined;
    return new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  } catch (error) {
    return `linux-client can't be run: ${error}`;
  }
}

const SUMMARY =
  /^(?:\[c\d+\] )?== vers \S+ (\S+): (\d+) passed, (\d+) failed, (\d+) n\/a/;

/** Reads a script's closing line. */
export function parseSummary(line: string): Tally | undefined {
  const match = SUMMARY.exec(line);
  if (match === null) return undefined;
  const [, , passed, failed, skipped] = match.map(Number);
  return { passed: passed!, failed: failed!, skipped: skipped! };
}

/** Status of `linux-client` whose limit has passed. */
const OUT_OF_TIME = 124;

/** What `lib.sh` says of a check that ran out of time. */
const LATE = /^(?:\[c\d+\] )?LATE /;

/** Boots the guests and runs their scripts. */
export async function runBoot(
  boot: Boot,
  target: BootTarget,
): Promise<BootResult> {
  const scripts = boot.scripts.map((names) =>
    names.map((name) => `${HERE}guest/${name}`)
  );
  const env = Object.entries(target.env).flatMap(([k, v]) => [
    "--env",
    `${k}=${v}`,
  ]);
  const single = boot.scripts.length === 1;
  const child = new Deno.Command(CLIENT, {
    args: ["--kernel", target.kernel]
      .concat(["--vers", target.vers, "--port", `${target.port}`])
      .concat([
        "--timeout",
        `${boot.timeout}`,
        "--clients",
        `${scripts.length}`,
        "--pace",
        `${target.factor}`,
        "--timings",
      ])
      .concat(["--hook", `${HERE}harness/hook`], env, boot.options)
      .concat(single ? scripts[0]! : scripts.map((names) => names.join(","))),
    env: { INTEROP_HOOK_PORT: `${target.hookPort}` },
    signal: target.signal,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const result: BootResult = { tally, isLate: false };
  let missing = scripts.flat().length;
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    const lines = stream.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      target.onLine(line);
      if (LATE.test(line)) result.isLate = true;
      const seconds = parseBoot(line);
      if (seconds !== undefined) {
        result.bootSeconds = Math.max(seconds, result.bootSeconds ?? 0);
      }
      const summary = parseSummary(line);
      if (summary === undefined) continue;
      missing--;
      add(tally, summary);
    }
  };
  const [status] = await Promise.all([
    child.status,
    read(child.stdout),
    read(child.stderr),
  ]);
  if (status.code === OUT_OF_TIME) result.isLate = true;
  if (missing > 0) {
    target.onLine(`FAIL ${missing} scripts ended without a summary`);
    tally.failed += missing;
  }
  if (status.code !== 0 && tally.failed === 0) {
    target.onLine(`FAIL linux-client ended with status ${status.code}`);
    tally.failed++;
  }
  return result;
}

/** Adds `more` to `sum`. */
export function add(sum: Tally, more: Tally): void {
  sum.passed += more.passed;
  sum.failed += more.failed;
  sum.skipped += more.skipped;
}
