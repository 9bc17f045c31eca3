import { assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { compare } from "./crash.ts";
import { Model } from "./crash_model.ts";
import { act, nextBatch } from "./crash_steps.ts";
import { canWrite, sequence, temporary, using } from "./ground.ts";

/** A disk that knows what it would have after a power failure: what was synced. */
class LossyDisk implements Disk {
  /** Bytes of each file when its last sync began that has ended. */
  readonly #synced = new Map<string, Uint8Array>();

  room = hostDisk.room;

  async sync(descriptor: number): Promise<void> {
    const note = this.#begin(descriptor);
    await hostDisk.sync(descriptor);
    note();
  }

  syncNow(descriptor: number): void {
    const note = this.#begin(descriptor);
    hostDisk.syncNow(descriptor);
    note();
  }

  /** Copies a store, without what of the log, or of the contents, was not synced. */
  copy(from: string, to: string, lost: { log: boolean; contents: boolean }) {
    Deno.mkdirSync(to, { recursive: true });
    for (const { name, isDirectory } of Deno.readDirSync(from)) {
      const [source, target] = [`${from}/${name}`, `${to}/${name}`];
      if (isDirectory) {
        this.copy(source, target, lost);
        continue;
      }
      const isContent = source.includes("/content/");
      const isLost = isContent ? lost.contents : lost.log;
      const isLossy = isContent || name.endsWith("-wal");
      const synced = this.#synced.get(source);
      if (!isLossy || !isLost) Deno.copyFileSync(source, target);
      else if (synced !== undefined) Deno.writeFileSync(target, synced);
    }
  }

  #begin(descriptor: number): () => void {
    const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
    if (!Deno.statSync(path).isFile) return () => {};
    const bytes = Deno.readFileSync(path);
    return () => this.#synced.set(path, bytes);
  }
}

Deno.test({
  name:
    "whatever was answered survives a power failure, whatever order the disk had",
  ignore: !canWrite || Deno.build.os !== "linux",
  async fn() {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    console.log(`seed ${seed}`);
    const random = sequence(seed);
    using folder = temporary();
    const store = `${folder.path}/store`;
    const disk = new LossyDisk();
    const fs = sqlite(store, { disk });
    const model = Model.of(fs);
    for (let point = 0; point < 40; point++) {
      for (let i = random(6); i >= 0; i--) {
        // The plan of a batch is drawn from a copy; the model gets what came of it.
        const steps = nextBatch(model.copy(), random);
        for (const step of steps) model.apply(step, act(fs, step));
        await fs.settle();
      }
      // The power fails while this one is being committed, at the latest.
      const steps = nextBatch(model.copy(), random);
      const answers = steps.map((step) => act(fs, step));
      const settled = fs.settle();
      for (const log of [true, false]) {
        for (const contents of [true, false]) {
          const copy = `${folder.path}/${point}-${log}-${contents}`;
          disk.copy(store, copy, { log, contents });
          assertEquals((await checkStore(copy)).problems, []);
          const after = await using(copy, (fs) => Model.of(fs));
          const lost = JSON.stringify({ seed, point, log, contents });
          assertEquals(compare(model, after, [{ steps }]), undefined, lost);
          Deno.removeSync(copy, { recursive: true });
        }
      }
      await settled;
      steps.forEach((step, index) => model.apply(step, answers[index]));
    }
    await fs.dispose();
  },
});
