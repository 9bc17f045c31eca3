import { assertEquals, assertGreater } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { access } from "../../../src/engine/ops/access.ts";
import { getxattr } from "../../../src/engine/ops/getxattr.ts";
import { listxattrs } from "../../../src/engine/ops/listxattrs.ts";
import { removexattr } from "../../../src/engine/ops/removexattr.ts";
import { setattr } from "../../../src/engine/ops/setattr.ts";
import { setxattr } from "../../../src/engine/ops/setxattr.ts";
import { Access } from "../../../src/nfs4/constants.ts";
import { type FileSystem, FsError } from "../../../src/vfs/mod.ts";
import type { XdrReader } from "../../../src/xdr/reader.ts";
import {
  type Caller,
  type Compound,
  fattr,
  Fixture,
  mode,
  slow,
  type WriteArgs,
} from "./fixture.ts";

const [EITHER, CREATE, REPLACE] = [0, 1, 2];
const CHANGE = 3;
const XATTR_SUPPORT = 82;
const encoder = new TextEncoder();

const bytesOf = (text: string | Uint8Array): Uint8Array =>
  typeof text === "string" ? encoder.encode(text) : text;
const named = (name: string | Uint8Array): WriteArgs => (xdr) =>
  xdr.opaque(bytesOf(name));
const setting = (
  name: string | Uint8Array,
  value: string | Uint8Array,
  option = EITHER,
): WriteArgs =>
(xdr) => {
  xdr.uint32(option);
  xdr.opaque(bytesOf(name));
  xdr.opaque(bytesOf(value));
};
const listing = (cookie = 0, maxCount = 65_536): WriteArgs => (xdr) => {
  xdr.uint64Number(cookie);
  xdr.uint32(maxCount);
};

/** A tree of user 5 and group 6. */
function fixture(make = (fs: FileSystem) => fs, options = {}): Fixture {
  const fs = memory({ file: "x", folder: {} }, { uid: 5, gid: 6 });
  const attributes = { mode: 0o777, uid: 5, gid: 6 };
  fs.create(fs.root(), "link", { type: "symlink", target: "file" }, {
    attributes,
  });
  fs.create(fs.root(), "fifo", { type: "fifo" }, { attributes });
  return new Fixture({
    path: "/",
    fs: make(fs as FileSystem),
    squash: "none",
    ...options,
  });
}

const at = (
  fixture: Fixture,
  path: string,
  caller: Caller = {},
): Promise<Compound> => fixture.at(path, { minorVersion: 2, ...caller });

async function chmod(fixture: Fixture, path: string, bits: number) {
  await (await at(fixture, path)).ok(setattr, (xdr) => {
    xdr.opaqueFixed(new Uint8Array(16));
    fattr(xdr, [mode(bits)]);
  });
}

/** A change_info4. */
const changeInfo = (xdr: XdrReader) => ({
  atomic: xdr.bool(),
  before: xdr.uint64Number(),
  after: xdr.uint64Number(),
});

/** A LISTXATTRS4resok. */
function list(xdr: XdrReader) {
  const cookie = xdr.uint64Number();
  const names = xdr.array(5000, (xdr) => xdr.string(255));
  return { cookie, names, eof: xdr.bool() };
}

for (const make of [(fs: FileSystem) => fs, slow]) {
  const how = make === slow ? "after a wait" : "at once";

  Deno.test(`extended attributes are set, listed, read and removed ${how} (RFC 8276 8.4)`, async () => {
    for (const path of ["file", "folder"]) {
      const compound = await at(fixture(make), path);
      const before = (await compound.attributes(CHANGE)).uint64Number();
      const set = changeInfo(await compound.ok(setxattr, setting("n", "one")));
      const after = (await compound.attributes(CHANGE)).uint64Number();
      assertEquals(set, { atomic: true, before, after });
      assertGreater(after, before);
      const value = (await compound.ok(getxattr, named("n"))).opaque(100);
      assertEquals(value, encoder.encode("one"));
      const { names, eof } = list(await compound.ok(listxattrs, listing()));
      assertEquals([names, eof], [["n"], true]);
      const removed = await compound.ok(removexattr, named("n"));
      assertEquals(changeInfo(removed).before, after);
      assertEquals(
        await compound.status(getxattr, named("n")),
        "NFS4ERR_NOXATTR",
      );
      assertEquals(
        await compound.status(removexattr, named("n")),
        "NFS4ERR_NOXATTR",
      );
      const rest = list(await compound.ok(listxattrs, listing()));
      assertEquals([rest.names, rest.eof], [[], true]);
    }
  });
}

