/**
 * The server of `../hostile.ts`, in a process of its own: it tells how long its
 * event loop was held since it was last asked.
 *
 *     deno run -A tests/bench/hostile/server.ts memory|sqlite|local FOLDER ENTRIES
 *
 * @module
 */

import { type FileSystem, local, memory, serve, sqlite } from "../../../mod.ts";

/** The two folders: one that is long, and one of files to be delegated. */
const [backend, folder, entries] = Deno.args;

/** Milliseconds of CPU that this thread has used. */
function threadClock(): () => number {
  if (Deno.build.os !== "linux") return () => performance.now();
  const { symbols } = Deno.dlopen("libc.so.6", {
    clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const time = new BigInt64Array(2);
  const CLOCK_THREAD_CPUTIME_ID = 3;
  return () => {
    symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, time);
    return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
  };
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
const now = threadClock();
let longest = 0;
let last = now();

/** Runs between any two other turns: what it used since the last time is theirs. */
function look(): void {
  longest = Math.max(longest, now() - last);
  setTimeout(look, 0);
  last = now();
}

await using server = await serve([{ path: "/", fs, squash: "none" }], {
  port: 0,
  limits: { maxConnections: 100 },
});
console.log(server.port);
look();
for await (const _ of Deno.stdin.readable) {
  console.log(JSON.stringify({ longest }));
  longest = 0;
}
Deno.exit();
