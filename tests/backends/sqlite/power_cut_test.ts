import { assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { LONG_LOG } from "../../../src/backends/sqlite/options.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import type { Stability } from "../../../src/vfs/mod.ts";
import { compare } from "./crash.ts";
import { Model } from "./crash_model.ts";
import { act, nextBatch } from "./crash_steps.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  sequence,
  temporary,
  using,
  whole,
} from "./fixture.ts";
import { losses, LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";

// A log that is emptied by almost every commit, by some, by none.
const logs = { 1: "each", 100_000: "some", [LONG_LOG]: "no" };

for (const [longLog, which] of Object.entries(logs)) {
  Deno.test({
    name:
      `whatever was answered survives a power failure, where ${which} commit empties the log`,
    ignore,
    fn: () => cutPower(Number(longLog)),
  });
}

/** Cuts the power during commits, in every way that a disk can be at fault. */
async function cutPower(longLog: number): Promise<void> {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  console.log(`seed ${seed}`);
  const random = sequence(seed);
  using folder = temporary();
  const store = `${folder.path}/store`;
  const disk = new LossyDisk();
  const few = { keptNodes: 8, commitBytes: 2 ** 15 };
  const open = () => sqlite(store, { disk, longLog, ...few });
  let fs = open();
  const model = await Model.of(fs);
  for (let point = 0; point < 16; point++) {
    for (let i = random(6); i >= 0; i--) {
      // The plan of a batch is drawn from a copy; the model gets what came of it.
      const steps = nextBatch(model.copy(), random);
      for (const step of steps) model.apply(step, await act(fs, step));
      await fs.settle();
    }
    // Another life knows nothing of the contents but what their rows say.
    const isReopened = point % 2 === 1;
    if (isReopened) {
      await fs.dispose();
      disk.closed(store);
      fs = open();
    }
    // The power fails while this one is being committed, at the latest.
    const steps = nextBatch(model.copy(), random, { isReopened });
    const answers: (Stability | undefined)[] = [];
    for (const step of steps) answers.push(await act(fs, step));
    const settled = fs.settle();
    for (const [index, lost] of losses.entries()) {
      const copy = `${folder.path}/${point}-${index}`;
      disk.copy(store, copy, lost);
      assertEquals((await checkStore(copy)).problems, []);
      const after = await using(copy, (fs) => Model.of(fs));
      const where = JSON.stringify({ seed, point, ...lost });
      assertEquals(compare(model, after, [{ steps }]), undefined, where);
      Deno.removeSync(copy, { recursive: true });
    }
    await settled;
    steps.forEach((step, index) => model.apply(step, answers[index]));
  }
  await fs.dispose();
}

/** Has `act` do something to a durable file of 40,000 bytes, and cuts the power after. */
async function survivors(
  act: (fs: SqliteFileSystem, file: SqliteNode) => void | Promise<void>,
): Promise<Uint8Array[]> {
  using folder = temporary();
  const disk = new LossyDisk();
  const fs = sqlite(`${folder.path}/store`, { disk });
  const file = make(fs, "a");
  fs.write(file, 0, pattern(40_000, 1), "file");
  await fs.settle();
  await act(fs, file);
  await fs.settle();
  const found: Uint8Array[] = [];
  for (const [index, lost] of losses.entries()) {
    const copy = `${folder.path}/${index}`;
    disk.copy(`${folder.path}/store`, copy, lost);
    found.push(await using(copy, async (fs) => await whole(fs, find(fs, "a"))));
  }
  await fs.dispose();
  return found;
}

/** The file of {@linkcode survivors} with zeros from `size` on. */
function cutAt(size: number): Uint8Array {
  return pattern(40_000, 1).fill(0, size);
}

Deno.test({
  name: "bytes that were cut off don't come back after a power failure",
  ignore,
  async fn() {
    const found = await survivors(async (fs, file) => {
      await fs.setattr(file, { size: 20_000 });
      await fs.setattr(file, { size: 40_000 });
    });
    for (const bytes of found) assertEquals(bytes, cutAt(20_000));
  },
});

Deno.test({
  name: "an answered cut and growth are kept, each settled alone",
  ignore,
  async fn() {
    const found = await survivors(async (fs, file) => {
      await fs.setattr(file, { size: 20_000 });
      await fs.settle();
      await fs.setattr(file, { size: 40_000 });
    });
    for (const bytes of found) assertEquals(bytes, cutAt(20_000));
  },
});

Deno.test({
  name: "journaled writes that were cut off don't come back",
  ignore,
  async fn() {
    const found = await survivors(async (fs, file) => {
      fs.write(file, 30_000, pattern(4000, 2), "file");
      fs.write(file, 18_000, pattern(4000, 1), "file");
      await fs.settle();
      await fs.setattr(file, { size: 20_000 });
      await fs.settle();
      await fs.setattr(file, { size: 40_000 });
      await fs.settle();
    });
    const expected = cutAt(18_000);
    expected.set(pattern(4000, 1).subarray(0, 2000), 18_000);
    for (const bytes of found) assertEquals(bytes, expected);
  },
});

Deno.test({
  name: "a file that was emptied does not get its old bytes back",
  ignore,
  async fn() {
    const found = await survivors(async (fs, file) => {
      await fs.setattr(file, { size: 0 });
      await fs.settle();
      await fs.setattr(file, { size: 40_000 });
    });
    for (const bytes of found) assertEquals(bytes, cutAt(0));
  },
});

Deno.test({
  name: "a new store has its root after a power failure before any change",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new LossyDisk();
    const fs = sqlite(`${folder.path}/store`, { disk });
    for (const [index, lost] of losses.entries()) {
      const copy = `${folder.path}/${index}`;
      disk.copy(`${folder.path}/store`, copy, lost);
      assertEquals((await checkStore(copy)).problems, []);
    }
    await fs.dispose();
  },
});

Deno.test({
  name:
    "a power failure in the first commit after a start leaves no content of no file",
  ignore,
  async fn() {
    using folder = temporary();
    const store = `${folder.path}/store`;
    await using(store, (fs) => void make(fs, "a"));
    const disk = new LossyDisk();
    disk.closed(store);
    const fs = sqlite(store, { disk });
    fs.write(find(fs, "a"), 0, pattern(40_000, 1), "file");
    const settled = fs.settle();
    for (const [index, lost] of losses.entries()) {
      const copy = `${folder.path}/${index}`;
      disk.copy(store, copy, lost);
      assertEquals((await checkStore(copy)).problems, []);
    }
    await settled;
    await fs.dispose();
  },
});
