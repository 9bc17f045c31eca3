import { assertEquals } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { canWrite, find, make, pattern, whole } from "./fixture.ts";
import { sequence, temporary, using } from "./fixture.ts";
import { BusyContents } from "../../../src/backends/sqlite/busy_contents.ts";
import { losses, LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";
const NAMES = ["a", "b", "c"];

/** A file and what it has when everything is settled. */
interface Busy {
  readonly name: string;
  readonly file: SqliteNode;
  bytes: Uint8Array;
}

/** Writes so often that a content is synced, or so seldom that it is journaled; or cuts it. */
async function work(
  fs: SqliteFileSystem,
  busy: Busy,
  random: (below: number) => number,
): Promise<void> {
  if (random(12) === 0) {
    const size = 17_000 + random(40_000);
    await fs.setattr(busy.file, { size });
    const bytes = new Uint8Array(size);
    bytes.set(busy.bytes.subarray(0, size));
    busy.bytes = bytes;
  }
  for (let count = random(3) * random(6); count > 0; count--) {
    const length = random(20) === 0 ? 40_000 : 1 + random(5000);
    const [offset, data] = [random(60_000), pattern(length, random(1000))];
    const isDurable = random(8) > 0;
    await fs.write(busy.file, offset, data, isDurable ? "file" : "unstable");
    // Settled with the next, or known to be in doubt.
    if (!isDurable) await fs.commit(busy.file);
    const end = Math.max(busy.bytes.length, offset + length);
    const bytes = new Uint8Array(end);
    bytes.set(busy.bytes);
    bytes.set(data, offset);
    busy.bytes = bytes;
  }
}

Deno.test({
  name: "many small writes to few contents survive a power failure",
  ignore,
  async fn() {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const random = sequence(seed);
    using folder = temporary();
    const store = `${folder.path}/store`;
    const disk = new LossyDisk();
    const fs = sqlite(store, { disk, longLog: 2 ** 18 });
    const all = NAMES.map((name): Busy => {
      const file = make(fs, name);
      const bytes = pattern(50_000, 1);
      fs.write(file, 0, bytes, "file");
      return { name, file, bytes };
    });
    await fs.settle();
    for (let point = 0; point < 20; point++) {
      for (let i = 0; i < 3; i++) {
        for (const busy of all) await work(fs, busy, random);
        await fs.settle();
      }
      for (const [index, lost] of losses.entries()) {
        const copy = `${folder.path}/${point}-${index}`;
        disk.copy(store, copy, lost);
        await using(copy, async (fs) => {
          for (const { name, bytes } of all) {
            const where = JSON.stringify({ seed, point, ...lost, name });
            assertEquals(await whole(fs, find(fs, name)), bytes, where);
          }
        });
        Deno.removeSync(copy, { recursive: true });
      }
    }
    await fs.dispose();
  },
});

/** Whether content 1 is busy after so many commits, each with what `writes` says. */
function isBusyAfter(
  commits: number,
  writes: (commit: number) => number[],
): boolean {
  const busy = new BusyContents();
  for (let commit = 0; commit < commits; commit++) {
    for (const content of writes(commit)) busy.note(content);
    busy.committed();
  }
  return busy.note(1);
}

const many = [1, 1, 1, 1];

Deno.test("a content is busy that gets many small writes in each commit", () => {
  assertEquals(isBusyAfter(15, () => many), false);
  assertEquals(isBusyAfter(16, () => many), true);
  assertEquals(isBusyAfter(16, () => [1, 1, 1]), false);
});

Deno.test("clients that take turns keep their contents busy", () => {
  const turns = (commit: number) => commit % 2 === 0 ? many : [2, 2, 2, 2];
  assertEquals(isBusyAfter(32, turns), true);
});

Deno.test("none of many contents is busy, nor one that was so long ago", () => {
  const others = [...Array(8).keys()].map((content) => content + 2);
  assertEquals(isBusyAfter(16, () => [...many, ...others.slice(1)]), true);
  assertEquals(isBusyAfter(16, () => [...many, ...others]), false);
  assertEquals(isBusyAfter(48, (commit) => commit < 16 ? many : []), false);
});
