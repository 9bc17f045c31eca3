import { assert, assertEquals, assertRejects } from "@std/assert";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { FsError, type JudgedEntry } from "../../../src/vfs/mod.ts";
import { toldClock } from "../../support/fake_clock.ts";
import { attributes, noFolder, Sandbox, testBothHosts } from "./fixture.ts";
import { holdBack } from "../hold_back.ts";

/** What the host cuts by another thread. */
const LARGE = 17 * 1024 * 1024;

/** What of an entry a caller is judged by now. */
async function judge(
  { fs }: Sandbox,
  folder: LocalNode,
  name: string,
): Promise<JudgedEntry<LocalNode>> {
  const node = await fs.lookup(folder, name);
  const rights = node && await fs.getattr(node);
  return { folder: await fs.getattr(folder), node, rights };
}

/** "file", unflushed, "other" and "third", none of which is another's. */
async function prepare({ fs }: Sandbox): Promise<LocalNode> {
  const kind = { type: "file" } as const;
  const root = fs.root();
  await fs.create(root, "other", kind, { attributes });
  await fs.create(root, "third", kind, { attributes });
  const { node } = await fs.create(root, "file", kind, { attributes });
  await fs.setattr(node, { size: LARGE });
  await fs.write(node, 0, new Uint8Array(1), "unstable");
  return node;
}

Deno.test({
  name:
    "local: attributes that had to wait for a long change of the size are not set by rights that are gone",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const file = await prepare(box);
    using truncate = holdBack("ftruncate");
    const resized = fs.setattr(file, { size: 2 });
    const judged = await fs.getattr(file);
    const first = fs.setattr(file, { mode: 0o600 }, judged);
    const second = fs.setattr(file, { mode: 0o4755 }, judged) as Promise<void>;
    const failed = assertRejects(() => second, FsError, "busy");
    truncate.asked[0]!.go();
    await Promise.all([resized, first, failed]);
    const now = await fs.getattr(file);
    assertEquals(now.mode, 0o600);
    await fs.setattr(file, { mode: 0o640 }, now);
    assertEquals((await fs.getattr(file)).mode, 0o640);
  },
});

/** How another file comes to have the name. */
async function exchange({ fs }: Sandbox, name: string): Promise<LocalNode> {
  const directory = fs.root();
  await fs.rename({ directory, name }, { directory, name: "judged" });
  const kind = { type: "file" } as const;
  return (await fs.create(directory, name, kind, { attributes })).node;
}

for (const name of ["file", "other"]) {
  for (const call of ["fdatasync", "ftruncate"] as const) {
    Deno.test({
      name:
        `local: a rename that waits for ${call} does not touch what has the name of "${name}" by then`,
      ignore: noFolder,
      async fn() {
        await using box = new Sandbox({ durability: "os" });
        const { fs } = box;
        const file = await prepare(box);
        const root = fs.root();
        const from = await judge(box, root, "file");
        const to = await judge(box, root, "other");
        using held = holdBack(call);
        const resized = call === "ftruncate" &&
          fs.setattr(file, { size: LARGE * 2 + 1 });
        const renamed = fs.rename(
          { directory: root, name: "file" },
          { directory: root, name: "other" },
          { from, to },
        );
        assert(renamed instanceof Promise);
        const refused = assertRejects(() => renamed, FsError, "busy");
        // What is being cut keeps its name until then; the host's programs ask nobody.
        let unjudged: LocalNode | undefined;
        if (call === "ftruncate" && name === "file") {
          Deno.renameSync(`${box.path}/file`, `${box.path}/judged`);
          Deno.writeTextFileSync(`${box.path}/file`, "");
        } else unjudged = await exchange(box, name);
        held.asked[0]!.go();
        await Promise.all([refused, resized]);
        const found = await fs.lookup(root, name);
        if (unjudged !== undefined) assertEquals(found, unjudged);
        assert(await fs.lookup(root, "judged") !== undefined);
        assert(await fs.lookup(root, "file") !== undefined);
        assert(await fs.lookup(root, "other") !== undefined);
      },
    });
  }
}

testBothHosts(
  "what is done again after its folder was looked for is done to what was judged",
  async (make) => {
    let now = 0;
    await using box = make({ clock: toldClock(() => now) });
    const { fs, path } = box;
    const kind = { type: "directory" } as const;
    const options = { attributes: { ...attributes, mode: 0o755 } };
    const { node: folder } = await fs.create(fs.root(), "d", kind, options);
    const acts = [
      (judged: JudgedEntry<LocalNode>) => fs.remove(folder, "file", judged),
      async (from: JudgedEntry<LocalNode>) => {
        const to = await judge(box, folder, "new");
        now += 2000;
        return fs.rename(
          { directory: folder, name: "file" },
          { directory: folder, name: "new" },
          { from, to },
        );
      },
    ];
    let at = `${path}/d`;
    for (const [i, act] of acts.entries()) {
      Deno.writeTextFileSync(`${at}/file`, "judged");
      const judged = await judge(box, folder, "file");
      now += 2000;
      Deno.renameSync(at, at = `${path}/moved${i}`);
      const acted = act(judged) as Promise<unknown>;
      assert(acted instanceof Promise);
      const refused = assertRejects(() => acted, FsError, "busy");
      Deno.renameSync(`${at}/file`, `${at}/judged`);
      Deno.writeTextFileSync(`${at}/file`, "not judged");
      await refused;
      assertEquals(Deno.readTextFileSync(`${at}/file`), "not judged");
    }
  },
);

testBothHosts(
  "what waits for the way to a far folder is done to what was judged",
  async (make) => {
    let now = 0;
    await using box = make({
      clock: toldClock(() => now),
      durability: "os",
    });
    const { fs } = box;
    const kind = { type: "directory" } as const;
    const options = { attributes: { ...attributes, mode: 0o755 } };
    let folder = fs.root();
    for (let level = 0; level < 210; level++) {
      folder = (await fs.create(folder, "d", kind, options)).node;
    }
    const file = { type: "file" } as const;
    await fs.create(folder, "file", file, { attributes });
    const judged = await judge(box, folder, "file");
    now += 2000;
    const removed = fs.remove(folder, "file", judged);
    assert(removed instanceof Promise);
    const refused = assertRejects(() => removed, FsError, "busy");
    const path = `${box.path}${"/d".repeat(210)}/file`;
    Deno.renameSync(path, `${path} judged`);
    Deno.writeTextFileSync(path, "not judged");
    await refused;
    assertEquals(Deno.readTextFileSync(path), "not judged");
    await fs.remove(folder, "file", await judge(box, folder, "file"));
  },
);
