import { assertEquals } from "@std/assert";
import { memory, type MemoryTree } from "../../../src/backends/memory/mod.ts";
import { link } from "../../../src/engine/ops/link.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { rename } from "../../../src/engine/ops/rename.ts";
import { savefh } from "../../../src/engine/ops/savefh.ts";
import {
  type Caller,
  Fixture,
  memoryFixture,
  slow,
  type WriteArgs,
} from "./fixture.ts";
import { list } from "./listing.ts";

const CHANGE = 3;
const NLINK = 35;

const tree: MemoryTree = {
  a: "1",
  b: "2",
  full: { x: "" },
  empty: {},
  one: {},
};

const name = (text: string): WriteArgs => (xdr) => xdr.string(text);

async function removal(
  fixture: Fixture,
  text: string,
  caller: Caller = {},
): Promise<string> {
  return await (await fixture.at("/", caller)).status(remove, name(text));
}

/** RENAME from one path of folder and name to another. */
async function renaming(
  fixture: Fixture,
  from: string,
  to: string,
  caller: Caller = {},
): Promise<string> {
  const [source, oldName] = split(from);
  const [target, newName] = split(to);
  const compound = await fixture.at(source, caller);
  await compound.ok(savefh);
  compound.context.setCurrent((await fixture.at(target)).context.file);
  return await compound.status(rename, (xdr) => {
    xdr.string(oldName);
    xdr.string(newName);
  });
}

async function linking(
  fixture: Fixture,
  from: string,
  to: string,
  caller: Caller = {},
): Promise<string> {
  const [target, newName] = split(to);
  const compound = await fixture.at(from, caller);
  await compound.ok(savefh);
  compound.context.setCurrent((await fixture.at(target)).context.file);
  return await compound.status(link, name(newName));
}

function split(path: string): [string, string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, at), path.slice(at + 1)];
}

async function names(fixture: Fixture, path = "/"): Promise<string[]> {
  return (await list(await fixture.at(path))).names.sort();
}

Deno.test("REMOVE takes files and empty folders, and tells the folder's change (RFC 8881 18.25.3)", async () => {
  const fixture = memoryFixture(tree);
  const root = await fixture.at("/");
  const before = (await root.attributes(CHANGE)).uint64();
  const result = await root.ok(remove, name("a"));
  assertEquals([result.bool(), result.uint64()], [true, before]);
  assertEquals((await root.attributes(CHANGE)).uint64(), result.uint64());
  assertEquals(await removal(fixture, "empty"), "NFS4_OK");
  assertEquals(await names(fixture), ["b", "full", "one"]);
});

Deno.test("REMOVE of nothing is NOENT, of a full folder NOTEMPTY, in a file NOTDIR (RFC 8881 15.2)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await removal(fixture, "none"), "NFS4ERR_NOENT");
  assertEquals(await removal(fixture, "full"), "NFS4ERR_NOTEMPTY");
  const file = await fixture.at("a");
  assertEquals(await file.status(remove, name("x")), "NFS4ERR_NOTDIR");
});

Deno.test("REMOVE and RENAME refuse bad names (RFC 8881 18.25.3, 18.26.3)", async () => {
  const fixture = memoryFixture(tree);
  for (
    const [text, expected] of [
      ["", "NFS4ERR_INVAL"],
      [".", "NFS4ERR_BADNAME"],
      ["..", "NFS4ERR_BADNAME"],
      ["a".repeat(256), "NFS4ERR_NAMETOOLONG"],
    ] as const
  ) {
    assertEquals(await removal(fixture, text), expected);
    assertEquals(await renaming(fixture, `/${text}`, "/c"), expected);
    assertEquals(await renaming(fixture, "/a", `/${text}`), expected);
    assertEquals(await linking(fixture, "a", `/${text}`), expected);
  }
});

Deno.test("REMOVE needs to write the folder, and to own something where it is sticky", async () => {
  const closed = memoryFixture(tree);
  assertEquals(await removal(closed, "a", { uid: 9 }), "NFS4ERR_ACCESS");
  const fs = memory(tree, { mode: 0o1777, uid: 5 });
  const sticky = new Fixture({ path: "/", fs });
  // RFC 8881 15.2, RFC 7530 13.2: neither has NFS4ERR_PERM.
  assertEquals(await removal(sticky, "a", { uid: 9 }), "NFS4ERR_ACCESS");
  assertEquals(
    await renaming(sticky, "/a", "/c", { uid: 9 }),
    "NFS4ERR_ACCESS",
  );
  assertEquals(await removal(sticky, "a", { uid: 5 }), "NFS4_OK");
});

Deno.test("RENAME moves files and folders, and replaces what POSIX lets it (RFC 8881 18.26.3)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await renaming(fixture, "/a", "/one/a"), "NFS4_OK");
  assertEquals(await renaming(fixture, "/b", "/one/a"), "NFS4_OK");
  assertEquals(await renaming(fixture, "/full", "/empty"), "NFS4_OK");
  assertEquals(await names(fixture), ["empty", "one"]);
  assertEquals(await names(fixture, "/empty"), ["x"]);
  const size = await (await fixture.at("one/a")).attributes(4);
  assertEquals(size.uint64(), 1n);
});

Deno.test("RENAME of a folder onto a file or a file onto a folder is EXIST (RFC 8881 18.26.3)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await renaming(fixture, "/empty", "/a"), "NFS4ERR_EXIST");
  assertEquals(await renaming(fixture, "/a", "/empty"), "NFS4ERR_EXIST");
  assertEquals(await renaming(fixture, "/empty", "/full"), "NFS4ERR_NOTEMPTY");
});

