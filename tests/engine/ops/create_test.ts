import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { create } from "../../../src/engine/ops/create.ts";
import { readlink } from "../../../src/engine/ops/readlink.ts";
import { readBitmap } from "../../../src/nfs4/bitmap.ts";
import {
  type Caller,
  type Compound,
  fattr,
  Fixture,
  memoryFixture,
  mode,
  slow,
  type WriteArgs,
} from "./fixture.ts";

const TYPE = 1;
const OWNER = 36;
const GROUP = 37;

/** createtype4 of each type that CREATE makes. */
const KINDS: Record<number, WriteArgs> = {
  2: () => {},
  3: (xdr) => {
    xdr.uint32(8);
    xdr.uint32(1);
  },
  4: (xdr) => {
    xdr.uint32(1);
    xdr.uint32(3);
  },
  5: (xdr) => xdr.string("to/there"),
  6: () => {},
  7: () => {},
};

function making(
  type: number,
  name = "new",
  values: Parameters<typeof fattr>[1] = [],
): WriteArgs {
  return (xdr) => {
    xdr.uint32(type);
    KINDS[type]?.(xdr);
    xdr.string(name);
    fattr(xdr, values);
  };
}

async function status(compound: Compound, write: WriteArgs): Promise<string> {
  return await compound.status(create, write);
}

async function ownersOfNew(
  fixture: Fixture,
  caller: Caller,
  values: Parameters<typeof fattr>[1] = [],
): Promise<string[]> {
  const root = await fixture.at("/", caller);
  await root.ok(create, making(2, "new", values));
  const result = await root.attributes(33, OWNER, GROUP);
  return [
    result.uint32().toString(8),
    result.string(20),
    result.string(20),
  ];
}

Deno.test("CREATE makes every type but regular files, and goes there (RFC 8881 18.4.3)", async () => {
  for (const minorVersion of [0, 1, 2] as const) {
    const fixture = memoryFixture();
    for (const type of Object.keys(KINDS).map(Number)) {
      const root = await fixture.at("/", { minorVersion });
      const result = await root.ok(
        create,
        making(type, `n${type}`, [mode(0o640)]),
      );
      assertEquals(result.bool(), true, "atomic");
      const before = result.uint64();
      assertEquals(result.uint64() > before, true, "the folder's change moves");
      assertEquals([...readBitmap(result).numbers()], [33]);
      const values = await root.attributes(TYPE, 33);
      assertEquals([values.uint32(), values.uint32()], [type, 0o640]);
    }
    const target = (await fixture.at("n5")).ok(readlink);
    assertEquals((await target).string(100), "to/there");
    const device = await (await fixture.at("n3")).attributes(41);
    assertEquals([device.uint32(), device.uint32()], [8, 1]);
  }
});

Deno.test("CREATE of a regular file or of no known type is BADTYPE (RFC 8881 18.4.1)", async () => {
  const root = await memoryFixture().at("/");
  for (const type of [0, 1, 8, 9, 77]) {
    assertEquals(await status(root, making(type)), "NFS4ERR_BADTYPE");
  }
});

Deno.test("CREATE of a name that is taken is EXIST (RFC 8881 18.4.3)", async () => {
  const root = await memoryFixture({ new: "" }).at("/");
  assertEquals(await status(root, making(2)), "NFS4ERR_EXIST");
});

Deno.test("CREATE in what is no folder is NOTDIR (RFC 8881 15.2)", async () => {
  const file = await memoryFixture({ file: "" }).at("file");
  assertEquals(await status(file, making(2)), "NFS4ERR_NOTDIR");
});

Deno.test("CREATE refuses bad names and targets of symlinks (RFC 8881 15.1.7)", async () => {
  const root = await memoryFixture().at("/");
  assertEquals(await status(root, making(2, "")), "NFS4ERR_INVAL");
  assertEquals(await status(root, making(2, "..")), "NFS4ERR_BADNAME");
  const linked = (target: Uint8Array): WriteArgs => (xdr) => {
    xdr.uint32(5);
    xdr.opaque(target);
    xdr.string("new");
    fattr(xdr, []);
  };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const cases: [Uint8Array, string][] = [
    [bytes(""), "NFS4ERR_INVAL"],
    [bytes("a\0"), "NFS4ERR_INVAL"],
    [Uint8Array.of(0xff), "NFS4ERR_INVAL"],
    [bytes("a".repeat(4097)), "NFS4ERR_NAMETOOLONG"],
  ];
  for (const [target, expected] of cases) {
    assertEquals(await status(root, linked(target)), expected);
  }
});

