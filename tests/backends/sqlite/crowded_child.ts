/** A store in a process that has no descriptor left; writes "kept" where it goes on. */

import { closeSync, openSync } from "node:fs";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { make, pattern, whole } from "./fixture.ts";

const FILES = 40;
// Deno needs a descriptor for its first signal, and does not bear it to have none.
Deno.addSignalListener("SIGUSR1", () => {});
const fs = sqlite(Deno.args[0]!);
const files = Array.from({ length: FILES }, (_, i) => make(fs, `${i}`));
for (const file of files) fs.write(file, 0, pattern(20_000, 1), "unstable");
await fs.settle();

/** Takes all descriptors that are left. */
function crowd(): number[] {
  const taken: number[] = [];
  try {
    while (true) taken.push(openSync("/dev/null", "r"));
  } catch {
    return taken;
  }
}

const taken = crowd();
try {
  // Their contents, and the folders that those are in, were never synced.
  for (const file of files) fs.commit(file);
  await fs.settle();
  for (const [i, file] of files.entries()) {
    taken.push(...crowd());
    fs.write(file, 0, pattern(100, i), i % 2 ? "file" : "unstable");
    fs.setattr(file, { size: 18_000 });
    fs.setattr(file, { size: 19_000 });
    fs.commit(file);
    await fs.settle();
  }
  try {
    // More than there is room for; it is refused, and that is all.
    fs.write(make(fs, "late"), 0, pattern(20_000, 1), "file");
    await fs.settle();
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== "busy") throw error;
  }
} finally {
  // An error could not be printed without.
  for (const fd of taken) closeSync(fd);
}
if (fs.failure() !== undefined) throw new Error(fs.failure());
for (const [i, file] of files.entries()) {
  const expected = pattern(20_000, 1).fill(0, 18_000).subarray(0, 19_000);
  expected.set(pattern(100, i));
  const same = (await whole(fs, file)).every((byte, at) =>
    byte === expected[at]
  );
  if (!same) throw new Error(`file ${i} has other bytes`);
}
await fs.dispose();
console.log("kept");
Deno.exit();
