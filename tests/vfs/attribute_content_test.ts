import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concat, equals } from "@std/bytes";
import { memory } from "../../src/backends/memory/mod.ts";
import { FsError } from "../../src/vfs/errors.ts";
import type { NamedAttribute } from "../../src/vfs/named_attributes/attribute_nodes.ts";
import { MAX_XATTR_NAMES } from "../../src/vfs/xattrs.ts";
import {
  indexName,
  isIndex,
  isPart,
  PART,
  partName,
  partOf,
} from "../../src/vfs/named_attributes/attribute_parts.ts";
import { NamedAttributes } from "../../src/vfs/named_attributes/named_attributes.ts";
import { nextTurn, type Turn } from "../../src/base/turn.ts";
import type {
  DirectoryPage,
  FileSystem,
  ReadResult,
} from "../../src/vfs/file_system.ts";
import { between, seededRandom } from "../support/random.ts";

const attributes = { mode: 0o644, uid: 0, gid: 0 };

/** Turns that never end. */
const endless: Turn = { isOver: false, next: () => Promise.resolve() };

/** A turn that is over once, at that look behind `begin`, until it is to `goOn`. */
function pausedTurn(at: number) {
  const [begun, done] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  let looks = -Infinity;
  const turn: Turn = {
    get isOver() {
      return ++looks === at;
    },
    next() {
      begun.resolve();
      return done.promise;
    },
  };
  const begin = () => void (looks = 0);
  return { turn, begin, paused: begun.promise, goOn: done.resolve };
}

/** A file in memory and the folder of its attributes. */
function bearing(turn: Turn = endless) {
  const fs = memory({ file: "" });
  const bearer = fs.lookup(fs.root(), "file")!;
  const named = new NamedAttributes(fs, turn);
  return { fs, bearer, named, folder: named.folderOf(bearer) };
}

type Bearing = ReturnType<typeof bearing>;

/** A file system as another server has it. */
function twinOf(fs: Bearing["fs"]): Bearing["fs"] {
  return new Proxy(fs, {
    get(fs, key) {
      const value: unknown = Reflect.get(fs, key, fs);
      return typeof value === "function" ? value.bind(fs) : value;
    },
  });
}

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
      const set = () => fs.setxattr(bearer, name, value, "either");
      await named.changeWhole(bearer, name, set);
      model.set(name, value);
    },
    async removeWhole(name) {
      await named.changeWhole(bearer, name, () => fs.removexattr(bearer, name));
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
  const set: [number | undefined, number][] = [];
  const inner = fs.setxattr.bind(fs);
  fs.setxattr = (node, name, value, option) => {
    set.push([partOf(name)?.part, value.length]);
    return inner(node, name, value, option);
  };
  await named.write(find(box, "n"), 5 * PART - 1, new Uint8Array(2).fill(1));
  assertEquals(set, [[5, PART], [4, PART]]);
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
  // Grown to just what one has.
  fs.setxattr(bearer, "n", Uint8Array.of(1), "either");
  await named.write(find(box, "n"), 0, new Uint8Array(PART));
  assertEquals(sizeOf(), PART);
});

Deno.test("what is left of an attribute that a host has removed is never part of a new one", async () => {
  const box = bearing();
  const { fs, bearer, named } = box;
  await make(box, "n", 5 * PART);
  fs.removexattr(bearer, "n");
  await make(box, "n");
  assertEquals(fs.listxattrs(bearer), ["n"]);
  const sizeOf = () => (named.getattr(find(box, "n")) as { size: number }).size;
  await named.write(find(box, "n"), 0, new Uint8Array(PART));
  assertEquals(sizeOf(), PART);
  await named.write(find(box, "n"), PART, new Uint8Array(PART));
  assertEquals(sizeOf(), 2 * PART);
});