Deno.test("SETXATTR makes or replaces as its option says (RFC 8276 8.4.2.3)", async () => {
  const file = await at(fixture(), "file");
  const status = (option: number) =>
    file.status(setxattr, setting("n", "v", option));
  assertEquals(await status(REPLACE), "NFS4ERR_NOXATTR");
  assertEquals(await status(CREATE), "NFS4_OK");
  assertEquals(await status(CREATE), "NFS4ERR_EXIST");
  assertEquals(await status(REPLACE), "NFS4_OK");
  assertEquals(await status(EITHER), "NFS4_OK");
  assertEquals(await status(3), "NFS4ERR_BADXDR");
});

Deno.test("a value that is set again leaves the change attribute (RFC 8276 8.4.2.3)", async () => {
  const file = await at(fixture(), "file");
  const first = changeInfo(await file.ok(setxattr, setting("n", "v")));
  const second = changeInfo(await file.ok(setxattr, setting("n", "v")));
  assertEquals(second, {
    atomic: true,
    before: first.after,
    after: first.after,
  });
});

Deno.test("names of extended attributes are UTF-8 of 1 to 255 bytes, with dots and slashes, without NUL", async () => {
  const file = await at(fixture(), "file");
  for (const name of [".", "..", "a/b", "é".repeat(127), "n".repeat(255)]) {
    await file.ok(setxattr, setting(name, "v"));
    await file.ok(getxattr, named(name));
  }
  const wrong: [string | Uint8Array, string, string?][] = [
    ["", "INVAL"],
    ["n".repeat(256), "NAMETOOLONG"],
    ["é".repeat(128), "NAMETOOLONG"],
    [Uint8Array.of(0x61, 0xff), "INVAL"],
    // RFC 8276 8.4.5: BADCHAR is in the lists of those that change something.
    ["a\0b", "BADCHAR", "INVAL"],
  ];
  for (const [name, status, ofGet = status] of wrong) {
    const seen = [
      await file.status(setxattr, setting(name, "v")),
      await file.status(removexattr, named(name)),
      await file.status(getxattr, named(name)),
    ];
    const expected = [status, status, ofGet].map((each) => `NFS4ERR_${each}`);
    assertEquals(seen, expected, JSON.stringify(name));
  }
});

Deno.test("a value of 64 KiB is taken, a larger one XATTR2BIG (RFC 8276 8.3.2)", async () => {
  const file = await at(fixture(), "file");
  const value = new Uint8Array(65_536).fill(7);
  await file.ok(setxattr, setting("n", value));
  assertEquals((await file.ok(getxattr, named("n"))).opaque(1e6), value);
  const larger = setting("n", new Uint8Array(65_537));
  assertEquals(await file.status(setxattr, larger), "NFS4ERR_XATTR2BIG");
});

Deno.test("only files and folders have extended attributes; others have an empty list", async () => {
  for (const path of ["link", "fifo"]) {
    const compound = await at(fixture(), path);
    const seen = [
      await compound.status(setxattr, setting("n", "v")),
      await compound.status(removexattr, named("n")),
      await compound.status(getxattr, named("n")),
    ];
    assertEquals(new Set(seen), new Set(["NFS4ERR_WRONG_TYPE"]));
    const { names, eof } = list(await compound.ok(listxattrs, listing()));
    assertEquals([names, eof], [[], true]);
  }
});

