import { fstatSync } from "node:fs";
import { exportTree } from "../backends/sqlite/archive.ts";
import { checkStore } from "../backends/sqlite/check.ts";
import { isStore, noStore } from "../backends/sqlite/database.ts";
import { sqlite } from "../backends/sqlite/mod.ts";
import { unpack } from "../backends/sqlite/tar/import.ts";
import { Archive } from "../backends/sqlite/tar/reader.ts";
import { UsageError } from "./values.ts";
import { complain, printLine } from "./output.ts";
import { ProgressLine, sizeOf } from "./progress.ts";

const DAMAGED = 1;
const INCOMPLETE = 1;
const STANDARD_INPUT = 0;

/** Says what is wrong with a store; returns 0 where nothing is, 1 otherwise. */
export async function runCheck(directory: string): Promise<number> {
  const { problems, files, bytes } = await checkStore(directory);
  for (const problem of problems) printLine(problem);
  const verdict = problems.length === 0
    ? "sound"
    : `${problems.length} problems`;
  printLine(`${directory}: ${files} files, ${sizeOf(bytes)}: ${verdict}`);
  return problems.length === 0 ? 0 : DAMAGED;
}

/**
 * Writes all of a store to standard output as an archive; returns 0, or 1 where
 * something in it could not be read.
 */
export async function runExport(directory: string): Promise<number> {
  if (Deno.stdout.isTerminal()) {
    throw new UsageError("export writes an archive: send it to a file");
  }
  // Opening makes a store where there is none.
  if (!isStore(directory)) throw noStore(directory);
  const fs = sqlite(directory);
  let isWhole = true;
  try {
    const { totalFiles, freeFiles } = fs.status();
    using line = new ProgressLine("export");
    const archive = exportTree(fs, {
      progress: ({ files, bytes }) => {
        line.show({ files, bytes, part: files / (totalFiles - freeFiles) });
      },
      skipped,
      lost: (path, reason) => {
        isWhole = false;
        complain(`damaged ${path}: ${reason}`);
      },
    });
    await archive.pipeTo(Deno.stdout.writable);
  } finally {
    await fs.dispose();
  }
  return isWhole ? 0 : INCOMPLETE;
}

/**
 * Unpacks the archive on standard input into a store, which is made if missing;
 * returns 0, or 1 where something in it could not be unpacked.
 */
export async function runImport(
  directory: string,
  { merge }: { readonly merge: boolean },
): Promise<number> {
  if (Deno.stdin.isTerminal()) {
    throw new UsageError("import reads an archive: give it one as < FILE");
  }
  const input = fstatSync(STANDARD_INPUT);
  let read = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      read += chunk.length;
      controller.enqueue(chunk);
    },
  });
  // Before a store is made for it.
  const archive = await Archive.open(
    Deno.stdin.readable.pipeThrough(counted),
  );
  const fs = sqlite(directory);
  let isWhole = true;
  try {
    using line = new ProgressLine("import");
    await unpack(fs, archive, {
      merge,
      progress: (done) => {
        // How much comes through a pipe is not known.
        const part = input.isFile() ? read / input.size : undefined;
        line.show({ ...done, part });
      },
      skipped: (path, reason) => {
        isWhole = false;
        skipped(path, reason);
      },
    });
  } finally {
    await fs.dispose();
  }
  return isWhole ? 0 : INCOMPLETE;
}

function skipped(path: string, reason: string): void {
  complain(`skipped ${path}: ${reason}`);
}