Deno.test("what a host has taken of a large attribute is an error where it is read, and it can be removed", async () => {
  const box = bearing();
  const { fs, bearer, named, folder } = box;
  await make(box, "n", 3 * PART);
  const part = fs.listxattrs(bearer).find((name) => partOf(name)?.part === 1)!;
  fs.removexattr(bearer, part);
  const attribute = find(box, "n");
  assertEquals(read(box, attribute, 0, PART).bytes.length, PART);
  assertThrows(() => read(box, attribute, 0, PART + 1), FsError, "gone");
  await named.setattr(attribute, { size: 9 });
  assertEquals(fs.listxattrs(bearer), ["n"]);
  await named.remove(folder, "n");
});

const VALUES: Record<string, Uint8Array> = {
  a: new Uint8Array(3 * PART + 5).fill(1),
  b: new Uint8Array(2 * PART).fill(2),
  c: new Uint8Array(9).fill(3),
};

/** A change of these, and what it makes of them. */
interface Change {
  readonly act: (box: Bearing) => unknown;
  readonly changed: Record<string, Uint8Array | undefined>;
  /** Whether it is several changes of a host, which a crash may part. */
  readonly isOfSeveral?: boolean;
}

const CHANGES: Record<string, Change> = {
  "RENAME over a large one": {
    act: ({ named, folder: directory }) =>
      named.rename({ directory, name: "a" }, { directory, name: "b" }),
    changed: { a: undefined, b: VALUES.a },
    isOfSeveral: true,
  },
  "RENAME of a small one over a large one": {
    act: ({ named, folder: directory }) =>
      named.rename({ directory, name: "c" }, { directory, name: "b" }),
    changed: { c: undefined, b: VALUES.c },
    isOfSeveral: true,
  },
  "RENAME to a new name": {
    act: ({ named, folder: directory }) =>
      named.rename({ directory, name: "a" }, { directory, name: "d" }),
    changed: { a: undefined, d: VALUES.a },
    isOfSeveral: true,
  },
  "a WRITE that makes one large": {
    act: (box) => box.named.write(find(box, "c"), 9, VALUES.a!),
    changed: { c: concat([VALUES.c!, VALUES.a!]) },
  },
  "a WRITE that makes one larger": {
    act: (box) => box.named.write(find(box, "b"), 2 * PART, VALUES.a!),
    changed: { b: concat([VALUES.b!, VALUES.a!]) },
  },
  "a new one with a size": {
    act: (box) => make(box, "d", 3 * PART),
    changed: { d: new Uint8Array(3 * PART) },
    isOfSeveral: true,
  },
};

/** All attributes that are to be seen, by their names. */
function seen(box: Bearing): Map<string, Uint8Array> {
  const { entries } = box.named.readdir(box.folder, 0, 100) as DirectoryPage<
    NamedAttribute
  >;
  return new Map(
    entries.map(({ name }) => {
      const attribute = find(box, name);
      const { size } = box.named.getattr(attribute) as { size: number };
      return [name, read(box, attribute, 0, size).bytes];
    }),
  );
}

/** What there is before a change, or after it; compared as what is alike, for they are large. */
function isLike(
  found: Map<string, Uint8Array>,
  changed: Record<string, Uint8Array | undefined>,
): boolean {
  const wanted = Object.entries({ ...VALUES, ...changed })
    .flatMap(([name, value]) => value === undefined ? [] : [{ name, value }]);
  return wanted.length === found.size &&
    wanted.every(({ name, value }) => {
      const other = found.get(name);
      return other !== undefined && equals(value, other);
    });
}

async function filled(): Promise<Bearing> {
  const box = bearing();
  for (const [name, value] of Object.entries(VALUES)) {
    await make(box, name);
    await box.named.write(find(box, name), 0, value);
  }
  return box;
}

