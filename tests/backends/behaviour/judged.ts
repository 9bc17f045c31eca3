import type { JudgedEntry, Rights } from "../../../src/vfs/mod.ts";
import { assertEquals } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { refused } from "./fixture.ts";

/** Each right as it is of a node, and otherwise. */
async function others(g: Fixture, node: object): Promise<Rights[]> {
  const { type, mode, uid, gid } = await g.stat(node);
  const rights = { type, mode, uid, gid };
  return [
    { ...rights, mode: mode ^ 0o020 },
    { ...rights, uid: uid + 1 },
    { ...rights, gid: gid + 1 },
  ];
}

/** What is judged of an entry, or of the absence of one. */
async function judge(
  g: Fixture,
  name: string,
  directory = g.root,
): Promise<JudgedEntry> {
  const node = await g.fs.lookup(directory, name);
  const folder = await g.stat(directory);
  return { folder, node, rights: node && await g.stat(node) };
}

/** Names of the root. */
const at = (g: Fixture, name: string) => ({ directory: g.root, name });

/** What a caller was judged by is what is acted on, or nothing is done. */
export const judgedTests: readonly BehaviourTest[] = [
  {
    name: "attributes are not set by rights that are others by then",
    async run(g) {
      const file = await g.file("a");
      const { mode } = await g.stat(file);
      for (const judged of await others(g, file)) {
        await refused("busy", () => g.fs.setattr(file, { mode: 0 }, judged));
      }
      assertEquals((await g.stat(file)).mode, mode);
      await g.fs.setattr(file, { mode: 0o640 }, await g.stat(file));
      assertEquals((await g.stat(file)).mode, 0o640);
    },
  },
  {
    name:
      "no entry comes or goes by rights to a folder that are others by then",
    async run(g) {
      const file = await g.file("a");
      const good = await judge(g, "a");
      const free = await judge(g, "b");
      const attributes = { mode: 0o644, ...g.owner };
      for (const folder of await others(g, g.root)) {
        const options = { attributes, judged: folder };
        const bad = { ...good, folder };
        const acts = [
          () => g.fs.create(g.root, "b", { type: "file" }, options),
          () => g.fs.link(file, g.root, "b", folder),
          () => g.fs.remove(g.root, "a", bad),
          () => g.fs.rename(at(g, "a"), at(g, "b"), { from: bad, to: free }),
          () =>
            g.fs.rename(at(g, "a"), at(g, "b"), {
              from: good,
              to: { ...free, folder },
            }),
        ];
        for (const act of acts) await refused("busy", act);
      }
      assertEquals(await g.names(), ["a"]);
      const judged = await g.stat(g.root);
      await g.fs.create(g.root, "c", { type: "file" }, { attributes, judged });
      await g.fs.link(file, g.root, "d", judged);
      assertEquals((await g.names()).sort(), ["a", "c", "d"]);
    },
  },
  {
    name: "what was not judged is not removed, though it has the name",
    async run(g) {
      await g.file("a", "judged");
      const judged = await judge(g, "a");
      await g.fs.rename(at(g, "a"), at(g, "moved"));
      const other = await g.file("a", "not judged");
      await refused("busy", () => g.fs.remove(g.root, "a", judged));
      g.same(await g.find("a"), other);
      const [rights] = await others(g, other);
      const stale = { ...await judge(g, "a"), rights };
      await refused("busy", () => g.fs.remove(g.root, "a", stale));
      await g.fs.remove(g.root, "a", await judge(g, "a"));
      assertEquals(await g.names(), ["moved"]);
    },
  },
  {
    name: "what was not judged is neither moved nor replaced",
    async run(g) {
      const file = await g.file("a");
      await g.file("b");
      const [from, to] = [await judge(g, "a"), await judge(g, "b")];
      const [free, other] = [await judge(g, "c"), await g.file("c")];
      const [rights] = await others(g, other);
      const rename = (
        a: string,
        b: string,
        from: JudgedEntry,
        to: JudgedEntry,
      ) => g.fs.rename(at(g, a), at(g, b), { from, to });
      const c = await judge(g, "c");
      await refused("busy", () => rename("c", "b", from, to));
      await refused("busy", () => rename("a", "c", from, to));
      // The name was free.
      await refused("busy", () => rename("a", "c", from, free));
      await refused("busy", () => rename("a", "c", from, { ...c, rights }));
      await refused("busy", () => rename("c", "b", { ...c, rights }, to));
      assertEquals((await g.names()).sort(), ["a", "b", "c"]);
      g.same(await g.find("c"), other);
      await rename("a", "c", from, c);
      g.same(await g.find("c"), file);
      await rename("b", "d", to, await judge(g, "d"));
      assertEquals((await g.names()).sort(), ["c", "d"]);
    },
  },
];
