import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { create } from "../../../src/engine/ops/create.ts";
import { setattr } from "../../../src/engine/ops/setattr.ts";
import { readBitmap } from "../../../src/nfs4/bitmap.ts";
import {
  type Caller,
  fattr,
  Fixture,
  memoryFixture,
  mode,
  slow,
  type WriteArgs,
} from "./fixture.ts";

type Values = Parameters<typeof fattr>[1];

const CHANGE = 3;
const SIZE = 4;
const MODE = 33;
const OWNER = 36;
const GROUP = 37;
const ATIME = 47;

const size = (value: bigint): [number, WriteArgs] => [
  SIZE,
  (xdr) => xdr.uint64(value),
];
const owner = (text: string): [number, WriteArgs] => [
  OWNER,
  (xdr) => xdr.string(text),
];
const group = (text: string): [number, WriteArgs] => [
  GROUP,
  (xdr) => xdr.string(text),
];
const atime = (seconds: number, nanoseconds = 0): [number, WriteArgs] => [
  48,
  (xdr) => {
    xdr.uint32(1);
    xdr.int64Number(seconds);
    xdr.uint32(nanoseconds);
  },
];
const mtimeNow: [number, WriteArgs] = [54, (xdr) => xdr.uint32(0)];
const masked = (value: number, mask: number): [number, WriteArgs] => [
  74,
  (xdr) => {
    xdr.uint32(value);
    xdr.uint32(mask);
  },
];

/** SETATTR with the all-zero stateid. */
const setting = (values: Values): WriteArgs => (xdr) => {
  xdr.opaqueFixed(new Uint8Array(16));
  fattr(xdr, values);
};

async function status(
  fixture: Fixture,
  values: Values,
  caller: Caller & { path?: string } = {},
): Promise<string> {
  const compound = await fixture.at(caller.path ?? "file", caller);
  return await compound.status(setattr, setting(values));
}

async function modeOf(fixture: Fixture, path = "file"): Promise<string> {
  const values = await (await fixture.at(path)).attributes(MODE);
  return values.uint32().toString(8);
}

/** A fixture whose root and file belong to user 5 and group 6. */
function owned(): Fixture {
  const fs = memory({ file: "12345", folder: {} }, {
    uid: 5,
    gid: 6,
    mode: 0o777,
  });
  return new Fixture({ path: "/", fs, squash: "none" });
}

Deno.test("SETATTR sets everything at once and says so (RFC 8881 18.30.3)", async () => {
  const fixture = owned();
  const file = await fixture.at("file");
  const before = (await file.attributes(CHANGE)).uint64();
  const values = [
    size(2n),
    mode(0o600),
    owner("7"),
    group("8"),
    atime(-3, 999_999_999),
    mtimeNow,
  ];
  const result = await file.ok(setattr, setting(values));
  assertEquals([...readBitmap(result).numbers()], [4, 33, 36, 37, 48, 54]);
  const got = await file.attributes(CHANGE, SIZE, MODE, OWNER, GROUP, ATIME);
  assertEquals(got.uint64() > before, true);
  assertEquals([got.uint64(), got.uint32()], [2n, 0o600]);
  assertEquals([got.string(9), got.string(9)], ["7", "8"]);
  assertEquals([got.int64(), got.uint32()], [-3n, 999_999_999]);
});

Deno.test("SETATTR that fails answers an empty attrsset (RFC 8881 18.30.3)", async () => {
  const file = await owned().at("file", { uid: 9 });
  const { status, result } = await file.run(setattr, setting([mode(0)]));
  assertEquals(status, "NFS4ERR_PERM");
  assertEquals(result.uint32(), 0);
  assertEquals(result.remaining, 0);
});

Deno.test("SETATTR of nothing succeeds and changes nothing", async () => {
  const fixture = owned();
  const file = await fixture.at("file");
  const before = (await file.attributes(CHANGE)).uint64();
  await file.ok(setattr, setting([]));
  assertEquals((await file.attributes(CHANGE)).uint64(), before);
});

