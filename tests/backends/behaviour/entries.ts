import { assert, assertEquals } from "@std/assert";
import type { BehaviourTest } from "./fixture.ts";
import { refused } from "./fixture.ts";

/** Lookup, link and remove. */
export const entryTests: readonly BehaviourTest[] = [
  {
    name: "lookup of what is not there is undefined",
    async run(g) {
      await g.absent("a");
      await g.file("a");
      await g.absent("A");
      await g.absent("aa");
    },
  },
  {
    name: "lookup needs a folder",
    async run(g) {
      const file = await g.file("a");
      await refused("not-directory", () => g.fs.lookup(file, "x"));
      await refused("not-directory", () => g.fs.readdir(file, 0, 10));
    },
  },
  {
    name: "readlink needs a symlink",
    async run(g) {
      const file = await g.file("a");
      await refused("wrong-type", () => g.fs.readlink(file));
      await refused("wrong-type", () => g.fs.readlink(g.root));
    },
  },
  {
    name: "a folder counts its folders in nlink",
    async run(g) {
      const outer = await g.folder("outer");
      await g.file("file", "", outer);
      assertEquals((await g.stat(outer)).nlink, 2);
      await g.folder("one", outer);
      await g.folder("two", outer);
      assertEquals((await g.stat(outer)).nlink, 4);
      assertEquals((await g.stat(g.root)).nlink, 3);
      await g.fs.remove(outer, "one");
      assertEquals((await g.stat(outer)).nlink, 3);
    },
  },
  {
    name: "a link is a further name of the same file",
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("a", "content");
      await g.fs.link(file, folder, "b");
      const other = await g.find("b", folder);
      g.same(other, file);
      assertEquals((await g.stat(other)).nlink, 2);
      await g.write(other, "C");
      assertEquals(await g.text(file), "Content");
      await g.fs.remove(g.root, "a");
      assertEquals((await g.stat(other)).nlink, 1);
      assertEquals(await g.text(other), "Content");
    },
  },
  {
    name: "a symlink can have a further name",
    async run(g) {
      const link = await g.symlink("a", "target");
      await g.fs.link(link, g.root, "b");
      assertEquals(await g.fs.readlink(await g.find("b")), "target");
      assertEquals((await g.stat(link)).nlink, 2);
    },
  },
  {
    name: "a link onto a name that is taken is refused",
    async run(g) {
      const file = await g.file("a");
      await g.file("b", "kept");
      await g.folder("folder");
      await refused("exists", () => g.fs.link(file, g.root, "b"));
      await refused("exists", () => g.fs.link(file, g.root, "a"));
      await refused("exists", () => g.fs.link(file, g.root, "folder"));
      assertEquals(await g.text(await g.find("b")), "kept");
      assertEquals((await g.stat(file)).nlink, 1);
    },
  },
  {
    name: "a folder has one name only",
    async run(g) {
      const folder = await g.folder("folder");
      await refused("is-directory", () => g.fs.link(folder, g.root, "x"));
      await g.absent("x");
    },
  },
  {
    name: "a link needs a folder to go to",
    async run(g) {
      const file = await g.file("a");
      await refused("not-directory", () => g.fs.link(file, file, "x"));
    },
  },
  {
    name: "remove takes away files, symlinks and empty folders",
    async run(g) {
      await g.file("file", "content");
      await g.folder("folder");
      await g.symlink("link", "file");
      await g.fs.remove(g.root, "link");
      assertEquals((await g.names()).sort(), ["file", "folder"]);
      await g.fs.remove(g.root, "folder");
      await g.fs.remove(g.root, "file");
      assertEquals(await g.names(), []);
      for (const name of ["file", "folder", "link"]) await g.absent(name);
    },
  },
  {
    name: "remove of a symlink leaves its target",
    async run(g) {
      const folder = await g.folder("folder");
      await g.file("a", "content", folder);
      await g.symlink("link", "folder");
      await g.fs.remove(g.root, "link");
      assertEquals(await g.text(await g.find("a", folder)), "content");
    },
  },
  {
    name: "remove of what is not there is refused",
    async run(g) {
      await refused("not-found", () => g.fs.remove(g.root, "a"));
      const file = await g.file("a");
      await refused("not-directory", () => g.fs.remove(file, "x"));
      await g.fs.remove(g.root, "a");
      await refused("not-found", () => g.fs.remove(g.root, "a"));
    },
  },
  {
    name: "a folder with entries is not removed",
    async run(g) {
      const folder = await g.folder("folder");
      await g.file("a", "kept", folder);
      await refused("not-empty", () => g.fs.remove(g.root, "folder"));
      assertEquals(await g.text(await g.find("a", folder)), "kept");
      await g.fs.remove(folder, "a");
      await g.fs.remove(g.root, "folder");
      await g.absent("folder");
    },
  },
  {
    name: "a name can be used again for another file",
    async run(g) {
      const first = await g.file("a", "first");
      const identity = g.identity(first);
      await g.fs.remove(g.root, "a");
      const second = await g.folder("a");
      assert(String(g.identity(second)) !== String(identity));
      assertEquals((await g.stat(second)).type, "directory");
      g.same(await g.find("a"), second);
    },
  },
];