Deno.test("RENAME of nothing is NOENT, into its own child INVAL, with a file for a folder NOTDIR (RFC 8881 18.26.4)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await renaming(fixture, "/none", "/c"), "NFS4ERR_NOENT");
  assertEquals(await renaming(fixture, "/full", "/full/y"), "NFS4ERR_INVAL");
  assertEquals(await renaming(fixture, "a/x", "/c"), "NFS4ERR_NOTDIR");
  assertEquals(await renaming(fixture, "/a", "b/x"), "NFS4ERR_NOTDIR");
});

Deno.test("RENAME onto itself or another name of the same file does nothing (RFC 8881 18.26.3)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await renaming(fixture, "/a", "/a"), "NFS4_OK");
  assertEquals(await linking(fixture, "a", "/again"), "NFS4_OK");
  assertEquals(await renaming(fixture, "/a", "/again"), "NFS4_OK");
  assertEquals((await names(fixture)).slice(0, 2), ["a", "again"]);
  await fixture.at("a");
});

Deno.test("RENAME onto itself or another name of the same file is OK for one who may only search the folder (RFC 8881 18.26.3)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await linking(fixture, "a", "/again"), "NFS4_OK");
  const other = { uid: 9 };
  for (const name of ["/a", "/again"]) {
    assertEquals(await renaming(fixture, "/a", name, other), "NFS4_OK");
  }
  assertEquals(await renaming(fixture, "/full", "/full", other), "NFS4_OK");
  assertEquals(await renaming(fixture, "/a", "/b", other), "NFS4ERR_ACCESS");
});

Deno.test("RENAME and LINK without SAVEFH are NOFILEHANDLE (RFC 8881 15.1.2.5)", async () => {
  const root = await memoryFixture(tree).at("/");
  const twice: WriteArgs = (xdr) => {
    xdr.string("a");
    xdr.string("c");
  };
  assertEquals(await root.status(rename, twice), "NFS4ERR_NOFILEHANDLE");
  assertEquals(await root.status(link, name("c")), "NFS4ERR_NOFILEHANDLE");
});

Deno.test("a folder that gets another parent must be the caller's to write", async () => {
  const fs = memory(tree, { mode: 0o777, uid: 5 });
  const fixture = new Fixture({ path: "/", fs });
  const caller = { uid: 9 };
  assertEquals(await renaming(fixture, "/empty", "/other", caller), "NFS4_OK");
  const moved = await renaming(fixture, "/other", "/one/other", caller);
  assertEquals(moved, "NFS4ERR_ACCESS");
});

Deno.test("LINK adds a name, which numlinks counts (RFC 8881 18.9.4)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await linking(fixture, "a", "/one/a"), "NFS4_OK");
  const links = await (await fixture.at("a")).attributes(NLINK);
  assertEquals(links.uint32(), 2);
  assertEquals(await removal(fixture, "a"), "NFS4_OK");
  const left = await (await fixture.at("one/a")).attributes(NLINK);
  assertEquals(left.uint32(), 1);
});

Deno.test("LINK of a folder is ISDIR, to a taken name EXIST, into a file NOTDIR (RFC 8881 18.9.3)", async () => {
  const fixture = memoryFixture(tree);
  assertEquals(await linking(fixture, "full", "/c"), "NFS4ERR_ISDIR");
  assertEquals(await linking(fixture, "a", "/b"), "NFS4ERR_EXIST");
  assertEquals(await linking(fixture, "a", "/a"), "NFS4ERR_EXIST");
  assertEquals(await linking(fixture, "a", "b/c"), "NFS4ERR_NOTDIR");
  assertEquals(
    await linking(fixture, "a", "/c", { uid: 9 }),
    "NFS4ERR_ACCESS",
  );
});

Deno.test("read-only exports are ROFS to all of them", async () => {
  const fixture = memoryFixture(tree, { readOnly: true });
  assertEquals(await removal(fixture, "a"), "NFS4ERR_ROFS");
  assertEquals(await renaming(fixture, "/a", "/c"), "NFS4ERR_ROFS");
  assertEquals(await linking(fixture, "a", "/c"), "NFS4ERR_ROFS");
});

Deno.test("a file system without links says NOTSUPP, one without changes ROFS", async () => {
  const fs = memory(tree);
  const without = (...methods: string[]) =>
    new Fixture({
      path: "/",
      squash: "none",
      fs: new Proxy(fs, {
        get: (target, key) => {
          if (methods.includes(String(key))) return undefined;
          const value = Reflect.get(target, key);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
    });
  const noLinks = without("link");
  assertEquals(await linking(noLinks, "a", "/c"), "NFS4ERR_NOTSUPP");
  const fixed = without("link", "create", "remove", "rename");
  assertEquals(await linking(fixed, "a", "/c"), "NFS4ERR_ROFS");
  assertEquals(await removal(fixed, "a"), "NFS4ERR_ROFS");
  assertEquals(await renaming(fixed, "/a", "/c"), "NFS4ERR_ROFS");
});

Deno.test("they wait for a file system that waits", async () => {
  const fixture = new Fixture({
    path: "/",
    squash: "none",
    fs: slow(memory(tree)),
  });
  assertEquals(await linking(fixture, "a", "/one/a"), "NFS4_OK");
  assertEquals(await renaming(fixture, "/one/a", "/c"), "NFS4_OK");
  assertEquals(await removal(fixture, "full"), "NFS4ERR_NOTEMPTY");
  assertEquals(await removal(fixture, "empty"), "NFS4_OK");
  assertEquals(await names(fixture), ["a", "b", "c", "full", "one"]);
});
