import { assert, assertEquals } from "@std/assert";
import { noFolder, Sandbox } from "./ground.ts";

/** What a COMPOUND can make. */
const FOLDERS = 60;
/** COMPOUNDs that wait for the disk together. */
const CROWDS = 8;
const KEPT = 64;

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test({
  name:
    "local: what a crowd has changed is settled with a few descriptors at a time",
  ignore: noFolder || Deno.build.os !== "linux",
  async fn() {
    await using box = new Sandbox({ maxDescriptors: 4 * KEPT });
    const { fs } = box;
    const [uid, gid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
    const attributes = { mode: 0o755, uid, gid };
    const before = openDescriptors();
    const settled = [];
    for (let crowd = 0; crowd < CROWDS; crowd++) {
      let folder = fs.root();
      for (let i = 0; i < FOLDERS; i++) {
        const kind = { type: "directory" } as const;
        const name = `${crowd}`;
        folder = (await fs.create(folder, name, kind, { attributes })).node;
      }
      settled.push(fs.settle());
    }
    // What is kept open for later has a limit of its own.
    const taken = openDescriptors() - before - KEPT;
    await Promise.all(settled);
    assert(taken <= 64, `${taken} more are open at once`);
    assertEquals(fs.settle(), undefined, "nothing is left");
  },
});
