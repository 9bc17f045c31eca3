/**
 * Compares this server with nfs-ganesha, in one run on one machine: its memory
 * back end with ganesha's MEM, or its sqlite or local back end with ganesha's VFS
 * on the same disk. Each cell is measured on both in turn, and only one works at a time.
 *
 *     deno run -A tests/bench/compare.ts [--backend memory|sqlite|local]
 *         [--seconds 2] [--rounds 1] [--kinds null,getattr,...]
 *         [--shapes 1x1,4x8,16x1] [--files N] [--durability full]
 *         [--absolute] [--json FILE] [--bar] [--ours-port N [--ours-export /]]
 *
 * Prints a Markdown table of the ratios ours/ganesha in operations a second. A
 * shape is connections × slots. `--bar` exits with 1 where a kind is under its
 * bar; see README.md.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Server } from "../interop/server.ts";
import { type Fsal, Ganesha } from "./ganesha.ts";
import { compile, type Result, runLoad } from "./nfsload.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** A kind of work: the load generator's name and the transfer size. */
interface Kind {
  op: string;
  size: number;
}

const KINDS: Record<string, Kind> = {
  "null": { op: "null", size: 1 },
  "getattr": { op: "getattr", size: 1 },
  "access": { op: "access", size: 1 },
  "lookup": { op: "lookup", size: 1 },
  "openclose": { op: "openclose", size: 1 },
  "churn": { op: "churn", size: 1 },
  "create": { op: "create", size: 1 },
  "remove": { op: "remove", size: 1 },
  "readdir": { op: "readdir", size: 1 },
  "list": { op: "list", size: 1 },
  "read-4k": { op: "read", size: 4 * KIB },
  "read-64k": { op: "read", size: 64 * KIB },
  "read-1m": { op: "read", size: MIB },
  "write-4k": { op: "write", size: 4 * KIB },
  "write-64k": { op: "write", size: 64 * KIB },
  "write-1m": { op: "write", size: MIB },
  "wsync-4k": { op: "wsync", size: 4 * KIB },
  "wcommit-1m": { op: "wcommit", size: MIB },
};

/** What is compared: which kinds, unless others are asked for, and their bars. */
interface Contest {
  fsal: Fsal;
  /** What we export; `dir` is a folder for it, on the disk of ganesha's. */
  export(dir: string): string;
  fileSize: number;
  kinds: string[];
  /** The least ratio; `undefined` where there is no bar. */
  bar(cell: { kind: string; shape: string }): number | undefined;
}

const STATS = ["null", "getattr", "access", "lookup", "openclose"];
const METADATA = ["getattr", "access", "lookup", "list"];
const DURABLE = ["create", "remove", "wsync-4k"];

const CONTESTS: Record<string, Contest> = {
  memory: {
    fsal: "MEM",
    export: () => "/=memory:",
    fileSize: Ganesha.maxMemFile,
    kinds: [...STATS, "churn", "readdir"].concat(
      ["read-4k", "read-64k", "read-1m", "write-4k", "write-64k", "write-1m"],
    ),
    bar: ({ kind }) => STATS.includes(kind) ? 1 : 0.5,
  },
  sqlite: {
    fsal: "VFS",
    export: (dir) => `/=sqlite:${dir}/store`,
    fileSize: 4 * MIB,
    kinds: [...METADATA, ...DURABLE, "wcommit-1m", "read-64k"],
    bar: ({ kind, shape }) => {
      if (METADATA.includes(kind) || kind.startsWith("read-")) return 1;
      return DURABLE.includes(kind) && shape === "4x8" ? 1 : undefined;
    },
  },
  local: {
    fsal: "VFS",
    export: (dir) => `/=local:${Deno.makeTempDirSync({ dir })}`,
    fileSize: 4 * MIB,
    kinds: [...STATS, "churn", "create", "remove", "readdir", "list"],
    bar: ({ kind }) => STATS.includes(kind) ? 1 : undefined,
  },
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
        backend: { type: "string", default: "memory" },
        seconds: { type: "string", default: "2" },
        rounds: { type: "string", default: "1" },
        files: { type: "string" },
        durability: { type: "string", default: "full" },
        kinds: { type: "string" },
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
  ]!;
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
  const contest = CONTESTS[args.backend] ??
    usage(`no back end ${args.backend}`);
  const kinds = args.kinds?.split(",") ?? contest.kinds;
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
  const { fsal, fileSize } = contest;
  const ganesha = cleanup.use(await Ganesha.start({ fsal, signal }));
  const ours = { port: Number(args["ours-port"]), export: args["ours-export"] };
  if (!args["ours-port"]) {
    const server = await Server.start({
      export: contest.export(dir),
      flags: ["--log-level", "error", "--state", `${dir}/state`]
        .concat(["--durability", args.durability]),
      onLine: () => {},
      signal,
    });
    cleanup.defer(() => server.stop());
    ours.port = server.port;
  }

  const measure = (place: Place, cell: { kind: string; shape: string }) => {
    signal.throwIfAborted();
    const [conns, slots] = cell.shape.split("x").map(Number);
    const { op, size } = KINDS[cell.kind]!;
    const files = Number(args.files ?? (op === "list" ? 10_000 : 1_000));
    return runLoad(program, {
      ...place,
      op,
      size,
      conns: conns!,
      slots: slots!,
      seconds,
      fileSize,
      files,
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
        const there = { port: ganesha.port, export: Ganesha.export };
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
  const under = cells.filter((cell) => cell.ratio < (contest.bar(cell) ?? 0));
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
