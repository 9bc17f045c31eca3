import { assert, assertEquals } from "@std/assert";
import type { Timestamp } from "../../../src/vfs/mod.ts";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { earlier, refused } from "./fixture.ts";

const past: Timestamp = { seconds: 1_000_000_000, nanoseconds: 0 };

/** `nanoseconds` as exact as the back end can keep them. */
function time(g: Fixture, seconds: number, nanoseconds: number): Timestamp {
  const { resolution } = g.can;
  const kept = Math.floor(nanoseconds / resolution) * resolution;
  return { seconds, nanoseconds: kept };
}

/** Gives a node old times, so that any newer one shows. */
async function age(g: Fixture, node: object): Promise<void> {
  await g.fs.setattr(node, { atime: past, mtime: past });
  await g.tick();
}

/** `act` moves mtime and, where the clock tells so small a difference, ctime. */
async function movesBoth(
  g: Fixture,
  node: object,
  act: () => unknown,
): Promise<void> {
  const { mtime, ctime } = await moved(g, node, act);
  assert(mtime, "mtime");
  assert(ctime || !g.can.clock, "ctime");
}

/** Runs `act` and tells which times of `node` it moved. */
async function moved(
  g: Fixture,
  node: object,
  act: () => unknown,
): Promise<{ mtime: boolean; ctime: boolean }> {
  await age(g, node);
  const before = await g.stat(node);
  await act();
  const after = await g.stat(node);
  assert(!earlier(after.ctime, before.ctime), "ctime went back");
  return {
    mtime: earlier(before.mtime, after.mtime),
    ctime: earlier(before.ctime, after.ctime),
  };
}

