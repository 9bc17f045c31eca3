import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { access } from "../../../src/engine/ops/access.ts";
import { create } from "../../../src/engine/ops/create.ts";
import { link } from "../../../src/engine/ops/link.ts";
import { lookupp } from "../../../src/engine/ops/lookupp.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { rename } from "../../../src/engine/ops/rename.ts";
import { savefh } from "../../../src/engine/ops/savefh.ts";
import { setattr } from "../../../src/engine/ops/setattr.ts";
import { Access, type MinorVersion } from "../../../src/nfs4/constants.ts";
import {
  type Caller,
  fattr,
  Fixture,
  memoryFixture,
  mode,
  slow,
} from "./fixture.ts";
import { list } from "./listing.ts";

const { READ, LOOKUP, MODIFY, EXTEND, DELETE, EXECUTE } = Access;
const ALL = READ | LOOKUP | MODIFY | EXTEND | DELETE | EXECUTE;

async function ask(
  fixture: Fixture,
  path: string,
  caller: Caller & { readonly requested?: number } = {},
): Promise<{ supported: number; granted: number }> {
  const { requested = ALL } = caller;
  const compound = await fixture.at(path, caller);
  const result = await compound.ok(access, (xdr) => xdr.uint32(requested));
  return { supported: result.uint32(), granted: result.uint32() };
}

/** A file and a folder of user 5 and group 6 with this mode. */
async function owned(value: number): Promise<Fixture> {
  const fs = memory({ file: "", folder: {} }, { uid: 5, gid: 6 });
  const fixture = new Fixture({ path: "/", fs, squash: "none" });
  for (const path of ["file", "folder"]) {
    await (await fixture.at(path)).ok(setattr, (xdr) => {
      xdr.opaqueFixed(new Uint8Array(16));
      fattr(xdr, [mode(value)]);
    });
  }
  return fixture;
}

Deno.test("ACCESS tells apart what has a meaning for the type (RFC 8881 18.1.3)", async () => {
  const fixture = await owned(0o777);
  const folder = READ | LOOKUP | MODIFY | EXTEND | DELETE;
  const file = READ | MODIFY | EXTEND | EXECUTE;
  assertEquals(await ask(fixture, "folder"), {
    supported: folder,
    granted: folder,
  });
  assertEquals(await ask(fixture, "file"), { supported: file, granted: file });
  assertEquals(await ask(fixture, "file", { requested: READ | LOOKUP }), {
    supported: READ,
    granted: READ,
  });
});

Deno.test("ACCESS by owner, group, further groups and others", async () => {
  const fixture = await owned(0o421);
  const granted = async (path: string, caller: Caller) =>
    (await ask(fixture, path, caller)).granted;
  assertEquals(await granted("file", { uid: 5 }), READ);
  assertEquals(await granted("file", { uid: 9, gid: 6 }), MODIFY | EXTEND);
  assertEquals(
    await granted("file", { uid: 9, gids: [1, 2, 6] }),
    MODIFY | EXTEND,
  );
  assertEquals(await granted("file", { uid: 9 }), EXECUTE);
  assertEquals(await granted("file", { uid: -1 }), EXECUTE, "AUTH_NONE");
  assertEquals(await granted("folder", { uid: 9 }), LOOKUP);
  assertEquals(
    await granted("folder", { uid: 9, gid: 6 }),
    0,
    "writing a folder without passing it is of no use",
  );
});

Deno.test("root reads and writes everything, and runs what anybody may run", async () => {
  const closed = await owned(0);
  const granted = (await ask(closed, "file")).granted;
  assertEquals(granted, READ | MODIFY | EXTEND);
  assertEquals(
    (await ask(closed, "folder")).granted,
    READ | LOOKUP | MODIFY | EXTEND | DELETE,
  );
  const runnable = await owned(0o001);
  assertEquals((await ask(runnable, "file")).granted & EXECUTE, EXECUTE);
});

Deno.test("root is nobody where it is squashed", async () => {
  const fs = memory({ file: "" });
  const fixture = new Fixture({ path: "/", fs, squash: "root" });
  assertEquals((await ask(fixture, "file")).granted, READ);
  const all = new Fixture({
    path: "/",
    fs,
    squash: "all",
    anonymous: { uid: 0 },
  });
  const { granted } = await ask(all, "file", { uid: 9 });
  assertEquals(granted, READ | MODIFY | EXTEND);
});

Deno.test("a read-only export grants no changes", async () => {
  const fixture = memoryFixture({ file: "", folder: {} }, { readOnly: true });
  assertEquals((await ask(fixture, "file")).granted, READ);
  assertEquals((await ask(fixture, "folder")).granted, READ | LOOKUP);
});

Deno.test("bits that the minor version doesn't know are INVAL (RFC 8881 15.2, RFC 8276 8.3)", async () => {
  const fixture = memoryFixture({ file: "" });
  const status = async (minorVersion: MinorVersion, bits: number) =>
    await (await fixture.at("file", { minorVersion }))
      .status(access, (xdr) => xdr.uint32(bits));
  assertEquals(await status(1, Access.XAREAD), "NFS4ERR_INVAL");
  assertEquals(await status(2, 0x8000_0000), "NFS4ERR_INVAL");
  assertEquals(await status(2, Access.XALIST), "NFS4_OK");
});

