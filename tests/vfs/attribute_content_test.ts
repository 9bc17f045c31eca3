import { assertEquals, assertRejects } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { FsError } from "../../src/vfs/errors.ts";
import type { NamedAttribute } from "../../src/vfs/named_attributes/attribute_nodes.ts";
import {
  isPart,
  PART,
  partName,
} from "../../src/vfs/named_attributes/attribute_parts.ts";
import { NamedAttributes } from "../../src/vfs/named_attributes/named_attributes.ts";
import type { DirectoryPage, ReadResult } from "../../src/vfs/file_system.ts";
import { between, seededRandom } from "../support/random.ts";

const attributes = { mode: 0o644, uid: 0, gid: 0 };

/** A file in memory and the folder of its attributes. */
function bearing() {
  const fs = memory({ file: "" });
  const bearer = fs.lookup(fs.root(), "file")!;
  const named = new NamedAttributes(fs);
  return { fs, bearer, named, folder: named.folderOf(bearer) };
}

type Bearing = ReturnType<typeof bearing>;

async function make(
  { named, folder }: Bearing,
  name: string,
  size = 0,
): Promise<void> {
  const options = { attributes: { ...attributes, size } };
  await named.create(folder, name, { type: "file" }, options);
}

function find({ named, folder }: Bearing, name: string) {
  return named.lookup(folder, name) as NamedAttribute;
}

function read(
  { named }: Bearing,
  attribute: NamedAttribute,
  offset: number,
  length: number,
): { bytes: Uint8Array; eof: boolean } {
  const target = new Uint8Array(length);
  const { bytes, eof } = named.read(attribute, offset, target) as ReadResult;
  return { bytes: target.subarray(0, bytes), eof };
}

function resized(value: Uint8Array, size: number): Uint8Array {
  const changed = new Uint8Array(size);
  changed.set(value.subarray(0, size));
  return changed;
}

Deno.test("whatever is written to attributes, cut and moved, they read as files would", async () => {
  const random = seededRandom(9);
  const box = bearing();
  const { fs, bearer, named, folder } = box;
  const model = new Map<string, Uint8Array>();
  const names = ["a", "b", "c"];
  const place = () =>
    // On the edges of parts more often than elsewhere.
    random() < 0.5
      ? between(random, 0, 4) * PART + between(random, -1, 1) + 1
      : between(random, 0, 4 * PART);
  const acts: Record<string, (name: string) => unknown> = {
    async write(name) {
      const offset = place();
      const data = new Uint8Array(between(random, 1, 2 * PART));
      data.fill(between(random, 1, 255));
      await named.write(find(box, name), offset, data);
      const old = model.get(name)!;
      const end = offset + data.length;
      const value = resized(old, Math.max(old.length, end));
      value.set(data, offset);
      model.set(name, value);
    },
    async resize(name) {
      const size = place();
      await named.setattr(find(box, name), { size });
      model.set(name, resized(model.get(name)!, size));
    },
    async remove(name) {
      await named.remove(folder, name);
      model.delete(name);
    },
    async move(name) {
      const to = names[between(random, 0, 2)]!;
      if (to === name) return;
      await named.rename(
        { directory: folder, name },
        { directory: folder, name: to },
      );
      model.set(to, model.get(name)!);
      model.delete(name);
    },
    async setWhole(name) {
      const value = new Uint8Array(between(random, 0, 1) * PART).fill(7);
      fs.setxattr(bearer, name, value, "either");
      await named.removeParts(bearer, name);
      model.set(name, value);
    },
    async removeWhole(name) {
      fs.removexattr(bearer, name);
      await named.removeParts(bearer, name);
      model.delete(name);
    },
    // As a program of the host does, which knows of no parts.
    setOutside(name) {
      const value = new Uint8Array(between(random, 0, PART - 1)).fill(8);
      fs.setxattr(bearer, name, value, "either");
      model.set(name, value);
    },
  };
  const kinds = Object.keys(acts);
  for (let i = 0; i < 400; i++) {
    const name = names[between(random, 0, 2)]!;
    const kind = kinds[between(random, 0, kinds.length - 1)]!;
    if (model.has(name)) await acts[kind]!(name);
    else {
      const size = random() < 0.5 ? 0 : place();
      await make(box, name, size);
      model.set(name, new Uint8Array(size));
    }
    for (const each of names) {
      const value = model.get(each);
      const attribute = find(box, each);
      assertEquals(attribute === undefined, value === undefined, kind);
      if (value === undefined) continue;
      const { size } = named.getattr(attribute) as { size: number };
      assertEquals(size, value.length, `${i} ${kind}`);
      const [offset, length] = [place(), between(random, 1, 3 * PART)];
      const { bytes, eof } = read(box, attribute, offset, length);
      const wanted = value.subarray(offset, offset + length);
      assertEquals(bytes.length, wanted.length, `${i} ${kind}`);
      const isSame = bytes.every((byte, at) => byte === wanted[at]);
      assertEquals([isSame, eof], [true, offset + length >= value.length]);
    }
  }
  for (const name of model.keys()) await named.remove(folder, name);
  assertEquals(fs.listxattrs(bearer).filter((name) => !isPart(name)), []);
});

