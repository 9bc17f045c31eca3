/**
 * Compares this server with nfs-ganesha, in one run on one machine: its memory
 * back end with ganesha's MEM, its sqlite and local back ends with ganesha's VFS
 * on the same disk; then measures what ganesha has no part in (`rows.ts`). Each
 * cell is measured on both in turn, and only one works at a time.
 *
 *     deno run -A tests/bench/compare.ts [--backend memory,sqlite,local]
 *         [--seconds 2] [--rounds 1] [--kinds null,getattr,...]
 *         [--shapes 1x1,4x8,16x1] [--files N] [--durability full]
 *         [--rows NAME,...|all|none] [--entries 100000]
 *         [--json FILE] [--bar]
 *
 * Prints Markdown tables: the ratio ours/ganesha in operations a second with the
 * one that is wanted, both sides' operations a second and CPU an operation. What
 * is missed is marked, and makes the status 1 with `--bar`; see README.md.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Server } from "../interop/server.ts";
import { type Contest, CONTESTS, KINDS, SHAPES, wantedOf } from "./contests.ts";
import { Ganesha } from "./ganesha.ts";
import { compile, type Result, runLoad } from "./nfsload.ts";
import type { Bench, Measured } from "./measuring.ts";
import { measureRow, ROWS } from "./rows.ts";

/** One cell of a table: a kind of work in a shape, on both servers. */
interface Cell {
  readonly backend: string;
  readonly kind: string;
  readonly shape: string;
  readonly ours: Result;
  readonly ganesha: Result;
  readonly ratio: number;
  readonly wanted: number | undefined;
}

/** A server under load. */
interface Place {
  readonly port: number;
  readonly pid: number;
  readonly export: string;
}

/** What is measured, and how long. */
interface Plan {
  readonly backends: string[];
  readonly rows: string[];
  readonly kinds: string[] | undefined;
  readonly shapes: string[];
  readonly files: number | undefined;
  readonly durability: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly entries: number;
  readonly json: string | undefined;
  readonly bar: boolean;
}

function usage(problem: string): never {
  const kinds = Object.keys(KINDS).join(" ");
  const rows = Object.keys(ROWS).join(" ");
  console.error(`${problem}\nkinds: ${kinds}\nrows: ${rows}`);
  Deno.exit(2);
}

function readArgs() {
  try {
    return parseArgs({
      options: {
        backend: { type: "string", default: Object.keys(CONTESTS).join() },
        seconds: { type: "string", default: "2" },
        rounds: { type: "string", default: "1" },
        files: { type: "string" },
        durability: { type: "string", default: "full" },
        kinds: { type: "string" },
        shapes: { type: "string", default: SHAPES.join() },
        rows: { type: "string" },
        entries: { type: "string", default: "100000" },
        bar: { type: "boolean", default: false },
        json: { type: "string" },
      },
    }).values;
  } catch (error) {
    usage((error as Error).message);
  }
}

/** The names in a list that are in `known`; any other ends the program. */
function named(list: string, what: string, known: object): string[] {
  if (list === "all") return Object.keys(known);
  const names = list === "none" ? [] : list.split(",");
  for (const name of names) {
    if (!Object.hasOwn(known, name)) usage(`no ${what} ${name}`);
  }
  return names;
}

function plan(): Plan {
  const args = readArgs();
  const numbers = {
    seconds: Number(args.seconds),
    rounds: Number(args.rounds),
    entries: Number(args.entries),
  };
  const { seconds, rounds, entries } = numbers;
  if (!(seconds > 0) || !(rounds >= 1) || !(entries >= 1000)) {
    usage("bad --seconds, --rounds or --entries");
  }
  const shapes = args.shapes.split(",");
  for (const shape of shapes) {
    if (!/^[1-9]\d*x[1-9]\d*$/.test(shape)) usage(`bad shape ${shape}`);
  }
  const { kinds, durability, json, bar } = args;
  return {
    ...numbers,
    backends: named(args.backend, "back end", CONTESTS),
    // Whoever asks for some kinds wants those alone.
    rows: named(args.rows ?? (kinds ? "none" : "all"), "row", ROWS),
    kinds: kinds === undefined ? undefined : named(kinds, "kind", KINDS),
    files: args.files === undefined ? undefined : Number(args.files),
    ...{ shapes, durability, json, bar },
  };
}

/** The middle one of several runs, by operations a second. */
function median(results: Result[]): Result {
  return results.toSorted((a, b) => a.ops_per_s - b.ops_per_s)[
    results.length >> 1
  ]!;
}

