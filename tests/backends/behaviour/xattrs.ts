import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { bytes, earlier, refused } from "./fixture.ts";

const needs = ["xattrs"] as const;

/** The names of a node's extended attributes, in an order of ours. */
async function names(g: Fixture, node: object): Promise<string[]> {
  return [...await g.fs.listxattrs(node)].sort();
}

/** Makes or replaces one. */
function set(g: Fixture, node: object, name: string, value: string) {
  return g.fs.setxattr(node, name, bytes(value), "either");
}

/** A value as text. */
async function get(g: Fixture, node: object, name: string) {
  const value = await g.fs.getxattr(node, name);
  return value && new TextDecoder().decode(value);
}

/** Extended attributes (RFC 8276). */
export const xattrTests: readonly BehaviourTest[] = [
  {
    name:
      "extended attributes of files and folders are set, listed, read and removed",
    needs,
    async run(g) {
      for (const node of [await g.file("a", "x"), await g.folder("b")]) {
        assertEquals(await names(g, node), []);
        assertEquals(await get(g, node, "tag"), undefined);
        await set(g, node, "tag", "red");
        await set(g, node, "a/b.c=d é", "");
        await set(g, node, "tag", "green");
        assertEquals(await names(g, node), ["a/b.c=d é", "tag"]);
        assertEquals(await get(g, node, "tag"), "green");
        assertEquals(await get(g, node, "a/b.c=d é"), "");
        assertEquals(await get(g, node, "ta"), undefined);
        await g.fs.removexattr(node, "tag");
        assertEquals(await names(g, node), ["a/b.c=d é"]);
        assertEquals(await get(g, node, "tag"), undefined);
      }
    },
  },
  {
    name:
      "an extended attribute may be any bytes, and is a copy of what was given",
    needs,
    async run(g) {
      const node = await g.file("a");
      const value = Uint8Array.from({ length: 256 }, (_, i) => i);
      const given = value.slice();
      await g.fs.setxattr(node, "bytes", given, "create");
      given.fill(0);
      assertEquals(await g.fs.getxattr(node, "bytes"), value);
    },
  },
  {
    name: "an extended attribute is made or replaced as the option says",
    needs,
    async run(g) {
      const node = await g.file("a");
      const value = bytes("x");
      await refused(
        "no-xattr",
        () => g.fs.setxattr(node, "n", value, "replace"),
      );
      await g.fs.setxattr(node, "n", value, "create");
      await refused("exists", () => g.fs.setxattr(node, "n", value, "create"));
      await g.fs.setxattr(node, "n", bytes("y"), "replace");
      assertEquals(await get(g, node, "n"), "y");
      await refused("no-xattr", () => g.fs.removexattr(node, "m"));
      assertEquals(await names(g, node), ["n"]);
    },
  },
  {
    name:
      "an extended attribute moves ctime and the change counter, and no other time",
    needs,
    async run(g) {
      for (const node of [await g.file("a", "x"), await g.folder("b")]) {
        const acts = [
          () => set(g, node, "n", "1"),
          () => set(g, node, "n", "2"),
          () => g.fs.removexattr(node, "n"),
        ];
        for (const act of acts) {
          await g.tick();
          const before = await g.stat(node);
          const change = await act();
          const after = await g.stat(node);
          assertNotEquals(after.change, before.change);
          assertEquals(change.before, before.change);
          assertEquals(change.after, after.change);
          assertEquals(after.mtime, before.mtime);
          assertEquals(after.size, before.size);
          assert(earlier(before.ctime, after.ctime) || !g.can.clock);
        }
      }
    },
  },
  {
    name:
      "an extended attribute belongs to the file, whatever its name, and goes with it",
    needs,
    async run(g) {
      const file = await g.file("a");
      await set(g, file, "n", "of the file");
      const root = g.root;
      await g.fs.link(file, root, "b");
      await g.fs.rename(
        { directory: root, name: "a" },
        { directory: root, name: "c" },
      );
      assertEquals(await get(g, await g.find("b"), "n"), "of the file");
      await g.fs.remove(root, "b");
      await g.fs.remove(root, "c");
      assertEquals(await names(g, await g.file("a")), []);
    },
  },
  {
    name: "an open file keeps its extended attributes when its name goes",
    needs,
    async run(g) {
      const file = await g.file("a");
      const mode = { read: true, write: true };
      await g.fs.open(file, mode);
      await set(g, file, "n", "1");
      await g.fs.remove(g.root, "a");
      assertEquals(await get(g, file, "n"), "1");
      await set(g, file, "m", "2");
      assertEquals(await names(g, file), ["m", "n"]);
      await g.fs.close(file, mode);
    },
  },
  {
    name: "symlinks have no extended attributes",
    needs,
    async run(g) {
      const file = await g.file("a");
      const link = await g.symlink("s", "a");
      await set(g, file, "n", "1");
      assertEquals(await names(g, link), []);
      assertEquals(await get(g, link, "n"), undefined);
      await refused("wrong-type", () => set(g, link, "n", "2"));
      assertEquals(await get(g, file, "n"), "1");
    },
  },
  {
    name:
      "extended attributes are those of a caller who may still change the file",
    needs,
    async run(g) {
      const node = await g.file("a");
      const judged = { ...await g.stat(node), mode: 0o666 };
      const value = bytes("x");
      await refused(
        "busy",
        () => g.fs.setxattr(node, "n", value, "either", judged),
      );
      await set(g, node, "n", "1");
      await refused("busy", () => g.fs.removexattr(node, "n", judged));
      assertEquals(await get(g, node, "n"), "1");
      await g.fs.removexattr(node, "n", await g.stat(node));
    },
  },
  {
    name: "extended attributes are there after a restart",
    needs: ["xattrs", "restart"],
    async run(g) {
      await set(g, await g.file("a"), "n", "1");
      await set(g, await g.folder("b"), "n", "2");
      await g.reopen();
      assertEquals(await get(g, await g.find("a"), "n"), "1");
      assertEquals(await get(g, await g.find("b"), "n"), "2");
    },
  },
  {
    name:
      "values of 64 KiB are kept, larger ones and more than 8 MiB of a file refused",
    needs: ["xattrs", "largeXattrs"],
    async run(g) {
      const node = await g.file("a");
      const value = new Uint8Array(65_536).fill(7);
      const put = (name: string, value: Uint8Array) =>
        g.fs.setxattr(node, name, value, "either");
      await refused("xattr-too-big", () => put("n", new Uint8Array(65_537)));
      for (let i = 0; i < 127; i++) await put(`n${i}`, value);
      assertEquals(await g.fs.getxattr(node, "n126"), value);
      await refused("xattr-too-big", () => put("n127", value));
      const { change } = await g.stat(node);
      await put("n0", value);
      assertEquals((await g.stat(node)).change, change, "the same value");
      await put("n0", new Uint8Array(0));
      await put("n127", value);
      await refused("xattr-too-big", () => put("n128", value));
      assertEquals((await names(g, node)).length, 128);
    },
  },
  {
    name: "1,000 extended attributes of a file are kept, and no more",
    needs: ["xattrs", "largeXattrs"],
    async run(g) {
      const node = await g.folder("a");
      for (let i = 0; i < 1000; i++) await set(g, node, `n${i}`, `${i}`);
      await refused("xattr-too-big", () => set(g, node, "more", ""));
      await set(g, node, "n500", "other");
      assertEquals((await names(g, node)).length, 1000);
      await g.fs.removexattr(node, "n0");
      await set(g, node, "more", "");
      assertEquals(await get(g, node, "n500"), "other");
    },
  },
];
