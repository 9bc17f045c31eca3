import { assertEquals } from "@std/assert";
import type { SqliteFileSystem } from "../../../src/backends/sqlite/mod.ts";
import { canWrite, make, pattern } from "./fixture.ts";
import { refusal, withStore } from "./refused_commits.ts";

const ignore = !canWrite;
const BOTH = { read: true, write: true } as const;

/** Makes files that are removed for good but for an owner that has them open. */
async function removedFiles(
  fs: SqliteFileSystem,
  count: number,
): Promise<{ identify(): Uint8Array; close(): void; open(): void }[]> {
  const files = Array.from({ length: count }, (_, i) => {
    const node = make(fs, `removed${i}`);
    fs.write(node, 0, pattern(i % 2 === 0 ? 50_000 : 100, i), "file");
    fs.open(node, BOTH);
    fs.remove(fs.root(), `removed${i}`);
    return {
      identify: () => fs.identify(node),
      close: () => fs.close(node, BOTH),
      open: () => fs.open(fs.resolve(fs.identify(node)), BOTH),
    };
  });
  await fs.settle();
  return files;
}

/** How many of some files can be had by their identities. */
function countThere(
  fs: SqliteFileSystem,
  files: readonly { identify(): Uint8Array }[],
): number {
  return files.filter(({ identify }) => {
    try {
      return fs.resolve(identify());
    } catch {
      return false;
    }
  }).length;
}

for (const keptNodes of [1, 1000]) {
  Deno.test({
    name:
      `a removed file whose last close is refused goes with the next commit (${keptNodes} nodes kept)`,
    ignore,
    fn: () =>
      withStore({ keptNodes }, async (fs, { disk }) => {
        const { freeFiles, totalFiles, usedBytes } = fs.status();
        const before = { files: totalFiles - freeFiles, usedBytes };
        const files = await removedFiles(fs, 3);
        for (const { close } of files) close();
        disk.refusals = 1;
        assertEquals(await refusal(fs), "no-space");
        assertEquals(countThere(fs, files), 3);
        const [first, ...others] = files;
        first!.open();
        make(fs, "next");
        await fs.settle();
        fs.remove(fs.root(), "next");
        await fs.settle();
        assertEquals(countThere(fs, others), 0);
        assertEquals(countThere(fs, files), 1);
        first!.close();
        await fs.settle();
        assertEquals(countThere(fs, files), 0);
        const after = fs.status();
        assertEquals({
          files: after.totalFiles - after.freeFiles,
          usedBytes: after.usedBytes,
        }, before);
      }),
  });
}

Deno.test({
  name: "removed files that wait to go keep no commit from being made",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const files = await removedFiles(fs, 40);
      for (const { close } of files) close();
      disk.refusals = 2;
      const codes: (string | undefined)[] = [];
      const there: number[] = [];
      for (let round = 0; round < 6; round++) {
        fs.setattr(fs.root(), { mode: 0o750 });
        codes.push(await refusal(fs));
        there.push(countThere(fs, files));
      }
      const full = "no-space";
      const kept = undefined;
      assertEquals(codes, [full, full, kept, kept, kept, kept]);
      // The one after a refusal goes without them, and each has a few.
      assertEquals(there, [40, 40, 40, 24, 8, 0]);
    }),
});

Deno.test({
  name: "removed files with much in extended attributes go one with a commit",
  ignore,
  fn: () =>
    withStore({}, async (fs, { disk }) => {
      const files = await removedFiles(fs, 3);
      for (const { identify } of files) {
        const node = fs.resolve(identify());
        for (let i = 0; i < 16; i++) {
          fs.setxattr(node, `${i}`, new Uint8Array(65_536), "either");
        }
      }
      await fs.settle();
      for (const { close } of files) close();
      disk.refusals = 1;
      assertEquals(await refusal(fs), "no-space");
      const there: number[] = [];
      for (let round = 0; round < 4; round++) {
        fs.setattr(fs.root(), { mode: 0o700 + round });
        await fs.settle();
        there.push(countThere(fs, files));
      }
      assertEquals(there, [2, 1, 0, 0]);
    }),
});