Deno.test("SETATTR refuses what no file could be set to (RFC 8881 5.5, 6.2.4, 6.2.5, 3.3.1)", async () => {
  const fixture = owned();
  const cases: [Values, string][] = [
    [[[1, (xdr) => xdr.uint32(1)]], "NFS4ERR_INVAL"],
    [[[20, (xdr) => xdr.uint64(1n)]], "NFS4ERR_INVAL"],
    [[[14, (xdr) => xdr.bool(true)]], "NFS4ERR_ATTRNOTSUPP"],
    [[[90, (xdr) => xdr.uint32(1)]], "NFS4ERR_ATTRNOTSUPP"],
    [[mode(0o10000)], "NFS4ERR_INVAL"],
    [[atime(0, 1_000_000_000)], "NFS4ERR_INVAL"],
    [[mode(0), masked(0, 0)], "NFS4ERR_INVAL"],
    [[masked(0, 0o10000)], "NFS4ERR_INVAL"],
    [[owner("root")], "NFS4ERR_BADOWNER"],
    [[owner("1000@localdomain")], "NFS4ERR_BADOWNER"],
    [[group("4294967295")], "NFS4ERR_BADOWNER"],
    [[owner("")], "NFS4ERR_INVAL"],
    [[size(2n ** 63n)], "NFS4ERR_FBIG"],
    [[[33, () => {}]], "NFS4ERR_BADXDR"],
    [[mode(0), [36, () => {}]], "NFS4ERR_BADXDR"],
    [[[33, (xdr) => xdr.uint64(0n)]], "NFS4ERR_BADXDR"],
    [[[48, (xdr) => xdr.uint32(2)]], "NFS4ERR_BADXDR"],
  ];
  for (const [values, expected] of cases) {
    assertEquals(await status(fixture, values), expected);
  }
  assertEquals(await modeOf(fixture), "644");
});

Deno.test("an attribute beyond the known bitmap words is ATTRNOTSUPP (RFC 8881 5.2)", async () => {
  const file = await owned().at("file");
  const status = await file.status(setattr, (xdr) => {
    xdr.opaqueFixed(new Uint8Array(16));
    xdr.array([0, 0, 0, 0, 1], (xdr, word) => xdr.uint32(word));
    xdr.uint32(0);
  });
  assertEquals(status, "NFS4ERR_ATTRNOTSUPP");
});

Deno.test("mode_set_masked sets and resets the bits of its mask, and is not in NFSv4.0 (RFC 8881 6.2.5)", async () => {
  const fixture = owned();
  assertEquals(await status(fixture, [masked(0o1070, 0o1770)]), "NFS4_OK");
  assertEquals(await modeOf(fixture), "1074");
  assertEquals(
    await status(fixture, [masked(0, 0)], { minorVersion: 0 }),
    "NFS4ERR_ATTRNOTSUPP",
  );
});

Deno.test("a size is for files only: ISDIR or INVAL in NFSv4.0, WRONG_TYPE later (RFC 7530 13.2, RFC 8881 15.2)", async () => {
  const fixture = owned();
  await (await fixture.at("/")).ok(create, (xdr) => {
    xdr.uint32(7);
    xdr.string("fifo");
    fattr(xdr, []);
  });
  const of = (path: string, minorVersion: 0 | 1) =>
    status(fixture, [size(0n)], { path, minorVersion });
  assertEquals(await of("folder", 0), "NFS4ERR_ISDIR");
  assertEquals(await of("folder", 1), "NFS4ERR_WRONG_TYPE");
  assertEquals(await of("fifo", 0), "NFS4ERR_INVAL");
  assertEquals(await of("fifo", 1), "NFS4ERR_WRONG_TYPE");
});