Deno.test("who may read a file reads its extended attributes, who may write it changes them, and ACCESS says so", async () => {
  const { XAREAD, XAWRITE, XALIST } = Access;
  const all = XAREAD | XAWRITE | XALIST;
  const rights: [number, Caller, number][] = [
    [0o640, { uid: 5 }, all],
    [0o640, { uid: 9, gid: 6 }, XAREAD | XALIST],
    [0o640, { uid: 9 }, 0],
    [0o602, { uid: 9 }, XAWRITE],
    [0o601, { uid: 9 }, 0],
    [0o000, { uid: 0 }, all],
  ];
  for (const path of ["file", "folder"]) {
    const server = fixture();
    await (await at(server, path)).ok(setxattr, setting("n", "v"));
    for (const [bits, caller, granted] of rights) {
      await chmod(server, path, bits);
      const compound = await at(server, path, caller);
      const told = await compound.ok(access, (xdr) => xdr.uint32(all));
      assertEquals([told.uint32(), told.uint32()], [all, granted]);
      const refusal = (bit: number) =>
        granted & bit ? "NFS4_OK" : "NFS4ERR_ACCESS";
      assertEquals(
        [
          await compound.status(getxattr, named("n")),
          await compound.status(listxattrs, listing()),
          await compound.status(setxattr, setting("n", "w")),
        ],
        [refusal(XAREAD), refusal(XALIST), refusal(XAWRITE)],
      );
      if (granted & XAWRITE) continue;
      assertEquals(
        await compound.status(removexattr, named("n")),
        "NFS4ERR_ACCESS",
      );
    }
  }
});

Deno.test("extended attributes of a sticky folder are its owner's to change (xattr(7))", async () => {
  const server = fixture();
  await chmod(server, "folder", 0o1777);
  const status = async (uid: number) =>
    (await at(server, "folder", { uid })).status(setxattr, setting("n", "v"));
  assertEquals(await status(9), "NFS4ERR_PERM");
  assertEquals(await status(5), "NFS4_OK");
  const other = await at(server, "folder", { uid: 9 });
  const told = await other.ok(access, (xdr) => xdr.uint32(Access.XAWRITE));
  assertEquals([told.uint32(), told.uint32()], [Access.XAWRITE, 0]);
});

Deno.test("LISTXATTRS goes on by its cookies, as much as there is room for (RFC 8276 8.4.3.3)", async () => {
  const file = await at(fixture(), "file");
  const names = Array.from({ length: 100 }, (_, i) => `name ${i}`);
  for (const name of names) await file.ok(setxattr, setting(name, "v"));
  for (const maxCount of [32, 40, 500, 65_536]) {
    const listed: string[] = [];
    for (let cookie = 0, eof = false; !eof;) {
      const xdr = await file.ok(listxattrs, listing(cookie, maxCount));
      assertEquals(xdr.remaining <= maxCount, true);
      const part = list(xdr);
      listed.push(...part.names);
      ({ cookie, eof } = part);
    }
    assertEquals(listed.sort(), names.toSorted(), `${maxCount}`);
  }
  for (const maxCount of [0, 15, 16, 27]) {
    assertEquals(
      await file.status(listxattrs, listing(0, maxCount)),
      "NFS4ERR_TOOSMALL",
    );
  }
  const beyond = list(await file.ok(listxattrs, listing(2 ** 60)));
  assertEquals([beyond.names, beyond.eof], [[], true]);
});

Deno.test("an empty list of extended attributes takes 16 bytes", async () => {
  const file = await at(fixture(), "file");
  await file.ok(listxattrs, listing(0, 16));
  assertEquals(
    await file.status(listxattrs, listing(0, 15)),
    "NFS4ERR_TOOSMALL",
  );
});

Deno.test("a listing of extended attributes misses none that stays, whatever else comes and goes", async () => {
  const file = await at(fixture(), "file");
  const stay = Array.from({ length: 50 }, (_, i) => `stay ${i}`);
  for (const name of stay) {
    await file.ok(setxattr, setting(name, "v"));
    await file.ok(setxattr, setting(`go ${name}`, "v"));
  }
  const listed: string[] = [];
  for (let cookie = 0, eof = false, part = 0; !eof; part++) {
    const page = list(await file.ok(listxattrs, listing(cookie, 100)));
    listed.push(...page.names);
    ({ cookie, eof } = page);
    for (const name of page.names) {
      if (name.startsWith("go")) await file.ok(removexattr, named(name));
    }
    await file.ok(setxattr, setting(`new ${part}`, "v"));
  }
  const kept = listed.filter((name) => name.startsWith("stay"));
  assertEquals(kept.sort(), stay.sort());
});

