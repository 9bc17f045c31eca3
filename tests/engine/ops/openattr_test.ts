import { assertEquals, assertNotEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { create } from "../../../src/engine/ops/create.ts";
import { getfh } from "../../../src/engine/ops/getfh.ts";
import { getxattr } from "../../../src/engine/ops/getxattr.ts";
import { listxattrs } from "../../../src/engine/ops/listxattrs.ts";
import { link } from "../../../src/engine/ops/link.ts";
import { lookup } from "../../../src/engine/ops/lookup.ts";
import { lookupp } from "../../../src/engine/ops/lookupp.ts";
import { openattr } from "../../../src/engine/ops/openattr.ts";
import { read } from "../../../src/engine/ops/read.ts";
import { removexattr } from "../../../src/engine/ops/removexattr.ts";
import { readdir } from "../../../src/engine/ops/readdir.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { rename } from "../../../src/engine/ops/rename.ts";
import { savefh } from "../../../src/engine/ops/savefh.ts";
import { setattr } from "../../../src/engine/ops/setattr.ts";
import { setxattr } from "../../../src/engine/ops/setxattr.ts";
import { write } from "../../../src/engine/ops/write.ts";
import { AceMask } from "../../../src/vfs/acl.ts";
import { type FileSystem, FsError } from "../../../src/vfs/mod.ts";
import { indexName } from "../../../src/vfs/named_attributes/attribute_parts.ts";
import type { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  bits,
  type Caller,
  type Compound,
  fattr,
  Fixture,
  mode,
  slow,
  type WriteArgs,
} from "./fixture.ts";

// The folder of named attributes, and what may be done in it (RFC 8881 5.3, 18.17).

const encoder = new TextEncoder();
const NAMED_ATTR = 7;

const making: WriteArgs = (xdr) => xdr.bool(true);
const looking: WriteArgs = (xdr) => xdr.bool(false);
const named = (name: string): WriteArgs => (xdr) => xdr.string(name);
const two = (one: string, other: string): WriteArgs => (xdr) => {
  xdr.string(one);
  xdr.string(other);
};
const writing = (data: Uint8Array, offset = 0): WriteArgs => (xdr) => {
  xdr.opaqueFixed(new Uint8Array(16));
  xdr.uint64Number(offset);
  xdr.uint32(2);
  xdr.opaque(data);
};
const reading: WriteArgs = (xdr) => {
  xdr.opaqueFixed(new Uint8Array(16));
  xdr.uint64Number(0);
  xdr.uint32(100_000);
};
const setting = (...values: [number, WriteArgs][]): WriteArgs => (xdr) => {
  xdr.opaqueFixed(new Uint8Array(16));
  fattr(xdr, values);
};
const size = (bytes: number): [number, WriteArgs] => [
  4,
  (xdr) => xdr.uint64Number(bytes),
];

/** A tree of user 5 and group 6, with something of each type. */
function fixture(make = (fs: FileSystem) => fs, options = {}): Fixture {
  const fs = memory({ file: "x", folder: {} }, { uid: 5, gid: 6 });
  const attributes = { mode: 0o777, uid: 5, gid: 6 };
  fs.create(fs.root(), "link", { type: "symlink", target: "file" }, {
    attributes,
  });
  return new Fixture({
    path: "/",
    fs: make(fs as FileSystem),
    squash: "none",
    ...options,
  });
}

/** At a path, by NFSv4.2 where nothing else is said. */
const at = (
  server: Fixture,
  path: string,
  caller: Caller = {},
): Promise<Compound> => server.at(path, { minorVersion: 2, ...caller });

/** Gives what is at a path an extended attribute. */
async function give(server: Fixture, path: string, name: string, value = "v") {
  await (await at(server, path)).ok(setxattr, (xdr) => {
    xdr.uint32(0);
    xdr.string(name);
    xdr.opaque(encoder.encode(value));
  });
}

/** In the folder of attributes of what is at a path. */
async function within(
  server: Fixture,
  path: string,
  caller: Caller = {},
): Promise<Compound> {
  const compound = await at(server, path, caller);
  await compound.ok(openattr, making);
  return compound;
}

/** At one of these attributes. */
async function attribute(
  server: Fixture,
  path: string,
  { name = "n", ...caller }: Caller & { readonly name?: string } = {},
): Promise<Compound> {
  const compound = await within(server, path, caller);
  await compound.ok(lookup, named(name));
  return compound;
}

const has = async (compound: Compound) =>
  (await compound.attributes(NAMED_ATTR)).bool();

for (const make of [(fs: FileSystem) => fs, slow]) {
  const how = make === slow ? "after a wait" : "at once";

  Deno.test(`an extended attribute is a named one, of files and folders ${how}`, async () => {
    for (const path of ["file", "folder"]) {
      const server = fixture(make);
      const bare = await at(server, path);
      assertEquals(await has(bare), false);
      assertEquals(await bare.status(openattr, looking), "NFS4ERR_NOENT");
      await give(server, path, "n", "value");
      assertEquals(await has(bare), true);
      const found = await attribute(server, path);
      const told = await found.ok(read, reading);
      assertEquals([told.bool(), told.string(100)], [true, "value"]);
      await found.ok(write, writing(encoder.encode("VAL")));
      const other = await at(server, path);
      const { result } = await other.run(getxattr, named("n"));
      assertEquals(result.string(100), "VALue");
    }
  });

  Deno.test(`what is written to parts of an attribute at once is all there ${how}`, async () => {
    const server = fixture(make);
    await give(server, "file", "n", "....");
    const compounds = await Promise.all(
      [0, 1, 2, 3].map(() => attribute(server, "file")),
    );
    await Promise.all(
      compounds.map((one, i) =>
        one.ok(write, writing(encoder.encode(String(i)), i))
      ),
    );
    const told = await compounds[0]!.ok(read, reading);
    assertEquals([told.bool(), told.string(100)], [true, "0123"]);
  });
}

Deno.test("OPENATTR of an attribute, of a folder of them, or of what can't have any is refused (RFC 8881 18.17.3)", async () => {
  const server = fixture();
  await give(server, "file", "n");
  for (
    const [minorVersion, refusal] of [[0, "NOTSUPP"], [
      1,
      "WRONG_TYPE",
    ]] as const
  ) {
    const caller = { minorVersion };
    const folder = await within(server, "file", caller);
    const one = await attribute(server, "file", caller);
    for (const compound of [folder, one]) {
      const status = await compound.status(openattr, making);
      assertEquals(status, `NFS4ERR_${refusal}`);
    }
    const symlink = await at(server, "link", caller);
    assertEquals(await symlink.status(openattr, making), "NFS4ERR_NOTSUPP");
    assertEquals(await has(symlink), false);
  }
});

Deno.test("a file system without extended attributes has no named ones", async () => {
  const fs: FileSystem = memory({ file: "" }) as FileSystem;
  const without = new Proxy(fs, {
    get(target, key) {
      if (key === "listxattrs") return undefined;
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const file = await new Fixture({ path: "/", fs: without }).at("file");
  assertEquals(await file.status(openattr, making), "NFS4ERR_NOTSUPP");
  assertEquals(await has(file), false);
});

Deno.test("a file whose place keeps no attributes has none, and OPENATTR says why", async () => {
  const inner: FileSystem = memory({ file: "" }) as FileSystem;
  const fs = new Proxy(inner, {
    get(target, key) {
      if (key === "listxattrs") {
        return () => {
          throw new FsError("not-supported");
        };
      }
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const file = await new Fixture({ path: "/", fs }).at("file");
  assertEquals(await has(file), false);
  assertEquals(await file.status(openattr, making), "NFS4ERR_NOTSUPP");
});

Deno.test("from a folder of attributes the way up is to what bears them, and they have none themselves (RFC 8881 18.14.3)", async () => {
  const server = fixture();
  await give(server, "file", "n");
  const one = await attribute(server, "file");
  assertEquals(await one.status(lookupp), "NFS4ERR_NOTDIR");
  assertEquals(await has(one), false);
  assertEquals(await one.status(getxattr, named("n")), "NFS4ERR_NOTSUPP");
  const folder = await within(server, "file");
  assertEquals(await has(folder), false);
  await folder.ok(lookupp);
  const handle = async (compound: Compound) =>
    (await compound.ok(getfh)).opaque(128);
  assertEquals(await handle(folder), await handle(await at(server, "file")));
});

Deno.test("nothing is made in a folder of attributes but attributes (RFC 8881 5.3)", async () => {
  const folderNamed = (name: string): WriteArgs => (xdr) => {
    xdr.uint32(2);
    xdr.string(name);
    fattr(xdr, [mode(0o755)]);
  };
  const statuses = { 0: "INVAL", 1: "WRONG_TYPE" } as const;
  for (const minorVersion of [0, 1] as const) {
    const folder = await within(fixture(), "file", { minorVersion });
    const status = await folder.status(create, folderNamed("d"));
    assertEquals(status, `NFS4ERR_${statuses[minorVersion]}`);
  }
});

Deno.test("no attribute leaves its folder, or gets there from elsewhere, and none has two names (RFC 8881 5.3)", async () => {
  const server = fixture();
  await give(server, "file", "n");
  const away = async (to: Compound) => {
    to.context.saved = (await within(server, "file")).context.file;
    return await to.status(rename, two("n", "m"));
  };
  assertEquals(await away(await at(server, "folder")), "NFS4ERR_XDEV");
  assertEquals(await away(await within(server, "folder")), "NFS4ERR_XDEV");
  const linking = async (from: Compound, to: Compound) => {
    to.context.saved = from.context.file;
    return await to.status(link, named("m"));
  };
  const one = await attribute(server, "file");
  const own = await within(server, "file");
  assertEquals(await linking(one, own), "NFS4ERR_NOTSUPP");
  assertEquals(
    await linking(one, await within(server, "folder")),
    "NFS4ERR_XDEV",
  );
  assertEquals(await linking(one, await at(server, "folder")), "NFS4ERR_XDEV");
  assertEquals(await linking(await at(server, "file"), own), "NFS4ERR_XDEV");
});

Deno.test("an attribute that is not there is NOENT to REMOVE and RENAME, and STALE by its filehandle", async () => {
  const server = fixture();
  await give(server, "file", "n");
  const gone = await attribute(server, "file");
  const folder = await within(server, "file");
  await folder.ok(savefh);
  await folder.ok(remove, named("n"));
  assertEquals(await folder.status(remove, named("n")), "NFS4ERR_NOENT");
  assertEquals(await folder.status(rename, two("n", "m")), "NFS4ERR_NOENT");
  for (
    const status of [
      await gone.status(read, reading),
      await gone.status(write, writing(new Uint8Array(1))),
      await gone.status(setattr, setting(size(0))),
    ]
  ) assertEquals(status, "NFS4ERR_STALE");
});

Deno.test("names that no entry may have are listed as extended attributes alone", async () => {
  const server = fixture();
  for (const name of [".", "a/b"]) await give(server, "file", name);
  const file = await at(server, "file");
  assertEquals(await has(file), false);
  assertEquals(await file.status(openattr, looking), "NFS4ERR_NOENT");
  await give(server, "file", "n");
  const folder = await within(server, "file");
  const xdr = await folder.ok(readdir, (xdr) => {
    xdr.uint64Number(0);
    xdr.opaqueFixed(new Uint8Array(8));
    xdr.uint32(0);
    xdr.uint32(4096);
    bits()(xdr);
  });
  xdr.opaqueFixed(8);
  assertEquals(xdr.bool(), true);
  xdr.uint64();
  assertEquals(xdr.string(255), "n");
  assertEquals([xdr.uint32(), xdr.uint32()], [0, 0]);
  assertEquals([xdr.bool(), xdr.bool()], [false, true]);
});

Deno.test("who may read a file reads its named attributes, who may write it changes them", async () => {
  const chmod = async (server: Fixture, path: string, bits: number) =>
    await (await at(server, path)).ok(setattr, setting(mode(bits)));
  const rights: [number, Caller, string][] = [
    [0o640, { uid: 5 }, "rw"],
    [0o640, { uid: 9, gid: 6 }, "r"],
    [0o640, { uid: 9 }, ""],
    [0o604, { uid: 9 }, "r"],
    [0o606, { uid: 9 }, "rw"],
    [0o601, { uid: 9 }, ""],
    [0o000, { uid: 0 }, "rw"],
  ];
  for (const path of ["file", "folder"]) {
    const server = fixture();
    await give(server, path, "n");
    for (const [bits, caller, may] of rights) {
      await chmod(server, path, bits);
      const compound = await at(server, path, caller);
      const opened = await compound.status(openattr, looking);
      assertEquals(opened, may === "" ? "NFS4ERR_ACCESS" : "NFS4_OK");
      if (may === "") continue;
      const one = await attribute(server, path, caller);
      assertEquals(await one.status(read, reading), "NFS4_OK");
      const expected = may === "rw" ? "NFS4_OK" : "NFS4ERR_ACCESS";
      const put = writing(new Uint8Array(1));
      assertEquals(await one.status(write, put), expected);
      assertEquals(await compound.status(remove, named("n")), expected);
      await give(server, path, "n");
    }
    // Nothing is there, and it may not be made.
    await (await within(server, path)).ok(remove, named("n"));
    await chmod(server, path, 0o644);
    const other = await at(server, path, { uid: 9 });
    assertEquals(await other.status(openattr, looking), "NFS4ERR_NOENT");
    assertEquals(await other.status(openattr, making), "NFS4ERR_ACCESS");
  }
});

Deno.test("who may write a file by its access list changes and removes its named attributes", async () => {
  const fs = memory({ file: "" }, { uid: 5, gid: 6 });
  const file = fs.lookup(fs.root(), "file")!;
  for (const name of ["n", "m"]) {
    fs.setxattr(file, name, encoder.encode("v"), "create");
  }
  const { READ_DATA, WRITE_DATA, APPEND_DATA } = AceMask;
  const mask = READ_DATA | WRITE_DATA | APPEND_DATA;
  const ace = { type: "allow", flags: 0, mask, who: "user", id: 9 } as const;
  fs.setattr(file, { acl: [ace], mode: 0 });
  const server = new Fixture({
    path: "/",
    fs: fs as FileSystem,
    squash: "none",
  });
  const one = await attribute(server, "file", { uid: 9 });
  await one.ok(setattr, setting(size(0)));
  const folder = await within(server, "file", { uid: 9 });
  await folder.ok(remove, named("m"));
  const other = await at(server, "file", { uid: 5 });
  assertEquals(await other.status(openattr, looking), "NFS4ERR_ACCESS");
});

Deno.test("named attributes of a sticky folder are its owner's to change (xattr(7))", async () => {
  const server = fixture();
  await give(server, "folder", "n");
  await (await at(server, "folder")).ok(setattr, setting(mode(0o1777)));
  const put = writing(new Uint8Array(1));
  for (
    const [uid, status] of [[9, "NFS4ERR_ACCESS"], [5, "NFS4_OK"]] as const
  ) {
    const one = await attribute(server, "folder", { uid });
    assertEquals(await one.status(write, put), status);
  }
});

Deno.test("rights to an attribute are those of its file, and can't be set to others", async () => {
  const server = fixture();
  await give(server, "file", "n");
  const one = await attribute(server, "file", { uid: 5 });
  assertEquals((await one.attributes(33)).uint32(), 0o644);
  assertEquals(await one.status(setattr, setting(mode(0o600))), "NFS4ERR_PERM");
  await one.ok(setattr, setting(mode(0o644)));
  // SET_TO_SERVER_TIME4
  await one.ok(setattr, setting([54, (xdr) => xdr.uint32(0)]));
  const folder = await within(server, "file", { uid: 5 });
  assertEquals(
    await folder.status(setattr, setting(mode(0o755))),
    "NFS4ERR_PERM",
  );
});

Deno.test("an attribute is 4 MiB at most, FBIG beyond, and NOSPC where a file has as many as it may", async () => {
  const server = fixture();
  const most = 2 ** 22;
  const sized = async (name: string) => {
    await give(server, "file", name);
    const one = await attribute(server, "file", { name });
    return await one.status(setattr, setting(size(most)));
  };
  assertEquals(await sized("n"), "NFS4_OK");
  const one = await attribute(server, "file");
  const more = writing(new Uint8Array(1), most);
  assertEquals(await one.status(write, more), "NFS4ERR_FBIG");
  const larger = setting(size(most + 1));
  assertEquals(await one.status(setattr, larger), "NFS4ERR_FBIG");
  assertEquals((await one.attributes(27)).uint64Number(), most);
  assertEquals((await one.attributes(4)).uint64Number(), most);
  assertEquals(await sized("m"), "NFS4ERR_NOSPC");
});

Deno.test("no client sees, sets or removes what the server keeps parts of large attributes in", async () => {
  const server = fixture();
  await give(server, "file", "n");
  const one = await attribute(server, "file");
  await one.ok(setattr, setting(size(70_000)));
  const file = await at(server, "file");
  const xdr = await file.ok(listxattrs, (xdr) => {
    xdr.uint64Number(0);
    xdr.uint32(4096);
  });
  xdr.uint64();
  assertEquals(xdr.array(10, (xdr) => xdr.string(255)), ["n"]);
  const part = indexName("n");
  assertEquals(await file.status(getxattr, named(part)), "NFS4ERR_NOXATTR");
  assertEquals(await file.status(removexattr, named(part)), "NFS4ERR_NOXATTR");
  const set = (xdr: XdrWriter) => {
    xdr.uint32(0);
    xdr.string(part);
    xdr.opaque(new Uint8Array(1));
  };
  assertEquals(await file.status(setxattr, set), "NFS4ERR_PERM");
  assertEquals(await file.status(getxattr, named("n")), "NFS4ERR_REP_TOO_BIG");
  const folder = await within(server, "file");
  assertEquals(await folder.status(lookup, named(part)), "NFS4ERR_NOENT");
});

Deno.test("in an export that is read only attributes are read, and none is made or changed", async () => {
  const fs = memory({ file: "", bare: "" });
  fs.setxattr(
    fs.lookup(fs.root(), "file")!,
    "n",
    encoder.encode("v"),
    "create",
  );
  const server = new Fixture({
    path: "/",
    fs: fs as FileSystem,
    readOnly: true,
  });
  const one = await attribute(server, "file");
  await one.ok(read, reading);
  const put = writing(new Uint8Array(1));
  assertEquals(await one.status(write, put), "NFS4ERR_ROFS");
  const folder = await within(server, "file");
  assertEquals(await folder.status(remove, named("n")), "NFS4ERR_ROFS");
  for (const minorVersion of [0, 1] as const) {
    const bare = await at(server, "bare", { minorVersion });
    assertEquals(await bare.status(openattr, making), "NFS4ERR_ROFS");
    assertEquals(await bare.status(openattr, looking), "NFS4ERR_NOENT");
  }
});

Deno.test("a change of an attribute changes the change attribute of its file, and each has a number of its own", async () => {
  const server = fixture();
  for (const name of ["n", "m"]) await give(server, "file", name);
  const changeOf = async (compound: Compound) =>
    (await compound.attributes(3)).uint64Number();
  const file = await at(server, "file");
  const before = await changeOf(file);
  const one = await attribute(server, "file");
  await one.ok(write, writing(encoder.encode("other")));
  assertNotEquals(await changeOf(file), before);
  assertEquals(await changeOf(one), await changeOf(file));
  const numbers = new Set<number>();
  for (
    const compound of [
      file,
      one,
      await attribute(server, "file", { name: "m" }),
      await within(server, "file"),
      await within(server, "folder"),
    ]
  ) numbers.add((await compound.attributes(20)).uint64Number());
  assertEquals(numbers.size, 5);
});
