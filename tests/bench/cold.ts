/**
 * A quiet client beside one that reads files of which the host has nothing in
 * memory: as after a restart, or where there is more than memory takes.
 *
 * @module
 */

import { closeSync, fsyncSync, openSync } from "node:fs";
import {
  atMost,
  type Bench,
  load,
  type Measured,
  median,
  serving,
} from "./measuring.ts";

const MIB = 1024 * 1024;
/** Of posix_fadvise: the pages are not needed. */
const DONTNEED = 4;
/** Milliseconds between two looks at what the host has in memory. */
const PAUSE = 5;
/** Bytes of a file that is read. */
const FILE = 64 * MIB;

/**
 * p99 of a quiet client while another reads cold files, beside alone; and, to
 * tell the disk's part from the reader's, while that one reads warm files.
 */
export async function coldReads(bench: Bench): Promise<Measured[]> {
  const rows: Measured[] = [];
  for (const backend of ["sqlite", "local"]) {
    const dir = `${bench.dir}/cold-${backend}`;
    await Deno.mkdir(dir);
    await serving(bench, `/=${backend}:${dir}`, async (server) => {
      const listen = () =>
        median(bench, async () => {
          const quiet = { op: "getattr", conns: 1, slots: 1, warm: 1 };
          return (await load(bench, server, quiet)).p99_us / 1000;
        });
      const alone = await listen();
      // One read at a time takes little CPU: the quiet client is to wait for that alone.
      const read = () =>
        load(bench, server, {
          ...{ op: "read", conns: 1, slots: 1, size: 64 * 1024 },
          ...{ "file-size": FILE, seconds: (bench.seconds + 1) * bench.rounds },
        });
      const readingWarm = read();
      const besideWarm = await listen();
      const warm = await readingWarm;
      const readingCold = read();
      const forgotten = keepForgetting(dir, readingCold);
      const besideCold = await listen();
      const cold = await readingCold;
      await forgotten;
      rows.push(atMost(2, {
        what: `${backend}: p99 of a quiet client beside cold reads, to alone`,
        value: besideCold / alone,
        unit: "×",
        note: `(${told(besideCold, cold)}; warm: ${told(besideWarm, warm)})`,
      }));
    });
  }
  return rows;
}

function told(p99: number, { ops_per_s }: { ops_per_s: number }): string {
  return `${p99.toFixed(2)} ms at ${ops_per_s.toFixed(0)} reads/s`;
}

/** Has the host forget the large files of a folder, again and again, until `end`. */
async function keepForgetting(
  dir: string,
  end: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  const over = () => isOver = true;
  end.then(over, over);
  const libc = Deno.dlopen("libc.so.6", {
    posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  });
  const files = new Map<string, number>();
  while (!isOver) {
    for (const path of largeFiles(dir)) {
      if (files.has(path)) continue;
      const fd = openSync(path, "r");
      // What is not on disk yet is not forgotten.
      fsyncSync(fd);
      files.set(path, fd);
    }
    for (const fd of files.values()) {
      libc.symbols.posix_fadvise(fd, 0n, 0n, DONTNEED);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  for (const fd of files.values()) closeSync(fd);
  libc.close();
}

/** Those that are written to the end. */
function largeFiles(dir: string): string[] {
  const paths: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(dir)) {
      const path = `${dir}/${name}`;
      if (isDirectory) paths.push(...largeFiles(path));
      else if (Deno.statSync(path).size === FILE) paths.push(path);
    }
  } catch (error) {
    // The load removes what it has made.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return paths;
}