Deno.test("a small write to a large attribute is of the part that it lies in", async () => {
  const box = bearing();
  const { fs, named } = box;
  await make(box, "n", 10 * PART);
  const set: [string, number][] = [];
  const inner = fs.setxattr.bind(fs);
  fs.setxattr = (node, name, value, option) => {
    set.push([name, value.length]);
    return inner(node, name, value, option);
  };
  await named.write(find(box, "n"), 5 * PART - 1, new Uint8Array(2).fill(1));
  assertEquals(set, [5, 4].map((part) => [partName("n", part), PART]));
});

Deno.test("what is left of an attribute that a host has replaced is never part of the new one", async () => {
  const box = bearing();
  const { fs, bearer, named } = box;
  await make(box, "n", 5 * PART);
  fs.setxattr(bearer, "n", Uint8Array.of(1), "either");
  const sizeOf = () => (named.getattr(find(box, "n")) as { size: number }).size;
  assertEquals(sizeOf(), 1);
  await named.write(find(box, "n"), 1, new Uint8Array(PART));
  assertEquals(sizeOf(), PART + 1);
  await named.write(find(box, "n"), PART + 1, new Uint8Array(PART - 1));
  assertEquals(sizeOf(), 2 * PART);
});

Deno.test("parts of an attribute are not listed, and go with it", async () => {
  const box = bearing();
  const { fs, bearer, named, folder } = box;
  await make(box, "n", 3 * PART);
  const listed = named.readdir(folder, 0, 100) as DirectoryPage<object>;
  assertEquals(listed.entries.map(({ name }) => name), ["n"]);
  assertEquals(fs.listxattrs(bearer).length, 3);
  await named.remove(folder, "n");
  assertEquals(fs.listxattrs(bearer), []);
});

Deno.test("a write that no longer fits is no-space, and changes nothing", async () => {
  const box = bearing();
  const { fs, bearer, named, folder } = box;
  await make(box, "n", 60 * PART);
  await make(box, "m", 60 * PART);
  await make(box, "o");
  const attribute = find(box, "o");
  const error = await assertRejects(
    async () => await named.write(attribute, 0, new Uint8Array(20 * PART)),
    FsError,
  );
  assertEquals(error.code, "no-space");
  assertEquals((named.getattr(attribute) as { size: number }).size, 0);
  await named.remove(folder, "n");
  await named.remove(folder, "m");
  assertEquals(fs.listxattrs(bearer), ["o"]);
});

Deno.test("what is about many parts lets others act between them, and is not seen before it is done", async () => {
  const box = bearing();
  const { fs, bearer, named } = box;
  await make(box, "n");
  const attribute = find(box, "n");
  const sizeOf = () => (named.getattr(attribute) as { size: number }).size;
  const far = named.write(attribute, 64 * PART - 1, Uint8Array.of(1));
  const isThere = () => fs.getxattr(bearer, partName("n", 1)) !== undefined;
  assertEquals([far instanceof Promise, isThere(), sizeOf()], [true, false, 0]);
  // In its turn, behind the first.
  const next = named.write(attribute, 0, Uint8Array.of(2));
  await Promise.all([far, next]);
  assertEquals(sizeOf(), 64 * PART);
  assertEquals(read(box, attribute, 0, 1).bytes, Uint8Array.of(2));
});
