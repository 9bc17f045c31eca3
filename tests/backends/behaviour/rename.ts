import { assertEquals } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { refused } from "./fixture.ts";

/** Renames in the root, or between folders. */
function rename(
  g: Fixture,
  from: string,
  to: string,
  folders: { from?: object; to?: object } = {},
) {
  return g.fs.rename(
    { directory: folders.from ?? g.root, name: from },
    { directory: folders.to ?? g.root, name: to },
  );
}

/** Rename and what it replaces. */
export const renameTests: readonly BehaviourTest[] = [
  {
    name: "rename gives a file another name and leaves its content",
    async run(g) {
      const file = await g.file("a", "content");
      await rename(g, "a", "b");
      await g.absent("a");
      g.same(await g.find("b"), file);
      assertEquals(await g.text(file), "content");
      assertEquals((await g.stat(file)).nlink, 1);
      assertEquals(await g.names(), ["b"]);
    },
  },
  {
    name: "rename moves any node to another folder",
    async run(g) {
      const source = await g.folder("source");
      const target = await g.folder("target");
      const file = await g.file("file", "content", source);
      const link = await g.symlink("link", "x", source);
      const folder = await g.folder("folder", source);
      await g.file("deep", "below", folder);
      for (const name of ["file", "link", "folder"]) {
        await rename(g, name, name, { from: source, to: target });
      }
      assertEquals(await g.names(source), []);
      assertEquals((await g.names(target)).sort(), ["file", "folder", "link"]);
      g.same(await g.find("file", target), file);
      g.same(await g.find("link", target), link);
      g.same(await g.find("folder", target), folder);
      g.same(await g.fs.parent(folder), target);
      assertEquals(await g.text(await g.find("deep", folder)), "below");
    },
  },
  {
    name: "a folder that moves takes its link count along",
    async run(g) {
      const source = await g.folder("source");
      const target = await g.folder("target");
      await g.folder("folder", source);
      await rename(g, "folder", "folder", { from: source, to: target });
      assertEquals((await g.stat(source)).nlink, 2);
      assertEquals((await g.stat(target)).nlink, 3);
      await rename(g, "folder", "other", { from: target, to: target });
      assertEquals((await g.stat(target)).nlink, 3);
    },
  },
  {
    name: "rename of what is not there is refused",
    async run(g) {
      await g.file("b", "kept");
      await refused("not-found", () => rename(g, "a", "b"));
      assertEquals(await g.text(await g.find("b")), "kept");
    },
  },
  {
    name: "rename needs folders on both sides",
    async run(g) {
      const file = await g.file("a");
      await refused("not-directory", () => rename(g, "x", "y", { from: file }));
      await refused("not-directory", () => rename(g, "a", "y", { to: file }));
      g.same(await g.find("a"), file);
    },
  },
  {
    name: "a file replaces a file, whose other links stay",
    async run(g) {
      const file = await g.file("a", "new");
      const old = await g.file("b", "old");
      await g.fs.link(old, g.root, "c");
      await rename(g, "a", "b");
      g.same(await g.find("b"), file);
      await g.absent("a");
      assertEquals(await g.text(await g.find("c")), "old");
      assertEquals((await g.stat(old)).nlink, 1);
      assertEquals((await g.names()).sort(), ["b", "c"]);
    },
  },
  {
    name: "files and symlinks replace each other",
    async run(g) {
      const link = await g.symlink("link", "b");
      await g.file("a", "file");
      await rename(g, "link", "a");
      g.same(await g.find("a"), link);
      const file = await g.file("b", "target");
      await rename(g, "b", "a");
      g.same(await g.find("a"), file);
      assertEquals(await g.names(), ["a"]);
    },
  },
  {
    name: "a folder replaces an empty folder",
    async run(g) {
      const outer = await g.folder("outer");
      await g.folder("empty", outer);
      const folder = await g.folder("folder");
      await g.file("inside", "kept", folder);
      await rename(g, "folder", "empty", { to: outer });
      g.same(await g.find("empty", outer), folder);
      g.same(await g.fs.parent(folder), outer);
      assertEquals(await g.text(await g.find("inside", folder)), "kept");
      assertEquals((await g.stat(outer)).nlink, 3);
      assertEquals((await g.stat(g.root)).nlink, 3);
    },
  },
  {
    name: "a folder replaces no folder that has entries",
    async run(g) {
      const full = await g.folder("full");
      await g.file("inside", "kept", full);
      await g.folder("folder");
      await refused("not-empty", () => rename(g, "folder", "full"));
      assertEquals(await g.text(await g.find("inside", full)), "kept");
      assertEquals((await g.names()).sort(), ["folder", "full"]);
    },
  },
  {
    name: "a file replaces no folder, a folder no file",
    async run(g) {
      await g.file("file", "kept");
      await g.symlink("link", "folder");
      await g.folder("folder");
      const full = await g.folder("full");
      await g.file("inside", "", full);
      for (const name of ["file", "link"]) {
        await refused("is-directory", () => rename(g, name, "folder"));
        await refused("is-directory", () => rename(g, name, "full"));
        await refused("not-directory", () => rename(g, "folder", name));
      }
      assertEquals(
        (await g.names()).sort(),
        ["file", "folder", "full", "link"],
      );
      assertEquals(await g.text(await g.find("file")), "kept");
    },
  },
  {
    name: "a folder can't move into itself or below",
    async run(g) {
      const a = await g.folder("a");
      const b = await g.folder("b", a);
      const c = await g.folder("c", b);
      for (const to of [a, b, c]) {
        await refused("invalid", () => rename(g, "a", "x", { to }));
      }
      await refused("invalid", () => rename(g, "b", "x", { from: a, to: c }));
      g.same(await g.find("a"), a);
      g.same(await g.find("b", a), b);
      assertEquals(await g.names(c), []);
    },
  },
  {
    name: "a folder does not replace the folder that it is in",
    async run(g) {
      const a = await g.folder("a");
      const b = await g.folder("b", a);
      await refused("not-empty", () => rename(g, "b", "a", { from: a }));
      g.same(await g.find("b", a), b);
    },
  },
  {
    name: "a rename between two names of one file does nothing",
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("a", "content");
      await g.fs.link(file, g.root, "b");
      await g.fs.link(file, folder, "c");
      const before = [await g.stat(g.root), await g.stat(folder)];
      const { source, target } = await rename(g, "a", "b");
      assertEquals(source.before, source.after);
      assertEquals(target.before, target.after);
      await rename(g, "a", "c", { to: folder });
      await rename(g, "a", "a");
      await rename(g, "folder", "folder");
      assertEquals((await g.stat(file)).nlink, 3);
      assertEquals([await g.stat(g.root), await g.stat(folder)], before);
      assertEquals((await g.names()).sort(), ["a", "b", "folder"]);
    },
  },
  {
    name: "a name can come back to where it was",
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("a", "content");
      for (let i = 0; i < 30; i++) {
        await rename(g, "a", "b", { to: folder });
        await rename(g, "b", "a", { from: folder });
      }
      g.same(await g.find("a"), file);
      assertEquals(await g.names(folder), []);
      assertEquals((await g.names()).sort(), ["a", "folder"]);
    },
  },
];