for (const [what, { act, changed, isOfSeveral }] of Object.entries(CHANGES)) {
  Deno.test(`${what} for which there is no room changes nothing, and leaves nothing`, async () => {
    for (let fits = 0;; fits++) {
      const box = await filled();
      const { fs, bearer } = box;
      const inner = fs.setxattr.bind(fs);
      const before = fs.listxattrs(bearer).length;
      let [count, isFull] = [0, false];
      fs.setxattr = (node, name, value, option) => {
        const old = fs.getxattr(node, name)?.length ?? 0;
        if (value.length > old && count++ >= fits) {
          isFull = true;
          throw new FsError("no-space");
        }
        return inner(node, name, value, option);
      };
      try {
        await act(box);
      } catch (error) {
        assertEquals(FsError.from(error)?.code, "no-space");
      }
      assertEquals(isLike(seen(box), isFull ? {} : changed), true, `${fits}`);
      if (!isFull) break;
      assertEquals(fs.listxattrs(bearer).length, before);
    }
  });

  Deno.test(`${what} that a crash ends leaves what was or what was to be, all of which can be removed`, async () => {
    for (let steps = 0;; steps++) {
      const box = await filled();
      const { fs, bearer, folder } = box;
      const { setxattr, removexattr } = fs;
      const crash = Promise.withResolvers<void>();
      let count = 0;
      const isDead = () => {
        if (count++ === steps) crash.resolve();
        return count > steps;
      };
      const never = () => new Promise<never>(() => {});
      // Nothing comes of what is asked for after the crash.
      const dying: Partial<FileSystem> = {
        setxattr: (...args) =>
          isDead() ? never() : setxattr.apply(fs, args as never),
        removexattr: (...args) =>
          isDead() ? never() : removexattr.apply(fs, args as never),
      };
      Object.assign(fs, dying);
      const acted = act(box);
      await Promise.race([acted, crash.promise]);
      Object.assign(fs, { setxattr, removexattr });
      const after: Bearing = {
        ...box,
        named: new NamedAttributes(twinOf(fs), endless),
      };
      after.folder = after.named.folderOf(bearer);
      if (count <= steps) break;
      const found = seen(after);
      const isWhole = isLike(found, {}) || isLike(found, changed);
      if (!isOfSeveral) assertEquals(isWhole, true, `${steps}`);
      // Each goes with all that it has.
      for (const name of found.keys()) await after.named.remove(folder, name);
      assertEquals(fs.listxattrs(bearer), []);
    }
  });
}

Deno.test("parts of an attribute are not listed, and go with it", async () => {
  const box = bearing();
  const { fs, bearer, named, folder } = box;
  await make(box, "n", 3 * PART);
  const listed = named.readdir(folder, 0, 100) as DirectoryPage<object>;
  assertEquals(listed.entries.map(({ name }) => name), ["n"]);
  assertEquals(fs.listxattrs(bearer).filter(isPart).length, 3);
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
  const { turn, begin, paused, goOn } = pausedTurn(8);
  const box = bearing(turn);
  const { fs, bearer, named } = box;
  await make(box, "n");
  const attribute = find(box, "n");
  const sizeOf = () => (named.getattr(attribute) as { size: number }).size;
  begin();
  const far = named.write(attribute, 64 * PART - 1, Uint8Array.of(1));
  await paused;
  const parts = () =>
    fs.listxattrs(bearer).filter((name) => partOf(name) !== undefined).length;
  assertEquals([parts() > 0, parts() < 63, sizeOf()], [true, true, 0]);
  // In its turn, behind the first.
  const next = named.write(attribute, 0, Uint8Array.of(2));
  goOn();
  await Promise.all([far, next]);
  assertEquals(sizeOf(), 64 * PART);
  assertEquals(read(box, attribute, 0, 1).bytes, Uint8Array.of(2));
});

for (
  const what of Object.keys(CHANGES).filter((what) => what.startsWith("RENAME"))
) {
  Deno.test(`${what} is one change where the file system does not wait`, async () => {
    const box = await filled();
    const { act, changed } = CHANGES[what]!;
    const acted = act(box);
    assertEquals(isLike(seen(box), changed), true);
    await acted;
  });
}

