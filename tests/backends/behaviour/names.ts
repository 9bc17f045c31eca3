import { assert, assertEquals } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { bytes, refused } from "./fixture.ts";

/** 255 bytes each. */
const longest = ["a".repeat(255), "€".repeat(85), "x" + "ü".repeat(127)];

const rename = (g: Fixture, from: string, to: string) =>
  g.fs.rename(
    { directory: g.root, name: from },
    { directory: g.root, name: to },
  );

/** What a name can be. */
export const nameTests: readonly BehaviourTest[] = [
  {
    name: "names of 255 bytes work",
    async run(g) {
      for (const name of longest) {
        assertEquals(bytes(name).length, 255);
        const file = await g.file(name, "content");
        g.same(await g.find(name), file);
      }
      assertEquals((await g.names()).sort(), [...longest].sort());
      for (const name of longest) await g.fs.remove(g.root, name);
      assertEquals(await g.names(), []);
    },
  },
  {
    name: "names of 256 bytes are too long to make",
    async run(g) {
      const file = await g.file("a");
      for (const name of longest.map((name) => name + "x")) {
        await refused("name-too-long", () => g.file(name));
        await refused("name-too-long", () => g.folder(name));
        await refused("name-too-long", () => g.symlink(name, "x"));
        await refused("name-too-long", () => g.fs.link(file, g.root, name));
        await refused("name-too-long", () => rename(g, "a", name));
      }
      assertEquals(await g.names(), ["a"]);
    },
  },
  {
    name: "any name of UTF-8 is kept as it is",
    async run(g) {
      const names = [
        "Ünïcödé",
        "日本語",
        "🗂️",
        "\u00e9",
        "e\u0301",
        " ",
        "-rf",
        "...",
        ".hidden",
        "a b",
        "tab\there",
        "line\nbreak",
        'quote"',
        "back\\slash",
        "*?[]",
        "%2F",
        "con",
        "__proto__",
        "constructor",
        "toString",
        "\ufeffbom",
        "\u{10ffff}",
      ];
      for (const name of names) await g.file(name, name);
      assertEquals((await g.names()).sort(), [...names].sort());
      for (const name of names) {
        assertEquals(await g.text(await g.find(name)), name);
      }
    },
  },
  {
    name: "names differ by case and by normal form",
    async run(g) {
      const upper = await g.file("Name", "upper");
      const lower = await g.file("name", "lower");
      assert(String(g.identity(upper)) !== String(g.identity(lower)));
      await g.file("\u00e9", "composed");
      await g.absent("e\u0301");
    },
  },
];
