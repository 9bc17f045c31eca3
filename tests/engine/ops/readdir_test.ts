import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import {
  encodedPage,
  rememberEncoded,
} from "../../../src/engine/files/encoded_pages.ts";
import type { Bitmap } from "../../../src/nfs4/bitmap.ts";
import type { Export } from "../../../src/vfs/exports.ts";
import { getfh } from "../../../src/engine/ops/getfh.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { SMALL_REPLY } from "../../../src/rpc/buffer_budget.ts";
import { FsError } from "../../../src/vfs/errors.ts";
import type {
  DirectoryPage,
  FileSystem,
} from "../../../src/vfs/file_system.ts";
import { Fixture, memoryFixture, slow } from "./fixture.ts";
import { list, readPart } from "./listing.ts";

const TYPE = 1;
const SIZE = 4;
const RDATTR_ERROR = 11;
const HANDLE = 19;
const FILEID = 20;
const FILES_FREE = 22;
const MOUNTED_ON_FILEID = 55;

/** Whose the folders are not. */
const STRANGER = { uid: 1000 };

function many(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, i) => `name-${i}`);
  return Object.fromEntries(names.map((name) => [name, ""]));
}

/** A file system in which some method is another. */
function changed(fs: FileSystem, changes: Partial<FileSystem>): FileSystem {
  return new Proxy(fs, {
    get(target, key) {
      const value = Reflect.get(changes, key) ?? Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A file system whose entries come without attributes, and some method is another. */
function asking(fs: FileSystem, changes: Partial<FileSystem>): FileSystem {
  return changed(fs, {
    readdir: (directory, cookie, limit) => {
      const page = fs.readdir(directory, cookie, limit);
      assert(!(page instanceof Promise));
      const entries = page.entries.map(({ name, cookie, node }) => (
        { name, cookie, node }
      ));
      return { ...page, entries };
    },
    ...changes,
  });
}

Deno.test("READDIR lists names with their attributes, filehandles too (RFC 8881 18.23.3)", async () => {
  const fixture = memoryFixture({ a: "123", b: {} });
  const listed = await list(await fixture.at("/"), {
    attributes: [TYPE, SIZE, HANDLE, FILEID],
  });
  assertEquals(listed.names, ["a", "b"]);
  const [a, b] = listed.attributes;
  assertEquals([a!.uint32(), a!.uint64()], [1, 3n]);
  const handle = (await (await fixture.at("a")).ok(getfh)).opaque(128);
  assertEquals(a!.opaque(128), handle);
  const fileid = await (await fixture.at("a")).attributes(FILEID);
  assertEquals(a!.uint64(), fileid.uint64());
  assertEquals(b!.uint32(), 2);
});

Deno.test("READDIR goes on behind each cookie, and every part fits its maxcount (RFC 8881 18.23.3)", async () => {
  const fixture = memoryFixture(many(300));
  const root = await fixture.at("/");
  const seen = new Set<string>();
  const asked = { maxCount: 600, attributes: [TYPE] };
  let part = await readPart(root, asked);
  while (true) {
    assertEquals(part.bytes <= 600, true);
    for (const name of part.names) seen.add(name);
    if (part.eof) break;
    assertEquals(part.bytes > 500, true, "parts are filled");
    const { verifier } = part;
    const cookie = part.cookies.at(-1);
    part = await readPart(root, { ...asked, cookie, verifier });
  }
  assertEquals(seen.size, 300);
});

Deno.test("READDIR gives out no cookie of 0, 1 or 2, and takes no 1 or 2 (RFC 8881 18.23.3)", async () => {
  const root = await memoryFixture(many(3)).at("/");
  const { cookies, verifier } = await readPart(root);
  assertEquals(cookies.every((cookie) => cookie > 2), true);
  for (const cookie of [1, 2, 2 ** 53 - 1]) {
    const { status } = await readPart(root, { cookie, verifier });
    assertEquals(status, "NFS4ERR_BAD_COOKIE");
  }
});

Deno.test("a cookie with a verifier that was not given out is NOT_SAME (RFC 8881 18.23.3)", async () => {
  const root = await memoryFixture(many(3)).at("/");
  const { cookies } = await readPart(root);
  const verifier = new Uint8Array(8).fill(1);
  const { status } = await readPart(root, { cookie: cookies[0], verifier });
  assertEquals(status, "NFS4ERR_NOT_SAME");
});

Deno.test("a cookie without a verifier goes on behind its entry", async () => {
  const root = await memoryFixture(many(3)).at("/");
  const { cookies } = await readPart(root);
  const verifier = new Uint8Array(8);
  const rest = await readPart(root, { cookie: cookies[0], verifier });
  assertEquals(rest.cookies, cookies.slice(1));
});

Deno.test("READDIR is TOOSMALL where not one entry fits (RFC 8881 18.23.3)", async () => {
  const fixture = memoryFixture({ name: "" });
  const root = await fixture.at("/");
  const whole = (await readPart(root, { attributes: [SIZE] })).bytes;
  for (const maxCount of [0, 15, 16, whole - 1]) {
    const part = await readPart(root, { maxCount, attributes: [SIZE] });
    assertEquals(part.status, "NFS4ERR_TOOSMALL", `${maxCount}`);
  }
  const fits = await readPart(root, { maxCount: whole, attributes: [SIZE] });
  assertEquals([fits.names, fits.eof], [["name"], true]);
});

Deno.test("an empty folder takes 16 bytes, with fewer it is TOOSMALL", async () => {
  const root = await memoryFixture().at("/");
  assertEquals((await readPart(root, { maxCount: 16 })).eof, true);
  const { status } = await readPart(root, { maxCount: 15 });
  assertEquals(status, "NFS4ERR_TOOSMALL");
});

Deno.test("dircount bounds names and cookies, but not to nothing (RFC 8881 18.23.4)", async () => {
  const root = await memoryFixture(many(9)).at("/");
  assertEquals((await readPart(root, { dirCount: 1 })).names.length, 1);
  const some = await readPart(root, { dirCount: 100 });
  assertEquals(some.names.length, 4);
  assertEquals(some.eof, false);
});

Deno.test("READDIR stays within what the session's reply may be (RFC 8881 2.10.6.4)", async () => {
  const root = await memoryFixture(many(99)).at("/");
  root.context.replyLimit = 1000;
  root.context.replyStart = root.context.reply.position;
  const part = await readPart(root, { maxCount: 100_000 });
  assertEquals(part.bytes <= 1000 - 24, true);
  assertEquals(part.eof, false);
});

Deno.test("READDIR of what is no folder is NOTDIR, unreadable ACCESS, of set-only attributes INVAL", async () => {
  const fixture = memoryFixture({ file: "" });
  const file = await readPart(await fixture.at("file"));
  assertEquals(file.status, "NFS4ERR_NOTDIR");
  const fs = memory({}, { mode: 0o711 });
  const closed = await new Fixture({ path: "/", fs }).at("/", { uid: 9 });
  assertEquals((await readPart(closed)).status, "NFS4ERR_ACCESS");
  const root = await fixture.at("/");
  const { status } = await readPart(root, { attributes: [54] });
  assertEquals(status, "NFS4ERR_INVAL");
});

Deno.test("a folder may change while it is read: nothing that stays is missed or told twice", async () => {
  const fixture = memoryFixture(many(50));
  const root = await fixture.at("/");
  const first = await readPart(root, { maxCount: 400 });
  const last = first.names.at(-1)!;
  for (const name of [last, first.names[0]!, "name-40"]) {
    await root.ok(remove, (xdr) => xdr.string(name));
  }
  const rest = await list(root);
  const on = await readPart(root, {
    cookie: first.cookies.at(-1),
    verifier: first.verifier,
    maxCount: 100_000,
  });
  assertEquals(on.eof, true);
  assertEquals(on.names.some((name) => first.names.includes(name)), false);
  assertEquals(on.names.length, 50 - first.names.length - 1);
  assertEquals(rest.names.length, 47);
});

Deno.test("an entry whose attributes fail has rdattr_error, where it is asked for (RFC 8881 18.23.3)", async () => {
  const fs = memory({ bad: "", good: "" });
  const bad = fs.lookup(fs.root(), "bad");
  const faults: [error: Error, status: number, name: string][] = [
    [new FsError("io"), 5, "NFS4ERR_IO"],
    [new FsError("access"), 13, "NFS4ERR_ACCESS"],
    [new TypeError("a mistake"), 10_006, "NFS4ERR_SERVERFAULT"],
  ];
  for (const [error, status, name] of faults) {
    const failing = asking(fs, {
      getattr: (node) => {
        if (node === bad) throw error;
        return fs.getattr(node as never);
      },
    });
    for (const one of [failing, slow(failing)]) {
      const root = await new Fixture({ path: "/", fs: one }).at("/");
      const part = await readPart(root, { attributes: [TYPE, RDATTR_ERROR] });
      assertEquals(part.names, ["bad", "good"]);
      assertEquals(part.masks, [1 << RDATTR_ERROR, 1 << RDATTR_ERROR | 1 << 1]);
      assertEquals(part.attributes[0]!.uint32(), status, name);
      assertEquals(part.attributes[1]!.uint32(), 1, "NF4REG");
      assertEquals(part.attributes[1]!.uint32(), 0, "NFS4_OK");
      const whole = readPart(root, { attributes: [TYPE] });
      // What was not thrown on purpose is for the COMPOUND to tell.
      if (error instanceof FsError) assertEquals((await whole).status, name);
      else await assertRejects(() => whole, TypeError);
    }
  }
});

Deno.test("an entry that is gone when its attributes are read is left out", async () => {
  const fs = memory({ a: "", b: "" });
  const gone = fs.lookup(fs.root(), "a");
  const racing = asking(fs, {
    getattr: (node) => {
      if (node === gone) throw new FsError("stale");
      return fs.getattr(node as never);
    },
  });
  const root = await new Fixture({ path: "/", fs: racing }).at("/");
  assertEquals((await list(root, { attributes: [TYPE] })).names, ["b"]);
});

Deno.test("entries without a node are looked up, where attributes are asked for", async () => {
  const fs = memory({ a: "", b: "" });
  let lookups = 0;
  const bare = changed(fs, {
    readdir: (node, cookie, limit) => {
      const page = fs.readdir(node as never, cookie, limit);
      const entries = page.entries.map((entry) => ({
        ...entry,
        node: undefined,
      }));
      return { ...page, entries };
    },
    lookup: (node, name) => {
      lookups++;
      return fs.lookup(node as never, name);
    },
  });
  const root = await new Fixture({ path: "/", fs: bare }).at("/");
  assertEquals((await list(root)).names, ["a", "b"]);
  assertEquals(lookups, 0);
  const { attributes } = await list(root, { attributes: [TYPE] });
  assertEquals(attributes.map((values) => values.uint32()), [1, 1]);
  assertEquals(lookups, 2);
});

Deno.test("a file system that waits is listed the same", async () => {
  const fs = memory(many(40));
  const at = async (one: FileSystem) =>
    await list(await new Fixture({ path: "/", fs: one }).at("/"), {
      maxCount: 700,
      attributes: [TYPE, SIZE, 44],
    });
  const [quick, waiting] = [await at(fs), await at(slow(fs))];
  assertEquals(waiting.names, quick.names);
  assertEquals(waiting.cookies, quick.cookies);
  assertNotEquals(waiting.names.length, 0);
});

Deno.test("100,000 entries are listed without a cliff", async () => {
  const root = await memoryFixture(many(100_000)).at("/");
  const started = performance.now();
  const listed = await list(root, {
    maxCount: 32_768,
    attributes: [TYPE, FILEID],
  });
  assertEquals(new Set(listed.names).size, 100_000);
  // A second on a slow machine; what grows with the square takes minutes.
  assertEquals(performance.now() - started < 10_000, true);
});

Deno.test("READDIR of a large folder lets others run after some entries, whether they were looked up or written", async () => {
  const fixture = memoryFixture(many(2000));
  let turns = 0;
  const asked = new Set<object | undefined>();
  const next = (who?: object) => {
    asked.add(who);
    return Promise.resolve(void turns++);
  };
  Object.assign(fixture.services, { turn: { isOver: true, next } });
  const root = await fixture.at("/");
  const part = await readPart(root, { maxCount: 1_000_000, attributes: [] });
  assertEquals(part.names.length, 2000);
  // By whom it is asked for: each connection has as much of the turns.
  assert(asked.size === 1 && asked.has(root.context.connection));
  assert(turns >= 2000 / 64 + 2000 / 32, `${turns} turns`);
});

Deno.test("READDIR for a connection that is closed ends with its next turn", async () => {
  for (const hasActed of [false, true]) {
    const fixture = memoryFixture(many(2000));
    const root = await fixture.at("/");
    const { connection } = root.context;
    let turns = 0;
    const next = () => {
      turns++;
      Object.assign(connection, { closeReason: "peer" });
      return Promise.resolve();
    };
    Object.assign(fixture.services, { turn: { isOver: true, next } });
    // What was done before in its COMPOUND has an answer, which may be asked for.
    root.context.hasActed = hasActed;
    const part = await readPart(root, { maxCount: 1_000_000 });
    assertEquals(part.status, hasActed ? "NFS4_OK" : "NFS4ERR_DELAY");
    assertEquals(turns === 1, !hasActed);
  }
});

Deno.test("READDIR lists a small part where connections hold too much for more", async () => {
  const fixture = memoryFixture(many(1000));
  const root = await fixture.at("/");
  root.context.connection.hasRoom = () => false;
  const part = await readPart(root, { maxCount: 100_000, attributes: [TYPE] });
  assertEquals(part.eof, false);
  assertEquals(part.names.length > 100 && part.bytes <= SMALL_REPLY, true);
});

/** A file system whose pages are each the same object for as long as `change` was not called. */
function lasting(inner: FileSystem = memory(many(40))) {
  const pages = new Map<string, DirectoryPage<object>>();
  let size = 0;
  const fs = changed(inner, {
    readdir: (directory, cookie, limit) => {
      const key = `${cookie} ${limit}`;
      const known = pages.get(key);
      if (known !== undefined) return known;
      const page = inner.readdir(directory, cookie, limit);
      assert(!(page instanceof Promise));
      const entries = page.entries.map((entry) => ({
        ...entry,
        attributes: { ...entry.attributes!, size },
      }));
      const made = { entries, end: page.end, isLasting: true };
      pages.set(key, made);
      return made;
    },
  });
  const change = () => {
    size++;
    pages.clear();
  };
  return { fs, pages, change };
}

Deno.test("a page that lasts is written once, for each set of attributes", async () => {
  const { fs, pages, change } = lasting();
  const root = await new Fixture({ path: "/", fs }).at("/");
  const sizes = async (attributes: number[]) => {
    const { names, attributes: values } = await list(root, { attributes });
    assertEquals(names.length, 40);
    return new Set(values.map((value) => value.uint64()));
  };
  assertEquals(await sizes([SIZE]), new Set([0n]));
  // What a file system says that nothing has changed in is not looked at again.
  const [page] = pages.values();
  Object.assign(page!.entries[0]!.attributes!, { size: 9 });
  assertEquals(await sizes([SIZE]), new Set([0n]));
  assertEquals(await sizes([SIZE, FILEID]), new Set([0n, 9n]));
  change();
  assertEquals(await sizes([SIZE]), new Set([1n]));
});

Deno.test("a page whose entries are long is not remembered as written, as file systems count entries", () => {
  const page = { entries: [{ name: "a", cookie: 1 }], isLasting: true };
  const terms = { export: {} as Export, minorVersion: 2 as const };
  const written = (bytes: number) => ({
    ...{ ...terms, requested: [] as unknown as Bitmap, hint: 9, entries: 1 },
    bytes: new Uint8Array(bytes),
  });
  const short = written(1024);
  rememberEncoded(page as never, short);
  assertEquals(encodedPage(page as never, short), short);
  const long = { ...short, bytes: new Uint8Array(1025) };
  rememberEncoded(page as never, long);
  assertEquals(encodedPage(page as never, long), undefined);
});

Deno.test("a page that lasts is copied as far as maxcount and dircount go", async () => {
  const { fs } = lasting();
  const root = await new Fixture({ path: "/", fs }).at("/");
  for (
    const asked of [
      { maxCount: 1000 },
      { dirCount: 500 },
      { maxCount: 2000, dirCount: 900 },
    ]
  ) {
    const first = await readPart(root, { ...asked, attributes: [SIZE] });
    const second = await readPart(root, { ...asked, attributes: [SIZE] });
    assertEquals(second.names, first.names);
    assertEquals(second.bytes, first.bytes);
    assertEquals([first.eof, second.eof], [false, false]);
  }
});

Deno.test("the room in a file system is asked for anew of a page that lasts", async () => {
  const { fs } = lasting();
  let freeFiles = 1;
  const status = () => ({
    totalBytes: 9,
    freeBytes: 9,
    availableBytes: 9,
    totalFiles: 9,
    freeFiles: freeFiles++,
  });
  const root = await new Fixture({ path: "/", fs: changed(fs, { status }) }).at(
    "/",
  );
  const listed = () => list(root, { attributes: [FILES_FREE] });
  const first = (await listed()).attributes[0]!.uint64();
  assertNotEquals((await listed()).attributes[0]!.uint64(), first);
});

/** A folder that others may list and not search. */
const LISTED_ONLY = { mode: 0o744 };

Deno.test("who may list a folder and not search it is told of no entry what LOOKUP would not tell (RFC 8881 18.13.4, 18.23.3)", async () => {
  const fs = memory({ a: "123", b: {} }, LISTED_ONLY);
  for (const one of [fs, slow(fs)]) {
    const fixture = new Fixture({ path: "/", fs: one });
    const root = await fixture.at("/", STRANGER);
    for (const each of [SIZE, HANDLE]) {
      const attributes = [TYPE, each, RDATTR_ERROR];
      const part = await readPart(root, { attributes });
      assertEquals([part.names, part.eof], [["a", "b"], true]);
      assertEquals(part.masks, [1 << RDATTR_ERROR, 1 << RDATTR_ERROR]);
      for (const values of part.attributes) {
        assertEquals(values.uint32(), 13, "NFS4ERR_ACCESS");
        assertEquals(values.remaining, 0);
      }
      const whole = await readPart(root, { attributes: [TYPE, each] });
      assertEquals(whole.status, "NFS4ERR_ACCESS");
    }
  }
});

Deno.test("who may only list a folder is told what a folder itself has: names, types, numbers (POSIX readdir)", async () => {
  const fs = memory({ a: "123" }, LISTED_ONLY);
  const fixture = new Fixture({ path: "/", fs });
  const root = await fixture.at("/", STRANGER);
  assertEquals((await list(root)).names, ["a"]);
  const attributes = [TYPE, FILEID, MOUNTED_ON_FILEID];
  for (const asked of [attributes, [...attributes, RDATTR_ERROR]]) {
    const listed = (await list(root, { attributes: asked })).attributes;
    const known = await list(await fixture.at("/"), { attributes: asked });
    assertEquals(listed, known.attributes);
  }
});

Deno.test("an empty folder that may be listed alone is empty, whatever is asked for", async () => {
  const fs = memory({}, LISTED_ONLY);
  const root = await new Fixture({ path: "/", fs }).at("/", STRANGER);
  assertEquals((await list(root, { attributes: [HANDLE] })).names, []);
});

Deno.test("a page that lasts is written for who may search the folder, and for no other caller", async () => {
  const { fs } = lasting(memory(many(40), LISTED_ONLY));
  const fixture = new Fixture({ path: "/", fs });
  const masks = async (uid: number) => {
    const root = await fixture.at("/", { uid });
    const attributes = [SIZE, RDATTR_ERROR];
    return new Set((await readPart(root, { attributes })).masks);
  };
  const refused = new Set([1 << RDATTR_ERROR]);
  const told = new Set([1 << RDATTR_ERROR | 1 << SIZE]);
  for (const first of [STRANGER.uid, 0]) {
    assertEquals(await masks(first), first === 0 ? told : refused);
    assertEquals(await masks(STRANGER.uid), refused);
    assertEquals(await masks(0), told);
    assertEquals(await masks(STRANGER.uid), refused);
  }
});
