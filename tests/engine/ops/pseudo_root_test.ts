import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { create } from "../../../src/engine/ops/create.ts";
import { link } from "../../../src/engine/ops/link.ts";
import { lookupp } from "../../../src/engine/ops/lookupp.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { rename } from "../../../src/engine/ops/rename.ts";
import { savefh } from "../../../src/engine/ops/savefh.ts";
import { fattr, Fixture, mode } from "./fixture.ts";
import { list } from "./listing.ts";

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
