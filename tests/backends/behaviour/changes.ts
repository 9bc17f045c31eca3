import { assert, assertEquals, assertGreater } from "@std/assert";
import type { ChangeInfo } from "../../../src/vfs/mod.ts";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { refused } from "./fixture.ts";

async function counter(g: Fixture, node: object): Promise<number> {
  return (await g.stat(node)).change;
}

/** Runs `act` and checks that what it tells of `folder` is what getattr tells. */
async function told(
  g: Fixture,
  folder: object,
  act: () => Promise<ChangeInfo>,
): Promise<void> {
  const before = await counter(g, folder);
  const info = await act();
  assertEquals(typeof info.atomic, "boolean");
  assertEquals(info.before, before);
  assertEquals(info.after, await counter(g, folder));
  assertGreater(info.after, info.before);
}

/** The change counter (RFC 8881 5.8.1.4) and change_info4. */
export const changeTests: readonly BehaviourTest[] = [
  {
    name: "the change counter grows with every write, however quick",
    async run(g) {
      const file = await g.file("a");
      let last = await counter(g, file);
      for (let i = 0; i < 200; i++) {
        await g.write(file, "x", i % 3);
        const next = await counter(g, file);
        assertGreater(next, last);
        last = next;
      }
    },
  },
  {
    name:
      "the change counter grows by one where it is said to be a version counter (RFC 7862 12.2.3)",
    async run(g) {
      const { changeType } = g.fs.limits!;
      assert(changeType !== undefined);
      const file = await g.file("a");
      const other = await g.folder("other");
      const root = g.root;
      const move = (name: string, directory: object) =>
        g.fs.rename({ directory: root, name }, { directory, name: "d" });
      const acts: [object, () => unknown][] = [
        [file, () => g.write(file, "xyz", 70_000)],
        [file, () => g.fs.setattr(file, { size: 5, mode: 0o600 })],
        [root, () => g.file("b")],
        [file, () => g.fs.link(file, other, "c")],
        [root, () => g.fs.remove(root, "b")],
        [root, () => move("a", root)],
        [other, () => move("d", other)],
      ];
      for (const [i, [node, act]] of acts.entries()) {
        const before = await counter(g, node);
        await act();
        const grown = await counter(g, node) - before;
        if (changeType === "version-counter") assertEquals(grown, 1, `${i}`);
        else assertGreater(grown, 0, `${i}`);
      }
    },
  },
  {
    name: "the change counter grows with every setattr, however quick",
    async run(g) {
      const file = await g.file("a");
      let last = await counter(g, file);
      for (let i = 0; i < 50; i++) {
        for (
          const changes of [
            { mode: 0o600 + i % 2 },
            { size: i },
            { mtime: { seconds: i, nanoseconds: 0 } },
            { atime: "now" as const },
            { uid: g.owner.uid },
          ]
        ) {
          await g.fs.setattr(file, changes);
          const next = await counter(g, file);
          assertGreater(next, last, JSON.stringify(changes));
          last = next;
        }
      }
    },
  },
  {
    name: "the change counter of a file grows with its links",
    async run(g) {
      const file = await g.file("a");
      const first = await counter(g, file);
      await g.fs.link(file, g.root, "b");
      const second = await counter(g, file);
      assertGreater(second, first);
      await g.fs.remove(g.root, "a");
      assertGreater(await counter(g, file), second);
    },
  },
  {
    name: "the folder's change is told with every change of an entry",
    async run(g) {
      const { fs } = g;
      const folder = await g.folder("folder");
      const file = await g.file("file");
      const attributes = { mode: 0o644, ...g.owner };
      const create = async (
        name: string,
        kind: Parameters<typeof fs.create>[2],
      ) => (await fs.create(folder, name, kind, { attributes })).change;
      await told(g, folder, () => create("a", { type: "file" }));
      await told(g, folder, () => create("b", { type: "directory" }));
      const symlink = { type: "symlink", target: "x" } as const;
      await told(g, folder, () => create("c", symlink));
      await told(g, folder, async () => await fs.link(file, folder, "d"));
      await told(g, folder, async () => await fs.remove(folder, "b"));
      await told(g, folder, async () => await fs.remove(folder, "a"));
      await told(g, folder, async () => {
        const from = { directory: folder, name: "c" };
        const to = { directory: folder, name: "e" };
        const { source, target } = await fs.rename(from, to);
        assertEquals({ ...source }, { ...target });
        return source;
      });
    },
  },
  {
    name: "a move between folders tells the change of both",
    async run(g) {
      const source = await g.folder("source");
      const target = await g.folder("target");
      await g.file("a", "", source);
      await told(g, target, async () => {
        let info!: { source: ChangeInfo; target: ChangeInfo };
        await told(g, source, async () => {
          const from = { directory: source, name: "a" };
          const to = { directory: target, name: "b" };
          info = await g.fs.rename(from, to);
          return info.source;
        });
        return info.target;
      });
    },
  },
  {
    name: "the change counter grows with every entry, however quick",
    async run(g) {
      let last = await counter(g, g.root);
      for (let i = 0; i < 100; i++) {
        await g.file(`file${i}`);
        const made = await counter(g, g.root);
        await g.fs.remove(g.root, `file${i}`);
        const removed = await counter(g, g.root);
        assert(last < made && made < removed);
        last = removed;
      }
    },
  },
  {
    name: "what is refused changes nothing",
    async run(g) {
      const file = await g.file("a", "content");
      const folder = await g.folder("folder");
      await g.file("inside", "", folder);
      const nodes = [g.root, file, folder];
      const look = () => Promise.all(nodes.map((node) => g.stat(node)));
      const before = await look();
      await refused("exists", () => g.file("a"));
      await refused("exists", () => g.fs.link(file, g.root, "folder"));
      await refused("not-empty", () => g.fs.remove(g.root, "folder"));
      await refused("not-found", () => g.fs.remove(g.root, "x"));
      const at = (name: string) => ({ directory: g.root, name });
      await refused("not-found", () => g.fs.rename(at("x"), at("y")));
      await refused("is-directory", () => g.fs.rename(at("a"), at("folder")));
      assertEquals(await look(), before);
    },
  },
];