Deno.test("only the owner and root change modes and set times; writers may touch", async () => {
  const fixture = owned();
  assertEquals(
    await status(fixture, [mode(0o666)], { uid: 9 }),
    "NFS4ERR_PERM",
  );
  assertEquals(await status(fixture, [atime(1)], { uid: 9 }), "NFS4ERR_PERM");
  assertEquals(await status(fixture, [mtimeNow], { uid: 9 }), "NFS4ERR_ACCESS");
  assertEquals(await status(fixture, [size(0n)], { uid: 9 }), "NFS4ERR_ACCESS");
  assertEquals(await status(fixture, [mode(0o666)], { uid: 5 }), "NFS4_OK");
  assertEquals(await status(fixture, [mtimeNow], { uid: 9 }), "NFS4_OK");
  assertEquals(await status(fixture, [size(0n)], { uid: 9 }), "NFS4_OK");
  assertEquals(await status(fixture, [atime(1)], { uid: 0 }), "NFS4_OK");
});

Deno.test("root gives files away; owners give them to their own groups (RFC 8881 18.30.4)", async () => {
  const fixture = owned();
  const own = { uid: 5, gid: 6, gids: [30] };
  assertEquals(await status(fixture, [owner("9")], own), "NFS4ERR_PERM");
  assertEquals(await status(fixture, [owner("5")], own), "NFS4_OK");
  assertEquals(await status(fixture, [group("31")], own), "NFS4ERR_PERM");
  assertEquals(await status(fixture, [group("30")], own), "NFS4_OK");
  const member = { uid: 9, gid: 30 };
  assertEquals(await status(fixture, [group("30")], member), "NFS4ERR_PERM");
  assertEquals(await status(fixture, [owner("9")]), "NFS4_OK");
});

Deno.test("a new owner or content takes setuid and setgid away, unless it is root's own write", async () => {
  const fixture = owned();
  await status(fixture, [mode(0o6775)]);
  assertEquals(await status(fixture, [size(1n)]), "NFS4_OK");
  assertEquals(await modeOf(fixture), "6775");
  assertEquals(await status(fixture, [size(0n)], { uid: 5 }), "NFS4_OK");
  assertEquals(await modeOf(fixture), "775");
  await status(fixture, [mode(0o6775)]);
  assertEquals(await status(fixture, [group("1")]), "NFS4_OK");
  assertEquals(await modeOf(fixture), "775");
  await status(fixture, [mode(0o6775)], { path: "folder" });
  await status(fixture, [group("1")], { path: "folder" });
  assertEquals(await modeOf(fixture, "folder"), "6775");
});

Deno.test("only members make a file setgid for its group", async () => {
  const fixture = owned();
  assertEquals(
    await status(fixture, [mode(0o2755)], { uid: 5, gid: 1 }),
    "NFS4_OK",
  );
  assertEquals(await modeOf(fixture), "755");
  assertEquals(
    await status(fixture, [mode(0o2755)], { uid: 5, gid: 6 }),
    "NFS4_OK",
  );
  assertEquals(await modeOf(fixture), "2755");
});

Deno.test("SETATTR on a read-only export is ROFS", async () => {
  const fixture = memoryFixture({ file: "" }, { readOnly: true });
  assertEquals(await status(fixture, [mode(0)]), "NFS4ERR_ROFS");
});

Deno.test("a size is checked against the stateid as a WRITE is (RFC 8881 18.30.3)", async () => {
  const fixture = owned();
  const file = await fixture.at("file");
  const status = await file.status(setattr, (xdr) => {
    xdr.uint32(1);
    xdr.opaqueFixed(new Uint8Array(12).fill(9));
    fattr(xdr, [size(0n)]);
  });
  assertEquals(status, "NFS4ERR_BAD_STATEID");
});

Deno.test("SETATTR waits for a file system that waits", async () => {
  const fs = slow(memory({ file: "12" }));
  const fixture = new Fixture({ path: "/", fs, squash: "none" });
  assertEquals(await status(fixture, [size(0n), mode(0o600)]), "NFS4_OK");
  assertEquals(await modeOf(fixture), "600");
});
