import { assertEquals, assertNotEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { getfh } from "../../../src/engine/ops/getfh.ts";
import { lookup } from "../../../src/engine/ops/lookup.ts";
import { lookupp } from "../../../src/engine/ops/lookupp.ts";
import { putfh } from "../../../src/engine/ops/putfh.ts";
import { putpubfh } from "../../../src/engine/ops/putpubfh.ts";
import { putrootfh } from "../../../src/engine/ops/putrootfh.ts";
import { readlink } from "../../../src/engine/ops/readlink.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { restorefh } from "../../../src/engine/ops/restorefh.ts";
import { savefh } from "../../../src/engine/ops/savefh.ts";
import { secinfo } from "../../../src/engine/ops/secinfo.ts";
import { secinfoNoName } from "../../../src/engine/ops/secinfo_no_name.ts";
import { create } from "../../../src/engine/ops/create.ts";
import type { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  type Compound,
  fattr,
  Fixture,
  memoryFixture,
  slow,
} from "./fixture.ts";

const tree = { file: "hi", folder: { below: "" } };

const name = (text: string) => (xdr: { string(text: string): void }) =>
  xdr.string(text);

async function handleOf(compound: Compound): Promise<Uint8Array> {
  return (await compound.ok(getfh)).opaque(128);
}

async function symlinkIn(fixture: Fixture): Promise<void> {
  const root = await fixture.at("/");
  await root.ok(create, (xdr) => {
    xdr.uint32(5);
    xdr.string("file");
    xdr.string("symlink");
    fattr(xdr, []);
  });
}

Deno.test("GETFH gives a handle of 32 bytes that PUTFH takes (RFC 8881 18.8, 18.19)", async () => {
  const fixture = memoryFixture(tree);
  const file = await fixture.at("file");
  const handle = await handleOf(file);
  assertEquals(handle.length, 32);
  const other = fixture.compound();
  await other.ok(putfh, (xdr) => xdr.opaque(handle));
  assertEquals(other.context.file, file.context.file);
});

Deno.test("PUTFH of what is no handle of ours is BADHANDLE, of more than 128 bytes BADXDR (RFC 8881 15.1.2.1)", async () => {
  const fixture = memoryFixture(tree);
  const handle = await handleOf(await fixture.at("file"));
  const forged = handle.slice();
  forged[10]! ^= 1;
  for (const bytes of [forged, handle.slice(1), new Uint8Array()]) {
    const status = await fixture.compound().status(
      putfh,
      (xdr) => xdr.opaque(bytes),
    );
    assertEquals(status, "NFS4ERR_BADHANDLE");
  }
  const long = await fixture.compound().status(
    putfh,
    (xdr) => xdr.opaque(new Uint8Array(129)),
  );
  assertEquals(long, "NFS4ERR_BADXDR");
});

Deno.test("PUTFH of a removed file is STALE, also when its handle was known (RFC 8881 15.1.2.7)", async () => {
  const fixture = memoryFixture(tree);
  const handle = await handleOf(await fixture.at("file"));
  await fixture.compound().ok(putfh, (xdr) => xdr.opaque(handle));
  await (await fixture.at("/")).ok(remove, name("file"));
  const status = await fixture.compound().status(
    putfh,
    (xdr) => xdr.opaque(handle),
  );
  assertEquals(status, "NFS4ERR_STALE");
});

Deno.test("PUTFH of a file that was removed while it is open goes on until it is closed", async () => {
  const fs = memory(tree);
  const fixture = new Fixture({ path: "/", fs, squash: "none" });
  const handle = await handleOf(await fixture.at("file"));
  const node = fs.lookup(fs.root(), "file")!;
  fs.open(node, { read: true, write: false });
  await (await fixture.at("/")).ok(remove, name("file"));
  const put = (xdr: XdrWriter) => xdr.opaque(handle);
  assertEquals(await fixture.compound().status(putfh, put), "NFS4_OK");
  fs.close(node, { read: true, write: false });
  assertEquals(await fixture.compound().status(putfh, put), "NFS4ERR_STALE");
});

Deno.test("PUTPUBFH is PUTROOTFH (RFC 8881 18.20.3)", async () => {
  const fixture = memoryFixture(tree);
  const one = fixture.compound();
  await one.ok(putpubfh);
  const other = fixture.compound();
  await other.ok(putrootfh);
  assertEquals(one.context.file, other.context.file);
});

Deno.test("SAVEFH and RESTOREFH carry the filehandle and its stateid (RFC 8881 16.2.3.1.2)", async () => {
  const fixture = memoryFixture(tree);
  const compound = await fixture.at("file");
  const { context } = compound;
  const file = context.file;
  const stateid = { seqid: 1, other: new Uint8Array(12).fill(3) };
  context.currentStateid = stateid;
  await compound.ok(savefh);
  await compound.ok(putrootfh);
  assertEquals(context.currentStateid, undefined);
  await compound.ok(restorefh);
  assertEquals(context.file, file);
  assertEquals(context.currentStateid, stateid);
});

Deno.test("RESTOREFH without SAVEFH is RESTOREFH in NFSv4.0 and NOFILEHANDLE later (RFC 7530 16.29.4, RFC 8881 15.2)", async () => {
  const fixture = memoryFixture();
  const statuses = await Promise.all(
    ([0, 1, 2] as const).map((minorVersion) =>
      fixture.compound({ minorVersion }).status(restorefh)
    ),
  );
  assertEquals(statuses, [
    "NFS4ERR_RESTOREFH",
    "NFS4ERR_NOFILEHANDLE",
    "NFS4ERR_NOFILEHANDLE",
  ]);
});

Deno.test("LOOKUP of a name that isn't there is NOENT and leaves the filehandle (RFC 8881 18.13.3)", async () => {
  const fixture = memoryFixture(tree);
  const root = await fixture.at("/");
  const before = root.context.file;
  assertEquals(await root.status(lookup, name("none")), "NFS4ERR_NOENT");
  assertEquals(root.context.file, before);
});

Deno.test("LOOKUP and LOOKUPP in a file are NOTDIR, in a symlink SYMLINK (RFC 8881 18.13.4, 15.2, RFC 7530 16.13.5, 16.14.5)", async () => {
  const fixture = memoryFixture(tree);
  await symlinkIn(fixture);
  for (const minorVersion of [0, 1, 2] as const) {
    const file = await fixture.at("file", { minorVersion });
    assertEquals(await file.status(lookup, name("x")), "NFS4ERR_NOTDIR");
    const symlink = await fixture.at("symlink", { minorVersion });
    assertEquals(await symlink.status(lookup, name("x")), "NFS4ERR_SYMLINK");
    const above = minorVersion === 0 ? "NFS4ERR_NOTDIR" : "NFS4ERR_SYMLINK";
    assertEquals(await symlink.status(lookupp), above);
  }
});

Deno.test("LOOKUP refuses bad names with the status of what is bad (RFC 8881 14.5, 15.1.7)", async () => {
  const fixture = memoryFixture(tree);
  const root = await fixture.at("/");
  const cases: [Uint8Array | string, string][] = [
    ["", "NFS4ERR_INVAL"],
    [".", "NFS4ERR_BADNAME"],
    ["..", "NFS4ERR_BADNAME"],
    ["a/b", "NFS4ERR_BADCHAR"],
    ["a\0b", "NFS4ERR_BADCHAR"],
    ["ä/b", "NFS4ERR_BADCHAR"],
    [Uint8Array.of(0xc0, 0xaf), "NFS4ERR_INVAL"],
    [Uint8Array.of(0x61, 0xff), "NFS4ERR_INVAL"],
    ["x".repeat(256), "NFS4ERR_NAMETOOLONG"],
    ["x".repeat(255), "NFS4ERR_NOENT"],
    ["...", "NFS4ERR_NOENT"],
  ];
  for (const [text, expected] of cases) {
    const status = await root.status(
      lookup,
      (xdr) => typeof text === "string" ? xdr.string(text) : xdr.opaque(text),
    );
    assertEquals(status, expected, JSON.stringify(text));
  }
});

Deno.test("LOOKUP needs to pass the folder: ACCESS (RFC 8881 18.13.3)", async () => {
  const fixture = new Fixture({ path: "/", fs: memory(tree, { mode: 0o744 }) });
  const other = await fixture.at("/", { uid: 9 });
  assertEquals(await other.status(lookup, name("file")), "NFS4ERR_ACCESS");
  assertEquals(await other.status(secinfo, name("file")), "NFS4ERR_ACCESS");
});

Deno.test("LOOKUPP goes up, and is NOENT at the root (RFC 8881 18.14.3)", async () => {
  const fixture = memoryFixture(tree);
  const folder = await fixture.at("folder");
  await folder.ok(lookupp);
  assertEquals(folder.context.file, (await fixture.at("/")).context.file);
  assertEquals(await folder.status(lookupp), "NFS4ERR_NOENT");
  assertEquals(
    await (await fixture.at("file")).status(lookupp),
    "NFS4ERR_NOTDIR",
  );
});

Deno.test("READLINK gives the target; of other types it is INVAL in NFSv4.0, WRONG_TYPE later (RFC 8881 18.24.4)", async () => {
  const fixture = memoryFixture(tree);
  await symlinkIn(fixture);
  const symlink = await fixture.at("symlink");
  assertEquals((await symlink.ok(readlink)).string(100), "file");
  const old = await fixture.at("file", { minorVersion: 0 });
  assertEquals(await old.status(readlink), "NFS4ERR_INVAL");
  const folder = await fixture.at("folder");
  assertEquals(await folder.status(readlink), "NFS4ERR_WRONG_TYPE");
});

Deno.test("SECINFO lists AUTH_SYS and AUTH_NONE and, but for NFSv4.0, consumes the filehandle (RFC 8881 18.29.3, RFC 7530 16.31.4)", async () => {
  const fixture = memoryFixture(tree);
  for (const minorVersion of [0, 1, 2] as const) {
    const root = await fixture.at("/", { minorVersion });
    assertEquals(await root.status(secinfo, name("none")), "NFS4ERR_NOENT");
    const result = await root.ok(secinfo, name("file"));
    assertEquals(result.array(8, (xdr) => xdr.uint32()), [1, 0]);
    assertEquals(root.context.current === undefined, minorVersion > 0);
  }
  const file = await fixture.at("file");
  assertEquals(await file.status(secinfo, name("x")), "NFS4ERR_NOTDIR");
});

Deno.test("SECINFO_NO_NAME asks for the file or its parent, and the root has none (RFC 8881 18.45.3)", async () => {
  const fixture = memoryFixture(tree);
  const here = await fixture.at("file");
  await here.ok(secinfoNoName, (xdr) => xdr.uint32(0));
  assertEquals(here.context.current, undefined);
  const root = await fixture.at("/");
  const parent = (xdr: { uint32(value: number): void }) => xdr.uint32(1);
  assertEquals(await root.status(secinfoNoName, parent), "NFS4ERR_NOENT");
  assertNotEquals(root.context.current, undefined);
  await (await fixture.at("folder")).ok(secinfoNoName, parent);
  const odd = await root.status(secinfoNoName, (xdr) => xdr.uint32(2));
  assertEquals(odd, "NFS4ERR_BADXDR");
});

Deno.test("a file system that waits is walked all the same", async () => {
  const fixture = new Fixture({ path: "/", fs: slow(memory(tree)) });
  const below = await fixture.at("folder/below");
  const handle = await handleOf(below);
  const other = fixture.compound();
  await other.ok(putfh, (xdr) => xdr.opaque(handle));
  assertEquals(other.context.file, below.context.file);
  const folder = await fixture.at("folder");
  await folder.ok(lookupp);
  assertEquals(await folder.status(lookup, name("none")), "NFS4ERR_NOENT");
});
