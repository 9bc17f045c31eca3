import { assert, assertEquals } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { bytes, refused } from "./fixture.ts";

const reading = { read: true, write: false };
const writing = { read: true, write: true };

function rename(g: Fixture, from: string, to: string, target = g.root) {
  return g.fs.rename(
    { directory: g.root, name: from },
    { directory: target, name: to },
  );
}

/** Checks that an identity and the node that it was of are gone. */
async function gone(g: Fixture, node: object, identity: Uint8Array) {
  await refused("stale", () => g.fs.resolve(identity));
  await refused("stale", () => g.fs.getattr(node));
}

/** Identities, and how long a node lives. */
export const lifetimeTests: readonly BehaviourTest[] = [
  {
    name: "an identity is 1 to 11 bytes, one for each node",
    async run(g) {
      const nodes = [g.root, await g.file("a"), await g.folder("b")];
      nodes.push(await g.symlink("c", "a"));
      const identities = nodes.map((node) => g.identity(node));
      for (const [index, identity] of identities.entries()) {
        assert(identity.length >= 1 && identity.length <= 11);
        g.same(await g.fs.resolve(identity), nodes[index]!);
        const attributes = await g.stat(await g.fs.resolve(identity));
        assertEquals(attributes.fileid, (await g.stat(nodes[index]!)).fileid);
      }
      assertEquals(new Set(identities.map(String)).size, nodes.length);
    },
  },
  {
    name: "an identity of nothing is stale",
    async run(g) {
      const known = g.identity(g.root);
      const unknown = [
        new Uint8Array(0),
        new Uint8Array(known.length).fill(0xff),
        known.subarray(1),
        new Uint8Array([...known, 0]),
        new Uint8Array(11),
      ];
      for (const identity of unknown) {
        await refused("stale", () => g.fs.resolve(identity));
      }
    },
  },
  {
    name: "an identity stays with its file wherever that moves",
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("a", "content");
      const identity = g.identity(file);
      await rename(g, "a", "b");
      await rename(g, "b", "c", folder);
      await rename(g, "folder", "other");
      const found = await g.fs.resolve(identity);
      assertEquals(g.identity(found), identity);
      assertEquals(await g.text(found), "content");
    },
  },
  {
    name: "an identity stays with its file under any of its names",
    async run(g) {
      const file = await g.file("a", "content");
      const identity = g.identity(file);
      await g.fs.link(file, g.root, "b");
      await g.fs.remove(g.root, "a");
      assertEquals(await g.text(await g.fs.resolve(identity)), "content");
      assertEquals(g.identity(await g.find("b")), identity);
    },
  },
  {
    name: "what was removed is stale",
    async run(g) {
      const nodes = [await g.file("a", "x"), await g.folder("b")];
      nodes.push(await g.symlink("c", "a"));
      const identities = nodes.map((node) => g.identity(node));
      for (const name of ["a", "b", "c"]) await g.fs.remove(g.root, name);
      for (const [index, node] of nodes.entries()) {
        await gone(g, node, identities[index]!);
      }
    },
  },
  {
    name: "what was removed takes nothing more",
    async run(g) {
      const file = await g.file("a", "x");
      const folder = await g.folder("b");
      await g.fs.remove(g.root, "a");
      await g.fs.remove(g.root, "b");
      const target = new Uint8Array(4);
      await refused("stale", () => g.fs.read(file, 0, target));
      await refused("stale", () => g.write(file, "x"));
      await refused("stale", () => g.fs.setattr(file, { mode: 0 }));
      await refused("stale", () => g.fs.link(file, g.root, "c"));
      await refused("stale", () => g.fs.open(file, reading));
      await refused("stale", () => g.file("c", "", folder));
      await refused("stale", () => g.fs.lookup(folder, "c"));
      await refused("stale", () => g.fs.readdir(folder, 0, 10));
      assertEquals(await g.names(), []);
    },
  },
  {
    name: "what a rename replaced is stale",
    async run(g) {
      const file = await g.file("a");
      const folder = await g.folder("b");
      const identities = [g.identity(file), g.identity(folder)];
      await g.file("new");
      await g.folder("newer");
      await rename(g, "new", "a");
      await rename(g, "newer", "b");
      await gone(g, file, identities[0]!);
      await gone(g, folder, identities[1]!);
    },
  },
  {
    name: "an old identity is stale when its name is used again",
    async run(g) {
      const identities: Uint8Array[] = [];
      for (let i = 0; i < 20; i++) {
        identities.push(g.identity(await g.file("a", "x")));
        await g.fs.remove(g.root, "a");
      }
      await g.file("a", "new");
      assertEquals(new Set(identities.map(String)).size, 20);
      for (const identity of identities) {
        await refused("stale", () => g.fs.resolve(identity));
      }
    },
  },
  {
    name: "a file that is removed while open can be read and written",
    async run(g) {
      const file = await g.file("a", "content");
      const identity = g.identity(file);
      await g.fs.open(file, writing);
      await g.fs.remove(g.root, "a");
      await g.absent("a");
      assertEquals(await g.text(file), "content");
      await g.write(file, "C");
      await g.fs.setattr(file, { size: 4 });
      assertEquals(await g.text(await g.fs.resolve(identity)), "Cont");
      assertEquals((await g.stat(file)).nlink, 0);
      assertEquals((await g.stat(file)).size, 4);
      await g.fs.commit(file);
      await g.fs.close(file, writing);
      await gone(g, file, identity);
    },
  },
  {
    name: "a removed file lives until the last of its opens is closed",
    async run(g) {
      const file = await g.file("a", "content");
      const identity = g.identity(file);
      await g.fs.open(file, reading);
      await g.fs.open(file, writing);
      await g.fs.open(file, reading);
      await g.fs.remove(g.root, "a");
      await g.fs.close(file, reading);
      await g.fs.close(file, writing);
      assertEquals(await g.text(file), "content");
      await g.fs.close(file, reading);
      await gone(g, file, identity);
    },
  },
  {
    name: "a file that a rename replaced while open can be read",
    async run(g) {
      const file = await g.file("a", "old");
      const identity = g.identity(file);
      await g.fs.open(file, reading);
      await g.file("b", "new");
      await rename(g, "b", "a");
      assertEquals(await g.text(file), "old");
      assertEquals(await g.text(await g.find("a")), "new");
      await g.fs.close(file, reading);
      await gone(g, file, identity);
    },
  },
  {
    name: "the new file of a removed one's name is another, both open",
    async run(g) {
      const old = await g.file("a", "old");
      await g.fs.open(old, reading);
      await g.fs.remove(g.root, "a");
      const next = await g.file("a", "new");
      await g.fs.open(next, writing);
      assertEquals(await g.text(old), "old");
      assertEquals(await g.text(next), "new");
      await g.fs.close(old, reading);
      assertEquals(await g.text(next), "new");
      await g.fs.close(next, writing);
      assertEquals(await g.text(next), "new");
    },
  },
  {
    name: "closing a file that still has a name keeps it",
    async run(g) {
      const file = await g.file("a", "content");
      await g.fs.open(file, writing);
      await g.fs.link(file, g.root, "b");
      await g.fs.remove(g.root, "a");
      await g.fs.close(file, writing);
      assertEquals(await g.text(await g.find("b")), "content");
    },
  },
  {
    name: "a restart keeps the tree and its identities",
    needs: ["restart"],
    async run(g) {
      const folder = await g.folder("folder");
      const file = await g.file("a", "content", folder);
      await g.fs.commit(file);
      const kept = [g.root, folder, file].map((node) => g.identity(node));
      const before = await g.stat(file);
      const removed = g.identity(await g.file("removed"));
      await g.fs.remove(g.root, "removed");
      await rename(g, "folder", "moved");
      await g.reopen();
      for (const identity of kept) {
        const node = await g.fs.resolve(identity);
        assertEquals(g.identity(node), identity);
      }
      assertEquals(await g.text(await g.fs.resolve(kept[2]!)), "content");
      const after = await g.stat(await g.fs.resolve(kept[2]!));
      assertEquals(after.fileid, before.fileid);
      assert(after.change >= before.change);
      await refused("stale", () => g.fs.resolve(removed));
    },
  },
  {
    name: "a restart keeps the verifier of an exclusive create",
    needs: ["restart"],
    async run(g) {
      const options = {
        attributes: { mode: 0o600, ...g.owner },
        verifier: bytes("verifier"),
      };
      const kind = { type: "file" } as const;
      await g.fs.create(g.root, "a", kind, options);
      await g.reopen();
      const again = await g.fs.create(g.root, "a", kind, options);
      assertEquals(again.created, false);
    },
  },
];