Deno.test("ACCESS waits for a file system that waits", async () => {
  const fixture = new Fixture({ path: "/", fs: slow(memory({ file: "" })) });
  assertEquals((await ask(fixture, "file", { uid: 9 })).granted, READ);
});

const FSID = 8;
const FILEID = 20;
const MOUNTED_ON = 55;

function fixture(): Fixture {
  return new Fixture(
    { path: "/srv/one", fs: memory({ a: "" }), squash: "none" },
    { path: "/srv/two", fs: memory({ b: "" }), squash: "none" },
    { path: "/home", fs: memory({ c: "" }), squash: "none", readOnly: true },
  );
}

async function fsid(at: Fixture, path: string): Promise<string> {
  const values = await (await at.at(path)).attributes(FSID);
  return `${values.uint64()}.${values.uint64()}`;
}

Deno.test("several exports meet in a pseudo root that can be listed (RFC 8881 7.3)", async () => {
  const at = fixture();
  assertEquals((await list(await at.at("/"))).names, ["home", "srv"]);
  assertEquals((await list(await at.at("/srv"))).names, ["one", "two"]);
  assertEquals((await list(await at.at("/srv/one"))).names, ["a"]);
});

Deno.test("crossing into an export changes the fsid, and each has its own (RFC 8881 7.7)", async () => {
  const at = fixture();
  const all = await Promise.all(
    ["/", "/srv/one", "/srv/two", "/home"].map((path) => fsid(at, path)),
  );
  assertEquals(new Set(all).size, 4);
  assertEquals(await fsid(at, "/srv"), all[0]);
  assertEquals(await fsid(fixture(), "/srv/one"), all[1], "after a restart");
});

Deno.test("an export's root tells what it is mounted on, in GETATTR and READDIR (RFC 8881 5.8.2.23)", async () => {
  const at = fixture();
  const values = await (await at.at("/srv/one")).attributes(FILEID, MOUNTED_ON);
  const fileid = values.uint64();
  const mountedOn = values.uint64();
  assertNotEquals(mountedOn, fileid);
  const { attributes } = await list(await at.at("/srv"), {
    attributes: [FILEID, MOUNTED_ON],
  });
  assertEquals(attributes[0]!.uint64(), fileid);
  assertEquals(attributes[0]!.uint64(), mountedOn);
});

Deno.test("LOOKUPP from an export's root leads back into the pseudo root (RFC 8881 18.14.3)", async () => {
  const at = fixture();
  const compound = await at.at("/srv/two");
  await compound.ok(lookupp);
  assertEquals(compound.context.file, (await at.at("/srv")).context.file);
  await compound.ok(lookupp);
  assertEquals(await compound.status(lookupp), "NFS4ERR_NOENT");
});

Deno.test("the pseudo root and read-only exports are ROFS to changes", async () => {
  const at = fixture();
  for (const path of ["/", "/srv", "/home"]) {
    const compound = await at.at(path);
    const made = await compound.status(create, (xdr) => {
      xdr.uint32(2);
      xdr.string("new");
      fattr(xdr, [mode(0o755)]);
    });
    assertEquals(made, "NFS4ERR_ROFS", path);
    const removed = await compound.status(remove, (xdr) => xdr.string("c"));
    assertEquals(removed, "NFS4ERR_ROFS", path);
  }
});

Deno.test("RENAME and LINK across exports are XDEV (RFC 8881 18.26.4, 18.9.4)", async () => {
  const at = fixture();
  const two = (await at.at("/srv/two")).context.file;
  const folder = await at.at("/srv/one");
  await folder.ok(savefh);
  folder.context.setCurrent(two);
  const renamed = await folder.status(rename, (xdr) => {
    xdr.string("a");
    xdr.string("a");
  });
  assertEquals(renamed, "NFS4ERR_XDEV");
  const file = await at.at("/srv/one/a");
  await file.ok(savefh);
  file.context.setCurrent(two);
  const linked = await file.status(link, (xdr) => xdr.string("a"));
  assertEquals(linked, "NFS4ERR_XDEV");
});

Deno.test("exports that can't be served together are refused in words", () => {
  const at = (...paths: string[]) =>
    new Fixture(...paths.map((path) => ({ path, fs: memory() })));
  assertThrows(() => at("/a", "/a/"), Error, "/a is exported twice");
  assertThrows(() => at("/a/b", "/a"), Error, "lies inside export /a");
  assertThrows(() => at("/", "/a"), Error, "lies inside export /");
  assertThrows(() => at("a"), Error, 'does not start with "/"');
  assertThrows(() => at("/a/../b"), Error, "can't be used");
  assertThrows(() => at(), Error, "nothing is exported");
  at("/a", "/ab");
});
