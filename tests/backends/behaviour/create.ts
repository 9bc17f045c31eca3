import { assert, assertEquals } from "@std/assert";
import type { CreateKind } from "../../../src/vfs/mod.ts";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { bytes, refused } from "./fixture.ts";

function exclusive(g: Fixture, name: string, verifier: string) {
  return g.fs.create(g.root, name, { type: "file" }, {
    attributes: { mode: 0o600, ...g.owner },
    verifier: bytes(verifier),
  });
}

async function checkSpecial(g: Fixture, kind: CreateKind): Promise<void> {
  const node = await g.make("special", kind, { attributes: { mode: 0o640 } });
  g.same(node, await g.find("special"));
  const attributes = await g.stat(node);
  assertEquals(attributes.type, kind.type);
  assertEquals(attributes.mode, 0o640);
  assertEquals(attributes.nlink, 1);
  await g.fs.remove(g.root, "special");
  await g.absent("special");
}

/** What create makes. */
export const createTests: readonly BehaviourTest[] = [
  {
    name: "the root is an empty folder",
    async run(g) {
      const root = await g.stat(g.root);
      assertEquals(root.type, "directory");
      assertEquals(root.nlink, 2);
      assertEquals(await g.names(), []);
    },
  },
  {
    name: "a new file is empty, has its attributes and is found",
    async run(g) {
      const { node, created } = await g.fs.create(
        g.root,
        "a",
        { type: "file" },
        { attributes: { mode: 0o640, ...g.owner } },
      );
      assertEquals(created, true);
      g.same(node, await g.find("a"));
      const { type, mode, nlink, uid, gid, size, used } = await g.stat(node);
      assertEquals(
        { type, mode, nlink, uid, gid, size, used },
        { type: "file", mode: 0o640, nlink: 1, ...g.owner, size: 0, used: 0 },
      );
    },
  },
  {
    name: "a new folder is empty and knows its parent",
    async run(g) {
      const outer = await g.folder("outer");
      const inner = await g.folder("inner", outer);
      g.same(await g.fs.parent(inner), outer);
      g.same(await g.fs.parent(outer), g.root);
      assertEquals((await g.stat(inner)).type, "directory");
      assertEquals(await g.names(inner), []);
      assertEquals(await g.names(outer), ["inner"]);
    },
  },
  {
    name: "a symlink keeps its target as it was given",
    async run(g) {
      const targets = [
        "x",
        "/etc/passwd",
        "../../..",
        "no/such",
        "ü→𝄞",
        "a//b/",
      ];
      for (const [index, target] of targets.entries()) {
        const node = await g.symlink(`link${index}`, target);
        assertEquals(await g.fs.readlink(node), target);
        const attributes = await g.stat(node);
        assertEquals(attributes.type, "symlink");
        assertEquals(attributes.size, bytes(target).length);
      }
    },
  },
  {
    name: "a symlink is found itself, not what it points to",
    async run(g) {
      await g.file("file", "content");
      await g.symlink("link", "file");
      assertEquals((await g.stat(await g.find("link"))).type, "symlink");
      const folder = await g.folder("folder");
      await g.file("inside", "", folder);
      await g.symlink("way", "folder");
      const way = await g.find("way");
      await refused("not-directory", () => g.fs.lookup(way, "inside"));
    },
  },
  {
    name: "a long symlink target is kept",
    async run(g) {
      const target = "0123456789/".repeat(90);
      assertEquals(await g.fs.readlink(await g.symlink("l", target)), target);
    },
  },
  {
    name: "a fifo can be made",
    needs: ["fifo"],
    run: (g) => checkSpecial(g, { type: "fifo" }),
  },
  {
    name: "a socket can be made",
    needs: ["socket"],
    run: (g) => checkSpecial(g, { type: "socket" }),
  },
  {
    name: "devices can be made and keep their numbers",
    needs: ["device"],
    async run(g) {
      for (const type of ["block-device", "character-device"] as const) {
        const rdev = { major: 8, minor: 200 };
        await checkSpecial(g, { type, rdev });
        const node = await g.make(type, { type, rdev });
        assertEquals((await g.stat(node)).rdev, rdev);
      }
    },
  },
  {
    name: "a name that is taken is refused, whatever is there or comes",
    async run(g) {
      await g.file("file", "kept");
      await g.folder("folder");
      await g.symlink("link", "nowhere");
      for (const name of ["file", "folder", "link"]) {
        await refused("exists", () => g.file(name));
        await refused("exists", () => g.folder(name));
        await refused("exists", () => g.symlink(name, "x"));
      }
      assertEquals(await g.text(await g.find("file")), "kept");
      assertEquals(await g.fs.readlink(await g.find("link")), "nowhere");
    },
  },
  {
    name: "nothing can be made in what is not a folder",
    async run(g) {
      const file = await g.file("file");
      const link = await g.symlink("link", ".");
      for (const parent of [file, link]) {
        await refused("not-directory", () => g.file("x", "", parent));
        await refused("not-directory", () => g.folder("x", parent));
        await refused("not-directory", () => g.symlink("x", "y", parent));
      }
    },
  },
  {
    name: "the mode is taken as it is given, special bits too",
    async run(g) {
      for (const mode of [0, 0o777, 0o4755, 0o1777, 0o666]) {
        const name = mode.toString(8);
        const kind = { type: "file" } as const;
        const file = await g.make(name, kind, { attributes: { mode } });
        assertEquals((await g.stat(file)).mode, mode);
      }
      const kind = { type: "directory" } as const;
      const attributes = { mode: 0o1777 };
      const folder = await g.make("folder", kind, { attributes });
      assertEquals((await g.stat(folder)).mode, 0o1777);
    },
  },
  {
    name: "size and times can be given to create",
    async run(g) {
      const atime = { seconds: 1_000_000_000, nanoseconds: 0 };
      const mtime = { seconds: 1_100_000_000, nanoseconds: 0 };
      const file = await g.make("a", { type: "file" }, {
        attributes: { size: 100_000, atime, mtime },
      });
      const attributes = await g.stat(file);
      assertEquals(attributes.size, 100_000);
      assertEquals(attributes.atime, atime);
      assertEquals(attributes.mtime, mtime);
      assertEquals(await g.read(file, 99_990), new Uint8Array(10));
    },
  },
  {
    name: "owner and group can be given to create",
    needs: ["ownership"],
    async run(g) {
      const attributes = { uid: 1234, gid: 4321 };
      const kinds: CreateKind[] = [
        { type: "file" },
        { type: "directory" },
        { type: "symlink", target: "gone" },
      ];
      for (const kind of kinds) {
        const { uid, gid } = await g.stat(
          await g.make(kind.type, kind, { attributes }),
        );
        assertEquals({ uid, gid }, attributes);
      }
    },
  },
  {
    name: "a setgid folder hands on its group, and the bit to folders",
    async run(g) {
      const group = g.can.ownership ? 4321 : g.owner.gid;
      const shared = await g.make("shared", { type: "directory" }, {
        attributes: { gid: group, mode: 0o2775 },
      });
      assertEquals((await g.stat(shared)).mode, 0o2775);
      const file = await g.stat(await g.file("file", "", shared));
      assertEquals([file.gid, file.mode], [group, 0o644]);
      const folder = await g.stat(await g.folder("folder", shared));
      assertEquals([folder.gid, folder.mode], [group, 0o2755]);
    },
  },
  {
    name: "a setgid folder gives its group to no setgid file of another's",
    needs: ["ownership"],
    async run(g) {
      const shared = await g.make("shared", { type: "directory" }, {
        attributes: { gid: 4321, mode: 0o2777 },
      });
      const modeOf = async (name: string, gid: number, mode: number) => {
        const kind = { type: "file" } as const;
        const attributes = { uid: 1234, gid, mode };
        const options = { attributes };
        const { node } = await g.fs.create(shared, name, kind, options);
        const made = await g.stat(node);
        assertEquals(made.gid, 4321);
        return made.mode;
      };
      // Who may give a program to group 1234 need not be a member of 4321.
      assertEquals(await modeOf("stranger", 1234, 0o6755), 0o4755);
      assertEquals(await modeOf("member", 4321, 0o6755), 0o6755);
    },
  },
  {
    name: "an exclusive create that is repeated finds its file",
    async run(g) {
      const first = await exclusive(g, "a", "verifier");
      assertEquals(first.created, true);
      await g.write(first.node, "content");
      const again = await exclusive(g, "a", "verifier");
      assertEquals(again.created, false);
      g.same(again.node, first.node);
      assertEquals(again.change.before, again.change.after);
      assertEquals(await g.text(again.node), "content");
    },
  },
  {
    name: "an exclusive create finds its file under a new name too",
    async run(g) {
      const first = await exclusive(g, "a", "verifier");
      await g.fs.rename(
        { directory: g.root, name: "a" },
        { directory: g.root, name: "b" },
      );
      const again = await exclusive(g, "b", "verifier");
      assertEquals(again.created, false);
      g.same(again.node, first.node);
      assertEquals((await exclusive(g, "a", "verifier")).created, true);
    },
  },
  {
    name: "an exclusive create of another verifier is refused",
    async run(g) {
      await exclusive(g, "a", "verifier");
      await g.file("plain");
      await g.folder("folder");
      await refused("exists", () => exclusive(g, "a", "Verifier"));
      await refused("exists", () => exclusive(g, "plain", "verifier"));
      await refused("exists", () => exclusive(g, "folder", "verifier"));
      await refused("exists", () => g.file("a"));
    },
  },
  {
    name: "the verifier is kept, not the buffer that it came in",
    async run(g) {
      const verifier = bytes("verifier");
      const options = { attributes: { mode: 0o600, ...g.owner }, verifier };
      await g.fs.create(g.root, "a", { type: "file" }, options);
      verifier.fill(0);
      await refused("exists", () => exclusive(g, "a", "\0".repeat(8)));
      assertEquals((await exclusive(g, "a", "verifier")).created, false);
    },
  },
  {
    name: "a refused create leaves nothing behind",
    async run(g) {
      const before = await g.stat(g.root);
      const attributes = { size: Number.MAX_SAFE_INTEGER + 1 };
      await refused(
        "too-big",
        () => g.make("a", { type: "file" }, { attributes }),
      );
      await g.absent("a");
      assertEquals(await g.names(), []);
      assert((await g.stat(g.root)).nlink === before.nlink);
    },
  },
];
