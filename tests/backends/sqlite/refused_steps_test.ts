import { assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { Model } from "./crash_model.ts";
import { act, nextBatch } from "./crash_steps.ts";
import { canWrite, copyFolder, sequence, temporary, using } from "./fixture.ts";
import { refusal } from "./refused_commits.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;

Deno.test({
  name:
    "whatever is refused: what is seen is what was answered, here and after a crash",
  ignore,
  async fn() {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const random = sequence(seed);
    using folder = temporary();
    const disk = new RefusingDisk();
    const store = `${folder.path}/store`;
    const few = { keptNodes: 8, longLog: 100_000, commitBytes: 2 ** 15 };
    const open = () => sqlite(store, { disk, ...few });
    let fs = open();
    let model = await Model.of(fs);
    for (let point = 0; point < 40; point++) {
      const where = JSON.stringify({ seed, point });
      // Another life knows nothing of the contents but what their rows say.
      const isReopened = point % 4 === 3;
      if (isReopened) {
        await fs.dispose();
        fs = open();
      }
      disk.refusals = isReopened || random(3) === 0 ? 1 : 0;
      const steps = nextBatch(model.copy(), random, { isReopened });
      const { losses } = fs;
      const next = model.copy();
      for (const step of steps) {
        try {
          next.apply(step, await act(fs, step));
        } catch (error) {
          if (!(error instanceof FsError)) throw error;
          assertEquals(error.code, "no-space", where);
          break;
        }
      }
      const code = await refusal(fs);
      disk.refusals = 0;
      // A step may need a commit of its own, with which those before it are lost.
      const isLost = code !== undefined || fs.losses > losses;
      if (!isLost) model = next;
      else {
        // Bytes and holes that were refused may be there, and unstable bytes as the size.
        for (const step of steps) {
          if (!("offset" in step)) continue;
          const node = model.nodes.get(step.path);
          const end = step.offset + step.length;
          node?.doubts.push([step.offset, end]);
          if (step.op === "write") node?.sizes.push([end, end]);
        }
      }
      const seen = await Model.of(fs);
      assertEquals(model.differs(seen), undefined, where);
      // A process that is killed leaves the files as they are.
      const copy = `${folder.path}/${point}`;
      copyFolder(store, copy);
      assertEquals((await checkStore(copy)).problems, [], where);
      const after = await using(copy, (fs) => Model.of(fs));
      assertEquals(model.differs(after), undefined, `killed: ${where}`);
      Deno.removeSync(copy, { recursive: true });
      model = keepDoubts(model, seen);
    }
    await fs.dispose();
    const last = await using(store, (fs) => Model.of(fs));
    assertEquals(model.differs(last), undefined, String(seed));
  },
});

/** What is seen is what the next steps go by; what may be lost still may. */
function keepDoubts(model: Model, seen: Model): Model {
  for (const [path, node] of seen.nodes) {
    const { doubts, sizes } = model.nodes.get(path)!;
    node.doubts = doubts;
    node.sizes = sizes;
  }
  return seen;
}