/** Measures one back end and ganesha's. */
async function* contend(
  backend: string,
  contest: Contest,
  { bench, plan }: { readonly bench: Bench; readonly plan: Plan },
): AsyncGenerator<Cell> {
  const { fsal, fileSize, wanted } = contest;
  const { signal } = bench;
  await using ganesha = await Ganesha.start({ fsal, signal });
  const dir = await Deno.makeTempDir({ dir: bench.dir });
  const server = await Server.start({
    export: contest.export(dir),
    flags: ["--log-level", "error", "--state", `${dir}/state`]
      .concat(["--durability", plan.durability]),
    onLine: () => {},
    signal,
  });
  try {
    const here = { port: server.port, pid: server.pid, export: "/" };
    const { port, pid } = ganesha;
    const there = { port, pid, export: Ganesha.export };
    for (const kind of plan.kinds ?? Object.keys(wanted)) {
      for (const shape of plan.shapes) {
        const [conns, slots] = shape.split("x").map(Number);
        const { op, size } = KINDS[kind]!;
        const files = plan.files ?? (op === "list" ? 10_000 : 1_000);
        const { seconds } = plan;
        const measure = (place: Place) => {
          signal.throwIfAborted();
          const shaped = { conns: conns!, slots: slots!, seconds };
          const load = { ...place, ...shaped, op, size, fileSize, files };
          return runLoad(bench.programs.nfsload, load);
        };
        const runs = { ours: [] as Result[], ganesha: [] as Result[] };
        for (let round = 0; round < plan.rounds; round++) {
          runs.ours.push(await measure(here));
          runs.ganesha.push(await measure(there));
        }
        const [a, b] = [median(runs.ours), median(runs.ganesha)];
        yield {
          ...{ backend, kind, shape, ours: a, ganesha: b },
          ratio: a.ops_per_s / b.ops_per_s,
          wanted: wantedOf(contest, { kind, shape }),
        };
      }
    }
  } finally {
    await server.stop();
  }
}

/** A Markdown table with a row for each cell. */
function tableOf(cells: Cell[]): string {
  const pair = (a: number, b: number, digits = 0) =>
    `${a.toFixed(digits)} / ${b.toFixed(digits)}`;
  return [
    "| kind | shape | ratio | wanted | | ops/s, ours / ganesha | µs of CPU, ours / ganesha |",
    "| --- | --- | ---: | ---: | --- | ---: | ---: |",
    ...cells.map(({ kind, shape, ratio, wanted, ours, ganesha }) =>
      `| ${kind} | ${shape.replace("x", "×")} | ${ratio.toFixed(2)} | ${
        wanted?.toFixed(1) ?? ""
      } | ${isMissed({ ratio, wanted }) ? "missed" : ""} | ${
        pair(ours.ops_per_s, ganesha.ops_per_s)
      } | ${pair(ours.cpu_us, ganesha.cpu_us, 1)} |`
    ),
  ].join("\n");
}

function isMissed(
  { ratio, wanted = 0 }: Pick<Cell, "ratio" | "wanted">,
): boolean {
  return ratio < wanted;
}

function rowTable(rows: Measured[]): string {
  return [
    "| what | measured | wanted | |",
    "| --- | ---: | ---: | --- |",
    ...rows.map(({ what, value, wanted, unit, isMissed, note }) =>
      `| ${what} | ${value.toFixed(2)} ${unit} | ${
        wanted.toFixed(1)
      } ${unit} | ${isMissed ? "missed" : ""}${note ? ` ${note}` : ""} |`
    ),
  ].join("\n");
}

async function main(): Promise<number> {
  const wish = plan();
  const interrupted = new AbortController();
  const { signal } = interrupted;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => interrupted.abort());
  }
  await using cleanup = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "nfsload-" });
  cleanup.defer(() => Deno.remove(dir, { recursive: true }));
  const programs = {
    nfsload: await compile(dir, "nfsload"),
    probe: await compile(dir, "probe"),
    bare: await compile(dir, "bare"),
  };
  const { seconds, rounds, entries } = wish;
  const bench = { dir, programs, signal, seconds, rounds, entries };
  const cells: Cell[] = [];
  for (const backend of wish.backends) {
    const contest = CONTESTS[backend]!;
    const own: Cell[] = [];
    for await (const cell of contend(backend, contest, { bench, plan: wish })) {
      console.error(
        `${backend} ${cell.kind} ${cell.shape}: ${cell.ratio.toFixed(2)}`,
      );
      own.push(cell);
    }
    if (own.length === 0) continue;
    const { fsal, durability } = contest;
    console.log(`\n${backend} and ganesha ${fsal}; on disk: ${durability}\n`);
    console.log(tableOf(own));
    cells.push(...own);
  }
  const rows: Measured[] = [];
  for (const name of wish.rows) {
    for (const row of await measureRow(name, bench)) {
      console.error(`${row.what}: ${row.value.toFixed(2)} ${row.unit}`);
      rows.push(row);
    }
  }
  if (rows.length > 0) console.log(`\n${rowTable(rows)}`);
  if (wish.json !== undefined) {
    const measured = JSON.stringify({ cells, rows }, null, 2);
    await Deno.writeTextFile(wish.json, measured + "\n");
  }
  const missed = cells.filter(isMissed).length +
    rows.filter(({ isMissed }) => isMissed).length;
  if (missed > 0) console.error(`${missed} missed`);
  return wish.bar && missed > 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}