Deno.test("an attribute that is set as a whole is so before or after what is written to it", async () => {
  let looks = 0;
  const turn: Turn = {
    get isOver() {
      return ++looks % 5 === 0;
    },
    next: nextTurn,
  };
  const box = bearing(turn);
  const { fs, bearer, named } = box;
  await make(box, "n", 20 * PART);
  const attribute = find(box, "n");
  const written = named.write(attribute, 0, new Uint8Array(20 * PART));
  const value = Uint8Array.of(7);
  const set = () => fs.setxattr(bearer, "n", value, "either");
  await Promise.all([written, named.changeWhole(bearer, "n", set)]);
  assertEquals(fs.listxattrs(bearer), ["n"]);
  assertEquals(fs.getxattr(bearer, "n"), value);
});

for (const size of [0, 9, PART, 3 * PART + 1]) {
  Deno.test(`what is written behind ${size} bytes is not taken for what is left by another door to the file`, async () => {
    const { turn, begin, paused, goOn } = pausedTurn(5);
    const box = bearing(turn);
    const { fs, bearer } = box;
    await make(box, "n", size);
    begin();
    const data = new Uint8Array(10 * PART).fill(1);
    const written = box.named.write(find(box, "n"), size, data);
    await paused;
    const named = new NamedAttributes(twinOf(fs), endless);
    const door = { ...box, named, folder: named.folderOf(bearer) };
    await make(door, "z");
    await named.remove(door.folder, "z");
    goOn();
    await written;
    const wanted = concat([new Uint8Array(size), data]);
    assertEquals(equals(seen(door).get("n")!, wanted), true);
    await named.remove(door.folder, "n");
    assertEquals(fs.listxattrs(bearer), []);
  });
}

for (const size of [0, PART, 2 * PART]) {
  Deno.test(`what is written behind ${size} bytes while another door writes to the attribute is put off, and nothing is lost`, async () => {
    const { turn, begin, paused, goOn } = pausedTurn(5);
    const box = bearing(turn);
    const { fs, bearer } = box;
    await make(box, "n", size);
    begin();
    const data = new Uint8Array(10 * PART).fill(1);
    const written = box.named.write(find(box, "n"), size, data) as Promise<
      unknown
    >;
    await paused;
    const named = new NamedAttributes(twinOf(fs), endless);
    const door = { ...box, named, folder: named.folderOf(bearer) };
    await named.write(find(door, "n"), 0, Uint8Array.of(7));
    goOn();
    const error = await assertRejects(() => written, FsError);
    assertEquals(error.code, "busy");
    const now = new Uint8Array(Math.max(size, 1));
    now[0] = 7;
    assertEquals(equals(seen(door).get("n")!, now), true);
    await box.named.write(find(box, "n"), size, data);
    assertEquals(seen(door).get("n")!.length, size + data.length);
    await named.remove(door.folder, "n");
    assertEquals(fs.listxattrs(bearer), []);
  });
}

Deno.test("two exports of a file system have one line for the attributes of a file", async () => {
  const box = bearing({ isOver: false, next: nextTurn });
  const { fs, bearer } = box;
  await make(box, "n");
  const gate = Promise.withResolvers<void>();
  const set = (value: number) => () =>
    fs.setxattr(bearer, "n", Uint8Array.of(value), "either");
  const first = box.named.changeWhole(
    bearer,
    "n",
    () => gate.promise.then(set(1)),
  );
  const other = new NamedAttributes(fs, endless);
  const second = other.changeWhole(bearer, "n", set(2));
  gate.resolve();
  await Promise.all([first, second]);
  assertEquals(fs.getxattr(bearer, "n"), Uint8Array.of(2));
});

Deno.test("an attribute that another door is giving a new name is not taken for what is left", async () => {
  const box = await filled();
  const { fs, bearer, folder: directory } = box;
  const { setxattr } = fs;
  let count = 0;
  // Between the calls of the one door the other makes a change.
  fs.setxattr = (...args) => {
    const set = setxattr.apply(fs, args);
    fs.setxattr = setxattr;
    const named = new NamedAttributes(twinOf(fs), endless);
    named.remove(named.folderOf(bearer), "c");
    count++;
    return set;
  };
  await box.named.rename({ directory, name: "a" }, { directory, name: "d" });
  assertEquals([count, equals(seen(box).get("d")!, VALUES.a!)], [1, true]);
});

