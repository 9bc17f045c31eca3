import { assert, assertEquals, assertGreater } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";

/** Makes `count` files and returns their names. */
async function fill(
  g: Fixture,
  folder: object,
  count: number,
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `entry-${i}`);
  for (const name of names) await g.file(name, "", folder);
  return names;
}

async function page(g: Fixture, folder: object, cookie: number, limit: number) {
  const { entries, end } = await g.fs.readdir(folder, cookie, limit);
  return { entries: entries.map((entry) => ({ ...entry })), end };
}

/** All cookies of a folder by name. */
async function cookies(
  g: Fixture,
  folder: object,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let cookie = 0;;) {
    const { entries, end } = await page(g, folder, cookie, 7);
    for (const entry of entries) found.set(entry.name, entry.cookie);
    if (end) return found;
    cookie = entries[entries.length - 1]!.cookie;
  }
}

/** Pages and cookies of readdir (RFC 8881 18.23). */
export const readdirTests: readonly BehaviourTest[] = [
  {
    name: "an empty folder is one page without entries",
    async run(g) {
      assertEquals(await page(g, g.root, 0, 10), { entries: [], end: true });
    },
  },
  {
    name: "every entry is listed once, whatever the size of a page",
    async run(g) {
      const folder = await g.folder("folder");
      const names = (await fill(g, folder, 23)).sort();
      for (const limit of [1, 2, 7, 22, 23, 24, 1000]) {
        assertEquals((await g.names(folder, limit)).sort(), names);
      }
      const first = await page(g, folder, 0, 5);
      assert(first.entries.length >= 1 && first.entries.length <= 5);
      assertEquals(first.end, false);
    },
  },
  {
    name: "where an entry stands is told as it is listed",
    async run(g) {
      if (g.fs.place === undefined) return;
      const folder = await g.folder("folder");
      assertEquals(g.fs.place(folder, "none"), undefined);
      await fill(g, folder, 5);
      await g.fs.remove!(folder, "entry-3");
      await g.fs.remove!(folder, "entry-0");
      const { entries } = await page(g, folder, 0, 10);
      entries.forEach(({ name, cookie }, i) => {
        const before = entries[i - 1];
        const { previous, ...place } = g.fs.place!(folder, name)!;
        assertEquals(place, { cookie, isLast: i === entries.length - 1 });
        assertEquals(previous?.name, before?.name);
        assertEquals(previous?.cookie, before?.cookie);
      });
    },
  },
  {
    name: "attributes that come with an entry are those of its node",
    async run(g) {
      const folder = await g.folder("folder");
      await fill(g, folder, 3);
      const { entries } = await g.fs.readdir(folder, 0, 10);
      assertEquals(entries.length, 3);
      for (const { name, node, attributes } of entries) {
        assert(node !== undefined && attributes !== undefined, name);
        assertEquals(
          { ...attributes },
          { ...await g.fs.getattr(node) },
        );
      }
    },
  },
  {
    name: "the last page says that it is the last",
    async run(g) {
      const folder = await g.folder("folder");
      await fill(g, folder, 4);
      const all = await page(g, folder, 0, 100);
      const last = all.entries[3]!.cookie;
      assertEquals(await page(g, folder, last, 10), { entries: [], end: true });
      assertEquals(
        (await page(g, folder, all.entries[1]!.cookie, 2)).end,
        true,
      );
      assertEquals((await page(g, folder, 0, 4)).end, true);
      assertEquals((await page(g, folder, 0, 3)).end, false);
    },
  },
  {
    name: "entries of all types are listed, with their nodes if any",
    async run(g) {
      await g.file("file");
      await g.folder("folder");
      await g.symlink("link", "file");
      const { entries } = await page(g, g.root, 0, 10);
      assertEquals(entries.length, 3);
      for (const { name, node } of entries) {
        if (node !== undefined) g.same(node, await g.find(name));
      }
    },
  },
  {
    name: "cookies are whole numbers from 1 to 2^52, no two alike",
    async run(g) {
      const folder = await g.folder("folder");
      await fill(g, folder, 200);
      const all = [...(await cookies(g, folder)).values()];
      assertEquals(new Set(all).size, 200);
      for (const cookie of all) {
        assert(Number.isInteger(cookie) && cookie >= 1 && cookie <= 2 ** 52);
      }
    },
  },
  {
    name: "a cookie stays the same while other entries come and go",
    async run(g) {
      const folder = await g.folder("folder");
      const names = await fill(g, folder, 60);
      const before = await cookies(g, folder);
      for (let i = 0; i < 60; i += 2) await g.fs.remove(folder, names[i]!);
      for (let i = 0; i < 40; i++) await g.file(`new-${i}`, "", folder);
      const after = await cookies(g, folder);
      assertEquals(after.size, 70);
      for (let i = 1; i < 60; i += 2) {
        assertEquals(after.get(names[i]!), before.get(names[i]!));
      }
    },
  },
  {
    name: "a cookie is not used again while it may be in use",
    async run(g) {
      const folder = await g.folder("folder");
      const names = await fill(g, folder, 200);
      const before = await cookies(g, folder);
      for (const name of names.slice(0, 150)) await g.fs.remove(folder, name);
      for (let i = 0; i < 100; i++) await g.file(`new-${i}`, "", folder);
      const after = await cookies(g, folder);
      assertEquals(new Set(after.values()).size, 150);
      for (const name of names.slice(150)) {
        assertEquals(after.get(name), before.get(name));
      }
    },
  },
  {
    name: "a listing goes on where it was, after entries were removed",
    async run(g) {
      const folder = await g.folder("folder");
      const names = await fill(g, folder, 50);
      const seen: string[] = [];
      for (let cookie = 0;;) {
        const { entries, end } = await page(g, folder, cookie, 5);
        for (const { name } of entries) {
          seen.push(name);
          // As `rm -r` does: remove what was listed, then ask for more.
          await g.fs.remove(folder, name);
        }
        if (end) break;
        cookie = entries[entries.length - 1]!.cookie;
      }
      assertEquals(seen.sort(), names.sort());
      assertEquals(await g.names(folder), []);
    },
  },
  {
    name: "what stays is listed once while the folder is in motion",
    async run(g) {
      const folder = await g.folder("folder");
      const names = await fill(g, folder, 90);
      const stays = new Set(names.filter((_, i) => i % 3 === 0));
      const goes = names.filter((name) => !stays.has(name));
      const seen: string[] = [];
      for (let cookie = 0, round = 0;; round++) {
        const { entries, end } = await page(g, folder, cookie, 4);
        for (const { name } of entries) if (stays.has(name)) seen.push(name);
        if (end) break;
        assertGreater(entries.length, 0);
        cookie = entries[entries.length - 1]!.cookie;
        const gone = goes.splice(0, 3);
        for (const name of gone) await g.fs.remove(folder, name);
        if (round < 20) await g.file(`new-${round}`, "", folder);
      }
      assertEquals(seen.sort(), [...stays].sort());
    },
  },
  {
    name: "an entry keeps its cookie when another file takes its name",
    async run(g) {
      const folder = await g.folder("folder");
      await fill(g, folder, 5);
      await g.file("other");
      const before = await cookies(g, folder);
      await g.fs.rename(
        { directory: g.root, name: "other" },
        { directory: folder, name: "entry-2" },
      );
      const after = await cookies(g, folder);
      assertEquals(after.size, 5);
      for (const name of ["entry-0", "entry-1", "entry-3", "entry-4"]) {
        assertEquals(after.get(name), before.get(name));
      }
    },
  },
  {
    name: "a folder that is listed again shows what changed since",
    async run(g) {
      const folder = await g.folder("folder");
      await fill(g, folder, 3);
      const other = await g.file("other");
      const list = async () => {
        const { entries } = await g.fs.readdir(folder, 0, 10);
        const nodes = entries.map(async ({ name, node }) => {
          const found = node ?? (await g.fs.lookup(folder, name))!;
          const { fileid } = await g.fs.getattr(found);
          return [name, fileid] as const;
        });
        return new Map(await Promise.all(nodes));
      };
      const { fileid } = await g.fs.getattr(other);
      await list();
      await g.fs.link(other, folder, "linked");
      assertEquals((await list()).get("linked"), fileid);
      await g.fs.remove(folder, "linked");
      assertEquals((await list()).has("linked"), false);
      const before = await list();
      await g.fs.rename(
        { directory: folder, name: "entry-1" },
        { directory: folder, name: "moved" },
      );
      assertEquals((await list()).get("moved"), before.get("entry-1"));
      await g.fs.rename(
        { directory: g.root, name: "other" },
        { directory: folder, name: "entry-0" },
      );
      assertEquals((await list()).get("entry-0"), fileid);
      const made = await g.file("made", "", folder);
      const names = ["entry-0", "entry-2", "made", "moved"];
      const after = await list();
      assertEquals([...after.keys()].sort(), names);
      assertEquals(after.get("made"), (await g.fs.getattr(made)).fileid);
    },
  },
  {
    name: "a new entry after the end of a listing is found by going on",
    async run(g) {
      const folder = await g.folder("folder");
      const names = await fill(g, folder, 20);
      for (const name of names.slice(5)) await g.fs.remove(folder, name);
      assertEquals((await g.names(folder, 2)).length, 5);
      await g.file("late", "", folder);
      const listed = await g.names(folder, 2);
      assertEquals(listed.length, 6);
      assert(listed.includes("late"));
    },
  },
  {
    name: "a folder of thousands is listed whole",
    async run(g) {
      const folder = await g.folder("folder");
      const names = await fill(g, folder, 3000);
      assertEquals((await g.names(folder, 128)).sort(), names.sort());
    },
  },
];