/** Setattr and the rules of times. */
export const attributeTests: readonly BehaviourTest[] = [
  {
    name: "the mode can be changed",
    async run(g) {
      const nodes = [await g.file("a"), await g.folder("b")];
      for (const node of nodes) {
        const before = await g.stat(node);
        for (const mode of [0o700, 0o1750, 0, 0o4711]) {
          await g.fs.setattr(node, { mode });
          assertEquals((await g.stat(node)).mode, mode);
        }
        const after = await g.stat(node);
        assertEquals(after.type, before.type);
        assertEquals([after.uid, after.gid], [before.uid, before.gid]);
        assertEquals(after.mtime, before.mtime);
      }
    },
  },
  {
    name: "owner and group can be changed, each alone",
    needs: ["ownership"],
    async run(g) {
      for (const node of [await g.file("a"), await g.folder("b")]) {
        await g.fs.setattr(node, { uid: 1000 });
        await g.fs.setattr(node, { gid: 2000 });
        const { uid, gid } = await g.stat(node);
        assertEquals([uid, gid], [1000, 2000]);
        await g.fs.setattr(node, { uid: 0xfffe, gid: 0xfffe });
        assertEquals((await g.stat(node)).uid, 0xfffe);
      }
    },
  },
  {
    name: "owner of a symlink is its own",
    needs: ["ownership"],
    async run(g) {
      const file = await g.file("a");
      const link = await g.symlink("link", "a");
      await g.fs.setattr(link, { uid: 1000, gid: 2000 });
      assertEquals((await g.stat(link)).uid, 1000);
      assertEquals((await g.stat(file)).uid, g.owner.uid);
    },
  },
  {
    name: "times can be set, each alone",
    async run(g) {
      for (const node of [await g.file("a"), await g.folder("b")]) {
        const atime = time(g, 1_234_567_890, 987_654_321);
        const mtime = time(g, 1_700_000_000, 123_456_789);
        await g.fs.setattr(node, { atime });
        const first = await g.stat(node);
        assertEquals(first.atime, atime);
        await g.fs.setattr(node, { mtime });
        const second = await g.stat(node);
        assertEquals(second.atime, atime);
        assertEquals(second.mtime, mtime);
      }
    },
  },
  {
    name: "the time of creation can be set, alone and with a create",
    needs: ["birthtime"],
    async run(g) {
      const birthtime = time(g, 1_234_567_890, 987_654_321);
      const born = { mode: 0o644, ...g.owner, birthtime };
      for (const type of ["file", "directory", "fifo"] as const) {
        const { node } = await g.fs.create(g.root, type, { type }, {
          attributes: born,
        });
        assertEquals((await g.stat(node)).birthtime, birthtime);
        const other = { seconds: -5, nanoseconds: 7 };
        await g.fs.setattr(node, { birthtime: other });
        assertEquals((await g.stat(node)).birthtime, other);
        await g.fs.setattr(node, { mode: 0o600 });
        assertEquals((await g.stat(node)).birthtime, other);
      }
    },
  },
  {
    name: "the time of creation that was set survives a restart, and writes",
    needs: ["birthtime", "restart"],
    async run(g) {
      const file = await g.file("a", "content");
      await g.fs.setattr(file, { birthtime: past });
      await g.write(file, "x");
      await g.reopen();
      assertEquals((await g.stat(await g.find("a"))).birthtime, past);
    },
  },
  {
    name:
      "a time of creation that can't be kept is no error, and nothing else is lost",
    async run(g) {
      const file = await g.file("a", "content");
      await g.fs.setattr(file, { birthtime: past });
      const before = await g.stat(file);
      await g.fs.setattr(file, { birthtime: past, mode: 0o600 });
      const after = await g.stat(file);
      assertEquals(after.mode, 0o600);
      assertEquals(after.birthtime, before.birthtime);
      assertEquals(g.identity(await g.find("a")), g.identity(file));
    },
  },
  {
    name: "times of a symlink are its own",
    needs: ["symlinkTimes"],
    async run(g) {
      const file = await g.file("a");
      const before = await g.stat(file);
      const link = await g.symlink("link", "a");
      await g.fs.setattr(link, { mtime: past });
      assertEquals((await g.stat(link)).mtime, past);
      assertEquals((await g.stat(file)).mtime, before.mtime);
    },
  },
  {
    name: "a given time is kept, not the object that it came in",
    async run(g) {
      const file = await g.file("a");
      const mtime = { seconds: 1_000_000_000, nanoseconds: 0 };
      await g.fs.setattr(file, { mtime });
      mtime.seconds = 5;
      assertEquals((await g.stat(file)).mtime.seconds, 1_000_000_000);
    },
  },
  {
    name: "times can be before 1970 and after 2038",
    async run(g) {
      const file = await g.file("a");
      const mtime = time(g, 2 ** 32 + 5, 500_000_000);
      await g.fs.setattr(file, { mtime });
      assertEquals((await g.stat(file)).mtime, mtime);
      if (!g.can.timesBefore1970) return;
      const atime = time(g, -1000, 250_000_000);
      await g.fs.setattr(file, { atime });
      assertEquals((await g.stat(file)).atime, atime);
    },
  },
  {
    name: "a time can be set to now",
    async run(g) {
      const file = await g.file("a");
      await age(g, file);
      await g.fs.setattr(file, { mtime: "now" });
      const half = await g.stat(file);
      assert(earlier(past, half.mtime));
      assertEquals(half.atime, past);
      await g.fs.setattr(file, { atime: "now" });
      assert(earlier(past, (await g.stat(file)).atime));
    },
  },
  {
    name: "several attributes are set at once",
    async run(g) {
      const file = await g.file("a", "0123456789");
      await g.fs.setattr(file, { mode: 0o600, size: 4, mtime: past });
      const { mode, size, mtime } = await g.stat(file);
      assertEquals({ mode, size, mtime }, {
        mode: 0o600,
        size: 4,
        mtime: past,
      });
    },
  },
  {
    name: "only files have a size to set, and none of the rest is set",
    async run(g) {
      const folder = await g.folder("folder");
      const link = await g.symlink("link", "a");
      await g.file("a", "content");
      const changes = { size: 0, mode: 0o700, mtime: past };
      const before = [await g.stat(folder), await g.stat(link)];
      await refused("is-directory", () => g.fs.setattr(folder, changes));
      await refused("wrong-type", () => g.fs.setattr(link, changes));
      assertEquals([await g.stat(folder), await g.stat(link)], before);
      assertEquals(await g.text(await g.find("a")), "content");
    },
  },
  {
    name: "attributes are set all or none",
    async run(g) {
      const file = await g.file("a", "content");
      const before = await g.stat(file);
      const size = Number.MAX_SAFE_INTEGER + 1;
      await refused(
        "too-big",
        () => g.fs.setattr(file, { mode: 0, atime: past, mtime: past, size }),
      );
      assertEquals(await g.stat(file), before);
    },
  },
  {
    name: "new content moves mtime and ctime",
    async run(g) {
      const file = await g.file("a", "content");
      await movesBoth(g, file, () => g.write(file, "x"));
      await movesBoth(g, file, () => g.fs.setattr(file, { size: 3 }));
      await movesBoth(g, file, () => g.fs.setattr(file, { size: 9 }));
    },
  },
  {
    name: "new attributes and links move ctime, not mtime",
    needs: ["clock"],
    async run(g) {
      const file = await g.file("a", "content");
      const ctime = { mtime: false, ctime: true };
      const acts: (() => unknown)[] = [
        () => g.fs.setattr(file, { mode: 0o600 }),
        () => g.fs.setattr(file, { uid: g.owner.uid }),
        () => g.fs.setattr(file, { atime: past }),
        () => g.fs.link(file, g.root, "b"),
        () => g.fs.remove(g.root, "b"),
      ];
      for (const act of acts) assertEquals(await moved(g, file, act), ctime);
    },
  },
  {
    name: "entries that come and go move the folder's mtime and ctime",
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("elsewhere");
      const at = (name: string) => ({ directory: folder, name });
      const outside = (name: string) => ({ directory: g.root, name });
      const acts: (() => unknown)[] = [
        () => g.file("a", "", folder),
        () => g.folder("b", folder),
        () => g.symlink("c", "a", folder),
        () => g.fs.link(file, folder, "d"),
        () => g.fs.rename(at("a"), at("e")),
        () => g.fs.rename(at("e"), outside("f")),
        () => g.fs.rename(outside("f"), at("g")),
        () => g.fs.remove(folder, "g"),
      ];
      for (const act of acts) await movesBoth(g, folder, act);
    },
  },
  {
    name: "looking moves neither mtime nor ctime nor the change counter",
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("a", "content", folder);
      const link = await g.symlink("link", "x", folder);
      const watched = [folder, file, link];
      const look = async () =>
        (await Promise.all(watched.map((node) => g.stat(node))))
          .map(({ mtime, ctime, change }) => ({ mtime, ctime, change }));
      await g.tick();
      const before = await look();
      await g.text(file);
      await g.names(folder);
      await g.find("a", folder);
      await g.absent("b", folder);
      await g.fs.readlink(link);
      await g.fs.open(file, { read: true, write: false });
      await g.fs.close(file, { read: true, write: false });
      await g.fs.commit(file);
      assertEquals(await look(), before);
    },
  },
  {
    name: "reading content moves an atime that is older than mtime",
    needs: ["atime"],
    async run(g) {
      const file = await g.file("a", "content");
      const folder = await g.folder("folder");
      for (
        const [node, act] of [
          [file, () => g.text(file)],
          [folder, () => g.names(folder)],
        ] as const
      ) {
        await age(g, node);
        await act();
        const { atime, mtime } = await g.stat(node);
        assert(earlier(past, atime));
        assertEquals(mtime, past);
      }
    },
  },
  {
    name: "a new node has one time for everything",
    needs: ["clock"],
    async run(g) {
      const { atime, mtime, ctime } = await g.stat(await g.file("a"));
      assertEquals(atime, mtime);
      assertEquals(ctime, mtime);
      await g.tick();
      assert(earlier(mtime, (await g.stat(await g.file("b"))).mtime));
    },
  },
  {
    name: "every node has a number of its own",
    async run(g) {
      const nodes = [g.root, await g.file("a"), await g.folder("b")];
      nodes.push(await g.symlink("c", "a"), await g.file("d", "", nodes[2]));
      const ids = [];
      for (const node of nodes) ids.push((await g.stat(node)).fileid);
      assertEquals(new Set(ids).size, nodes.length);
      for (const id of ids) assert(Number.isSafeInteger(id) && id > 0);
    },
  },
  {
    name: "the room that is left is told",
    async run(g) {
      const before = { ...await g.fs.status() };
      for (const [name, figure] of Object.entries(before)) {
        assert(
          figure !== undefined && Number.isSafeInteger(figure) && figure >= 0,
          name,
        );
      }
      assert(before.totalBytes > 0);
      assert(before.freeBytes <= before.totalBytes);
      assert(before.availableBytes <= before.freeBytes);
      assert(before.freeFiles <= before.totalFiles);
    },
  },
];