Deno.test("where not all extended attributes are told of, nothing is taken for what is left", async () => {
  const box = await filled();
  const { fs, bearer, named, folder } = box;
  const { listxattrs } = fs;
  const more = Array.from({ length: MAX_XATTR_NAMES }, (_, i) => `0${i}`);
  fs.listxattrs = (node) =>
    [...more, ...listxattrs.apply(fs, [node]).filter((name) => !isIndex(name))]
      .sort().slice(-MAX_XATTR_NAMES);
  await make(box, "z");
  await named.remove(folder, "z");
  fs.listxattrs = listxattrs;
  assertEquals(isLike(seen(box), {}), true);
  assertEquals(listxattrs.apply(fs, [bearer]).length, 9);
});

for (const [cut, other] of [["a", "d"], ["d", "a"]] as const) {
  Deno.test(`of two names of one series, as a crash in a RENAME leaves them, what is cut of ${cut} the other has still`, async () => {
    const box = await filled();
    const { fs, bearer, named, folder } = box;
    const index = fs.getxattr(bearer, indexName("a"))!;
    const first = fs.getxattr(bearer, "a")!;
    fs.setxattr(bearer, "d", first, "create");
    fs.setxattr(bearer, indexName("d"), index, "create");
    await named.setattr(find(box, cut), { size: 2 * PART });
    assertEquals(equals(seen(box).get(other)!, VALUES.a!), true);
    // A part of a number that none has.
    fs.setxattr(bearer, partName("0123456789abcdef", 0), first, "create");
    for (const name of ["a", "b", "c", "d"]) await named.remove(folder, name);
    assertEquals(fs.listxattrs(bearer), []);
  });
}

for (const at of [2, 3, 5, 8, 11]) {
  Deno.test(`of two doors that make an attribute as long at once, the ${at}th look apart, each is told what became of it`, async () => {
    const { turn, begin, paused, goOn } = pausedTurn(at);
    const box = bearing(turn);
    const { fs, bearer } = box;
    await make(box, "n", PART);
    begin();
    const data = new Uint8Array(9 * PART).fill(1);
    const written = Promise.resolve(box.named.write(find(box, "n"), PART, data))
      .then(() => "written", (error) => error.code);
    await paused;
    const named = new NamedAttributes(twinOf(fs), endless);
    const door = { ...box, named, folder: named.folderOf(bearer) };
    const last = 10 * PART - 1;
    await named.write(find(door, "n"), last, Uint8Array.of(7));
    goOn();
    const outcome = await written;
    const found = seen(door).get("n")!;
    // At the first look none of it has begun; later it is put off, as if it had not been.
    assertEquals(outcome, at === 2 ? "written" : "busy");
    const alone = concat([new Uint8Array(9 * PART - 1), Uint8Array.of(7)]);
    const wanted = at === 2 ? data : alone;
    assertEquals(equals(found.subarray(PART), wanted), true);
    await named.remove(door.folder, "n");
    assertEquals(fs.listxattrs(bearer), []);
  });
}

Deno.test("of two doors that both have told of parts to come, the one that told last goes on", async () => {
  const [one, two] = [pausedTurn(4), pausedTurn(6)];
  const box = bearing(one.turn);
  const { fs, bearer } = box;
  await make(box, "n", PART);
  const named = new NamedAttributes(twinOf(fs), two.turn);
  const door = { ...box, named, folder: named.folderOf(bearer) };
  const write = async (box: Bearing, byte: number) => {
    const data = new Uint8Array(9 * PART).fill(byte);
    await box.named.write(find(box, "n"), PART, data);
  };
  one.begin();
  const first = write(box, 1);
  await one.paused;
  two.begin();
  const second = write(door, 2);
  await two.paused;
  one.goOn();
  assertEquals((await assertRejects(() => first, FsError)).code, "busy");
  two.goOn();
  await second;
  const found = seen(door).get("n")!.subarray(PART);
  assertEquals(found.every((byte) => byte === 2), true);
});
