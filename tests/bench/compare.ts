/**
 * Compares this server's memory back end with nfs-ganesha's, in one run on one
 * machine: each cell is measured on both in turn, and only one works at a time.
 *
 *     deno run -A tests/bench/compare.ts [--seconds 2] [--rounds 1]
 *         [--kinds null,getattr,...] [--shapes 1x1,4x8,16x1]
 *         [--absolute] [--json FILE] [--bar] [--ours-port N [--ours-export /]]
 *
 * Prints a Markdown table of the ratios ours/ganesha in operations a second. A
 * shape is connections × slots. `--bar` exits with 1 where a kind is under its
 * bar: as fast as ganesha in what a stat or an open takes, half in the rest.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Server } from "../interop/server.ts";
import { Ganesha } from "./ganesha.ts";
import { compile, type Result, runLoad } from "./nfsload.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Kinds of work: the load generator's name, the transfer size, the bar. */
const KINDS: Record<string, { op: string; size: number; bar: number }> = {
  "null": { op: "null", size: 1, bar: 1 },
  "getattr": { op: "getattr", size: 1, bar: 1 },
  "access": { op: "access", size: 1, bar: 1 },
  "lookup": { op: "lookup", size: 1, bar: 1 },
  "openclose": { op: "openclose", size: 1, bar: 1 },
  "create": { op: "create", size: 1, bar: 0.5 },
  "readdir": { op: "readdir", size: 1, bar: 0.5 },
  "read-4k": { op: "read", size: 4 * KIB, bar: 0.5 },
  "read-64k": { op: "read", size: 64 * KIB, bar: 0.5 },
  "read-1m": { op: "read", size: MIB, bar: 0.5 },
  "write-4k": { op: "write", size: 4 * KIB, bar: 0.5 },
  "write-64k": { op: "write", size: 64 * KIB, bar: 0.5 },
  "write-1m": { op: "write", size: MIB, bar: 0.5 },
};

/** One cell of the table: a kind of work in a shape, on both servers. */
interface Cell {
  kind: string;
  shape: string;
  ours: Result;
  ganesha: Result;
  ratio: number;
}

interface Place {
  port: number;
  export: string;
}

function usage(problem: string): never {
  console.error(`${problem}\nkinds: ${Object.keys(KINDS).join(" ")}`);
  Deno.exit(2);
}

function readArgs() {
  try {
    return parseArgs({
      options: {
        seconds: { type: "string", default: "2" },
        rounds: { type: "string", default: "1" },
        kinds: { type: "string", default: Object.keys(KINDS).join(",") },
        shapes: { type: "string", default: "1x1,4x8,16x1" },
        absolute: { type: "boolean", default: false },
        bar: { type: "boolean", default: false },
        json: { type: "string" },
        "ours-port": { type: "string" },
        "ours-export": { type: "string", default: "/" },
      },
    }).values;
  } catch (error) {
    usage((error as Error).message);
  }
}

/** The middle one of several runs, by operations a second. */
function median(results: Result[]): Result {
  return results.toSorted((a, b) => a.ops_per_s - b.ops_per_s)[
    results.length >> 1
  ];
}

/** A Markdown table: a row for each kind, a column for each shape. */
function table(cells: Cell[], show: (cell: Cell) => string): string {
  const shapes = [...new Set(cells.map(({ shape }) => shape))];
  const lines = [
    `| kind | ${shapes.map((shape) => shape.replace("x", "×")).join(" | ")} |`,
    `| --- |${" ---: |".repeat(shapes.length)}`,
  ];
  for (const [kind, row] of Map.groupBy(cells, ({ kind }) => kind)) {
    lines.push(`| ${kind} | ${row.map(show).join(" | ")} |`);
  }
  return lines.join("\n");
}

async function main(): Promise<number> {
  const args = readArgs();
  const kinds = args.kinds.split(",");
  for (const kind of kinds) if (!(kind in KINDS)) usage(`no kind ${kind}`);
  const shapes = args.shapes.split(",");
  for (const shape of shapes) {
    if (!/^[1-9]\d*x[1-9]\d*$/.test(shape)) usage(`bad shape ${shape}`);
  }
  const seconds = Number(args.seconds);
  const rounds = Number(args.rounds);
  if (!(seconds > 0) || !(rounds >= 1)) usage("bad --seconds or --rounds");

  const interrupted = new AbortController();
  const { signal } = interrupted;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => interrupted.abort());
  }
  await using cleanup = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "nfsload-" });
  cleanup.defer(() => Deno.remove(dir, { recursive: true }));
  const program = await compile(dir);
  const ganesha = cleanup.use(await Ganesha.start(signal));
  const ours = { port: Number(args["ours-port"]), export: args["ours-export"] };
  if (!args["ours-port"]) {
    const server = await Server.start({
      export: "/=memory:",
      flags: ["--log-level", "error"],
      onLine: () => {},
      signal,
    });
    cleanup.defer(() => server.stop());
    ours.port = server.port;
  }

  const measure = (place: Place, cell: { kind: string; shape: string }) => {
    signal.throwIfAborted();
    const [conns, slots] = cell.shape.split("x").map(Number);
    const { op, size } = KINDS[cell.kind];
    const fileSize = Ganesha.maxFileSize;
    return runLoad(program, {
      ...place,
      op,
      size,
      conns,
      slots,
      seconds,
      fileSize,
    });
  };
  const cells: Cell[] = [];
  for (const kind of kinds) {
    for (const shape of shapes) {
      const runs: Record<"ours" | "ganesha", Result[]> = {
        ours: [],
        ganesha: [],
      };
      for (let round = 0; round < rounds; round++) {
        runs.ours.push(await measure(ours, { kind, shape }));
        const there = { port: ganesha.port, export: "/mem" };
        runs.ganesha.push(await measure(there, { kind, shape }));
      }
      const [a, b] = [median(runs.ours), median(runs.ganesha)];
      const ratio = a.ops_per_s / b.ops_per_s;
      cells.push({ kind, shape, ours: a, ganesha: b, ratio });
      console.error(`${kind} ${shape}: ${a.ops_per_s} / ${b.ops_per_s} ops/s`);
    }
  }

  console.log(table(cells, ({ ratio }) => ratio.toFixed(2)));
  if (args.absolute) {
    console.log("\nOperations a second, ours / ganesha:\n");
    console.log(
      table(
        cells,
        (cell) => `${cell.ours.ops_per_s} / ${cell.ganesha.ops_per_s}`,
      ),
    );
  }
  if (args.json) {
    await Deno.writeTextFile(args.json, JSON.stringify(cells, null, 2) + "\n");
  }
  const under = cells.filter(({ kind, ratio }) => ratio < KINDS[kind].bar);
  for (const { kind, shape, ratio } of under) {
    console.error(`under the bar: ${kind} ${shape} ${ratio.toFixed(2)}`);
  }
  return args.bar && under.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}