Deno.test("xattr_support is true where a file system has them, and without them all four are NOTSUPP (RFC 8276 8.4)", async () => {
  const support = async (fixture: Fixture) =>
    (await (await at(fixture, "file")).attributes(XATTR_SUPPORT)).bool();
  assertEquals(await support(fixture()), true);
  for (const missing of ["getxattr", "listxattrs"]) {
    const bare = fixture((fs) =>
      Object.defineProperty(fs, missing, { value: undefined })
    );
    // One half of them is nothing that a client could use.
    assertEquals(await support(bare), false);
    const file = await at(bare, "file");
    assertEquals(
      [
        await file.status(getxattr, named("n")),
        await file.status(listxattrs, listing()),
      ],
      ["NFS4ERR_NOTSUPP", "NFS4ERR_NOTSUPP"],
    );
    const all = Access.XAREAD | Access.XAWRITE | Access.XALIST;
    const told = await file.ok(access, (xdr) => xdr.uint32(all));
    assertEquals([told.uint32(), told.uint32()], [0, 0]);
  }
  const none = fixture((fs) => {
    const names = ["getxattr", "listxattrs", "setxattr", "removexattr"];
    for (const name of names) {
      Object.defineProperty(fs, name, { value: undefined });
    }
    return fs;
  });
  const file = await at(none, "file");
  assertEquals(
    await file.status(setxattr, setting("n", "v")),
    "NFS4ERR_NOTSUPP",
  );
  assertEquals(await file.status(removexattr, named("n")), "NFS4ERR_NOTSUPP");
});

Deno.test("extended attributes that can't be changed are ROFS, and are read all the same", async () => {
  const inner = fixture();
  await (await at(inner, "file")).ok(setxattr, setting("n", "v"));
  const withoutChanges = (fs: FileSystem) => {
    Object.defineProperty(fs, "setxattr", { value: undefined });
    return Object.defineProperty(fs, "removexattr", { value: undefined });
  };
  for (
    const server of [
      fixture(undefined, { readOnly: true }),
      fixture(withoutChanges),
    ]
  ) {
    const file = await at(server, "file");
    assertEquals(await file.status(setxattr, setting("", "")), "NFS4ERR_ROFS");
    assertEquals(await file.status(removexattr, named("n")), "NFS4ERR_ROFS");
    assertEquals(await file.status(getxattr, named("n")), "NFS4ERR_NOXATTR");
    const told = await file.ok(
      access,
      (xdr) => xdr.uint32(Access.XAREAD | Access.XAWRITE),
    );
    assertEquals(
      [told.uint32(), told.uint32()],
      [Access.XAREAD | Access.XAWRITE, Access.XAREAD],
    );
  }
});

Deno.test("what a file system says of extended attributes is told in their words", async () => {
  const codes = [
    ["no-space", "NOSPC"],
    ["quota", "DQUOT"],
    ["xattr-too-big", "XATTR2BIG"],
    ["name-too-long", "NAMETOOLONG"],
    ["busy", "DELAY"],
    ["permission", "PERM"],
  ] as const;
  for (const [code, status] of codes) {
    const server = fixture((fs) =>
      Object.assign(fs, {
        setxattr() {
          throw new FsError(code);
        },
      })
    );
    const file = await at(server, "file");
    assertEquals(
      await file.status(setxattr, setting("n", "v")),
      `NFS4ERR_${status}`,
    );
  }
});

Deno.test("LISTXATTRS lets others have their turns before it sorts what it was given", async () => {
  const served = fixture();
  const asked: object[] = [];
  const next = (who: object) => Promise.resolve(void asked.push(who));
  Object.assign(served.services, { turn: { isOver: true, next } });
  const compound = await at(served, "file");
  await compound.ok(listxattrs, listing());
  assertEquals(asked, [compound.context.connection]);
});
