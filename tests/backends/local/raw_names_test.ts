import { assert, assertEquals, assertLess } from "@std/assert";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import { decodeRaw, encodeRaw } from "../../../src/base/raw_names.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  namesIn,
  noFolder,
  Sandbox,
} from "./fixture.ts";

const ignore = noFolder || !hasFfi;

const names: Record<string, Uint8Array> = {
  "no characters at all": Uint8Array.of(0xff, 0xfe),
  "Latin-1": Uint8Array.of(0x63, 0x61, 0x66, 0xe9),
  "a character cut off": Uint8Array.of(0x61, 0xe2, 0x82),
  "an encoded surrogate": Uint8Array.of(0xed, 0xb2, 0x80),
  "both kinds": Uint8Array.of(0xc3, 0xa9, 0xe9, 0xf0, 0x9f, 0x98, 0x80, 0x80),
  "a slash in too many bytes": Uint8Array.of(0xc0, 0xaf),
};

/** A program of the host's, given bytes by way of the shell. */
function shell(directory: string, script: string, name: Uint8Array): string {
  const octal = [...name].map((byte) => `\\${byte.toString(8)}`).join("");
  const { success, stdout, stderr } = new Deno.Command("sh", {
    args: ["-c", `n=$(printf '${octal}'); ${script}`],
    cwd: directory,
    env: { LC_ALL: "C" },
  }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, text(stderr));
  return text(stdout);
}

Deno.test("raw names: every name keeps its bytes, and UTF-8 is what it was", () => {
  for (const bytes of Object.values(names)) {
    const name = decodeRaw(bytes);
    assert(!name.isWellFormed());
    assertEquals(encodeRaw(name), bytes);
  }
  const text = "grüße/\u{1f600}\ufffd\ufeff";
  assertEquals(decodeRaw(new TextEncoder().encode(text)), text);
  assertEquals(encodeRaw("\ud800x"), Uint8Array.of(0xef, 0xbf, 0xbd, 0x78));
});

Deno.test("raw names: bytes of a client's choice take no longer than a mistake may", () => {
  const time = (bytes: Uint8Array) => {
    let least = Infinity;
    for (let i = 0; i < 20; i++) {
      const began = performance.now();
      for (let j = 0; j < 10; j++) encodeRaw(decodeRaw(bytes));
      least = Math.min(least, performance.now() - began);
    }
    return least;
  };
  const length = 4095;
  const ascii = time(new Uint8Array(length).fill(0x41));
  for (const byte of [0xff, 0x80, 0xc3, 0xe2, 0xf0]) {
    assertLess(time(new Uint8Array(length).fill(byte)), 200 * ascii);
  }
});

Deno.test("raw names: any bytes come back, and two names stay two", () => {
  const seen = new Map<string, string>();
  for (let a = 0; a < 256; a++) {
    for (const tail of [[], [0x41], [0x80], [0xbf, 0xbf], [0xf0, 0x9f]]) {
      const bytes = Uint8Array.of(0xe2, a, ...tail);
      const name = decodeRaw(bytes);
      assertEquals(encodeRaw(name), bytes);
      assertEquals(seen.get(name), undefined);
      seen.set(name, bytes.join());
    }
  }
});

for (const [what, bytes] of Object.entries(names)) {
  Deno.test({
    name: `local, libc: a name of the host's of ${what} is served`,
    ignore,
    fn: async () => {
      await using box = new Sandbox();
      const { fs, path } = box;
      const root = fs.root();
      shell(path, 'mkdir "$n"; echo text > "$n/$n"; ln -s "$n" link', bytes);
      const name = decodeRaw(bytes);
      const listed = await namesIn(fs, root);
      assertEquals(new Set(listed), new Set(["link", name]));
      const folder = (await fs.lookup(root, name))!;
      const file = (await fs.lookup(folder, name))!;
      const target = new Uint8Array(10);
      assertEquals((await fs.read(file, 0, target)).bytes, 5);
      await fs.setattr(file, { mode: 0o600, size: 2 });
      await fs.setattr(folder, { mode: 0o700, mtime: "now" });
      const link = (await fs.lookup(root, "link"))!;
      assertEquals(await fs.readlink(link), name);
      assertEquals(await fs.parent(folder), root);
      const identity = fs.identify(file).slice();
      await box.restart();
      const again = await box.fs.resolve(identity);
      assertEquals((await box.fs.getattr(again)).size, 2);
      const directory = (await box.fs.lookup(box.fs.root(), name))!;
      assertEquals(
        await codeOf(() => box.fs.remove(box.fs.root(), name)),
        "not-empty",
      );
      await box.fs.remove(directory, name);
      await box.fs.remove(box.fs.root(), name);
      assertEquals(shell(path, "ls", bytes), "link\n");
    },
  });

  Deno.test({
    name:
      `local, libc: a name of a client's of ${what} is on the host as it is`,
    ignore,
    fn: async () => {
      await using box = new Sandbox();
      const { fs, path } = box;
      const root = fs.root();
      const name = decodeRaw(bytes);
      const made = { attributes: { ...attributes, mode: 0o400 } };
      const { node } = await fs.create(root, name, { type: "file" }, made);
      assertEquals((await fs.getattr(node)).mode, 0o400);
      await fs.write(node, 0, new TextEncoder().encode("text"), "file");
      assertEquals(shell(path, 'cat "$n"', bytes), "text");
      const again = () => fs.create(root, name, { type: "file" }, made);
      assertEquals(await codeOf(again), "exists");
      const directory = root;
      await fs.rename({ directory, name }, { directory, name: `${name}2` });
      await fs.link(node, root, `${name}3`);
      const folder = await fs.create(root, name, { type: "directory" }, made);
      const target = `${name}/x`;
      await fs.create(root, `${name}4`, { type: "symlink", target }, made);
      await fs.create(root, `${name}5`, { type: "fifo" }, made);
      assertEquals((await fs.getattr(folder.node)).type, "directory");
      shell(
        path,
        '[ -d "$n" ] && [ "$(readlink "${n}4")" = "$n/x" ] && [ -p "${n}5" ] && [ "${n}2" -ef "${n}3" ]',
        bytes,
      );
      const listed = await namesIn(fs, root);
      assertEquals(listed.length, 5);
      for (const name of listed) await fs.remove(root, name);
      assertEquals(shell(path, "ls", bytes), "");
    },
  });
}

Deno.test({
  name:
    "local, no libc: names that are no UTF-8 are not shown, and said to be so",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox({ ffi: false });
    const fs: FileSystem = box.fs as FileSystem;
    assertEquals(fs.limits?.rawNames, false);
    Deno.mkdirSync(`${box.path}/good\uFFFD`);
    shell(box.path, 'mkdir "$n"; ln -s "$n" link', names["Latin-1"]!);
    const listed = await namesIn(fs);
    assertEquals(listed, ["good\uFFFD", "link"]);
    // What it says can't be read, and that is nobody's fault.
    const link = (await fs.lookup(fs.root(), "link"))!;
    assertEquals(await codeOf(() => fs.readlink!(link)), "io");
  },
});
