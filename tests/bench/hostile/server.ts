/**
 * The server of `../hostile.ts`, in a process of its own: it tells how long each
 * turn of its event loop was since it was last asked.
 *
 *     deno run -A --v8-flags=--trace-gc,--expose-gc tests/bench/hostile/server.ts memory|sqlite|local FOLDER ENTRIES
 *
 * @module
 */

import { local } from "../../../src/backends/local/mod.ts";
import { memory } from "../../../src/backends/memory/mod.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { serve } from "../../../src/server.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";

/** The two folders: one that is long, and one of files to be delegated. */
const [backend, folder = "", entries] = Deno.args;

/** Turns of less CPU than this are not told of, in milliseconds. */
const SHORT = 0.2;

const { symbols } = Deno.dlopen("libc.so.6", {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  fflush: { parameters: ["usize"], result: "i32" },
});
const time = new BigInt64Array(2);

/** Milliseconds of CPU that this thread has used. */
function cpu(): number {
  const CLOCK_THREAD_CPUTIME_ID = 3;
  symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, time);
  return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
}

/** Prints an answer behind what V8 has to say of the garbage collected so far. */
function answer(value: unknown): void {
  const ALL_STREAMS = 0n;
  symbols.fflush(ALL_STREAMS);
  console.log(JSON.stringify(value));
}

/** Makes the files "f", "w0" to "w3", "small", and a folder "d" of many files. */
async function fill(fs: FileSystem, count: number): Promise<void> {
  const make = async (
    parent: object,
    name: string,
    type: "file" | "directory",
  ) => {
    const attributes = { mode: 0o777, uid: 0, gid: 0 };
    const { node } = await fs.create!(parent, name, { type }, { attributes });
    return node;
  };
  const root = fs.root();
  for (const name of ["f", "w0", "w1", "w2", "w3", "small"]) {
    await make(root, name, "file");
  }
  const d = await make(root, "d", "directory");
  for (let i = 0; i < count; i++) await make(d, `entry ${i}`, "file");
  await fs.settle?.();
}

function open(): FileSystem {
  switch (backend) {
    case "sqlite":
      return sqlite(folder) as unknown as FileSystem;
    case "local":
      return local(folder) as unknown as FileSystem;
    default:
      return memory() as unknown as FileSystem;
  }
}

const fs = open();
await fill(fs, Number(entries));
let turns: { began: number; ended: number; cpu: number }[] = [];
let began = performance.now();
let used = cpu();

/** Runs between any two other turns: what was used since the last time is theirs. */
function look(): void {
  const turn = { began, ended: performance.now(), cpu: cpu() - used };
  if (turn.cpu > SHORT) turns.push(turn);
  setTimeout(look, 0);
  start();
}

function start(): void {
  began = performance.now();
  used = cpu();
}

await using server = await serve([{ path: "/", fs, squash: "none" }], {
  port: 0,
  limits: { maxConnections: 100 },
});
(globalThis as unknown as { gc(): void }).gc();
answer({ port: server.port, now: performance.now() });
look();
for await (const _ of Deno.stdin.readable) {
  answer(turns);
  turns = [];
  // The answer is nobody's.
  start();
}
Deno.exit();