Deno.test("CREATE refuses attributes that it can't set, and makes nothing (RFC 8881 5.5, 18.4.3)", async () => {
  const root = await memoryFixture().at("/");
  const cases: [readonly [number, WriteArgs], string][] = [
    [[25, (xdr) => xdr.uint32(0)], "NFS4ERR_ATTRNOTSUPP"],
    [[20, (xdr) => xdr.uint64(1n)], "NFS4ERR_INVAL"],
    [[4, (xdr) => xdr.uint64(1n)], "NFS4ERR_INVAL"],
    [mode(0o10000), "NFS4ERR_INVAL"],
    [[OWNER, (xdr) => xdr.string("nobody@example.org")], "NFS4ERR_BADOWNER"],
    [[33, () => {}], "NFS4ERR_BADXDR"],
    // RFC 8881 6.2.5: mode_set_masked is for SETATTR only.
    [[74, (xdr) => xdr.uint64(1n)], "NFS4ERR_INVAL"],
  ];
  for (const [value, expected] of cases) {
    assertEquals(await status(root, making(2, "new", [value])), expected);
  }
  await root.ok(create, making(2));
});

Deno.test("CREATE limits a mode by the umask that comes with it, but a symlink's (RFC 8275 5)", async () => {
  const umask = (
    mode: number,
    umask: number,
  ): [number, WriteArgs] => [81, (xdr) => {
    xdr.uint32(mode);
    xdr.uint32(umask);
  }];
  const fixture = memoryFixture();
  const root = await fixture.at("/", { minorVersion: 2 });
  const cases: [readonly [number, WriteArgs][], string][] = [
    [[umask(0o10000, 0)], "NFS4ERR_INVAL"],
    // RFC 8275 5: the nine low-order bits.
    [[umask(0o777, 0o1000)], "NFS4ERR_INVAL"],
    [[mode(0o777), umask(0o777, 0)], "NFS4ERR_INVAL"],
    [[[81, (xdr) => xdr.uint32(0)]], "NFS4ERR_BADXDR"],
  ];
  for (const [values, expected] of cases) {
    assertEquals(await status(root, making(2, "new", values)), expected);
  }
  const masked = [umask(0o1777, 0o027)];
  const v41 = await fixture.at("/", { minorVersion: 1 });
  assertEquals(
    await status(v41, making(2, "new", masked)),
    "NFS4ERR_ATTRNOTSUPP",
  );
  const limited = await ownersOfNew(fixture, { minorVersion: 2 }, masked);
  assertEquals(limited, ["1750", "0", "0"]);
  const linked = await fixture.at("/", { minorVersion: 2 });
  await linked.ok(create, (xdr) => {
    xdr.uint32(5);
    xdr.string("target");
    xdr.string("link");
    fattr(xdr, [umask(0o777, 0o022)]);
  });
  assertEquals((await linked.attributes(33)).uint32(), 0o777);
});

Deno.test("what is made belongs to the caller, and in a setgid folder to the folder's group", async () => {
  const plain = memoryFixture({}, {});
  assertEquals(await ownersOfNew(plain, {}), ["700", "0", "0"]);
  const fs = memory({}, { uid: 5, gid: 6, mode: 0o2777 });
  const shared = new Fixture({ path: "/", fs });
  const caller = { uid: 9, gid: 10 };
  assertEquals(await ownersOfNew(shared, caller, [mode(0o750)]), [
    "2750",
    "9",
    "6",
  ]);
});

Deno.test("an owner or group that the caller can't give is PERM (RFC 7530 16.4.4)", async () => {
  const fixture = new Fixture({ path: "/", fs: memory({}, { mode: 0o777 }) });
  const caller = { uid: 9, gid: 10, gids: [11] };
  const root = await fixture.at("/", caller);
  const owned = (number: number, id: string) =>
    making(2, "new", [[number, (xdr) => xdr.string(id)]]);
  assertEquals(await status(root, owned(OWNER, "8")), "NFS4ERR_PERM");
  assertEquals(await status(root, owned(GROUP, "8")), "NFS4ERR_PERM");
  assertEquals(await status(root, making(3)), "NFS4ERR_PERM", "a device");
  assertEquals(
    await ownersOfNew(fixture, caller, [[GROUP, (xdr) => xdr.string("11")]]),
    ["700", "9", "11"],
  );
});

Deno.test("CREATE without the right to write the folder is ACCESS", async () => {
  const root = await memoryFixture().at("/", { uid: 9 });
  assertEquals(await status(root, making(2)), "NFS4ERR_ACCESS");
});

Deno.test("CREATE waits for a file system that waits", async () => {
  const fixture = new Fixture({
    path: "/",
    fs: slow(memory()),
    squash: "none",
  });
  await (await fixture.at("/")).ok(create, making(2));
  assertEquals(await status(await fixture.at("/"), making(2)), "NFS4ERR_EXIST");
});
