import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { getattr } from "../../../src/engine/ops/getattr.ts";
import { getfh } from "../../../src/engine/ops/getfh.ts";
import { nverify } from "../../../src/engine/ops/nverify.ts";
import { verify } from "../../../src/engine/ops/verify.ts";
import { readBitmap } from "../../../src/nfs4/bitmap.ts";
import type { FileSystem } from "../../../src/vfs/file_system.ts";
import type { MinorVersion } from "../../../src/nfs4/constants.ts";
import {
  bits,
  type Compound,
  fattr,
  Fixture,
  memoryFixture,
  mode,
  slow,
  type WriteArgs,
} from "./fixture.ts";

const tree = { file: "hello", folder: {} };

/** supported_attrs or suppattr_exclcreat. */
async function supported(
  compound: Compound,
  number: 0 | 75 = 0,
): Promise<number[]> {
  return [...readBitmap(await compound.attributes(number)).numbers()];
}

/** Only what a file system must have. */
function readOnly(fs: FileSystem): FileSystem {
  const { limits } = fs;
  return {
    limits,
    root: () => fs.root(),
    identify: (node) => fs.identify(node),
    resolve: (identity) => fs.resolve(identity),
    getattr: (node) => ({ ...fs.getattr(node), birthtime: undefined }) as never,
    lookup: (node, name) => fs.lookup(node, name),
    parent: (node) => fs.parent(node),
    readdir: (node, cookie, limit) => fs.readdir(node, cookie, limit),
    read: (node, offset, target) => fs.read(node, offset, target),
  };
}

Deno.test("supported_attrs grows with the minor version (RFC 8881 5.8.1.1, RFC 7862 12.2)", async () => {
  const fixture = memoryFixture(tree);
  const of = async (minorVersion: MinorVersion) =>
    new Set(await supported(await fixture.at("file", { minorVersion })));
  const [v0, v1, v2] = await Promise.all([of(0), of(1), of(2)]);
  // RFC 7530 5.6, RFC 8881 5.6: these are REQUIRED.
  for (const number of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 19]) {
    assertEquals(v0.has(number), true, `${number}`);
  }
  assertEquals([...v1].filter((number) => !v0.has(number)), [74, 75, 76]);
  const later = [...v2].filter((number) => !v1.has(number));
  assertEquals(later, [77, 79, 81, 82, 84, 85, 86]);
});

Deno.test("everything in supported_attrs can be got or set, and says nothing else (RFC 8881 5.2)", async () => {
  const fixture = memoryFixture(tree);
  const file = await fixture.at("file", { minorVersion: 2 });
  for (const number of await supported(file)) {
    const { status, result } = await file.run(getattr, bits(number));
    const setOnly = [48, 54, 74, 81, 84, 85].includes(number);
    assertEquals(status, setOnly ? "NFS4ERR_INVAL" : "NFS4_OK", `${number}`);
    if (setOnly) continue;
    assertEquals([...readBitmap(result).numbers()], [number]);
    assertEquals(result.opaque(200).length > 0, true);
    assertEquals(result.remaining, 0);
  }
});

Deno.test("a file system that can't change, or doesn't know, supports less (RFC 8881 5.2)", async () => {
  const fixture = new Fixture({ path: "/", fs: readOnly(memory(tree)) });
  const file = await fixture.at("file");
  const numbers = await supported(file);
  const missing = [21, 22, 23, 42, 43, 44, 48, 50, 54, 74];
  assertEquals(missing.filter((number) => numbers.includes(number)), []);
  // link_support, symlink_support, cansettime
  const values = await file.attributes(5, 6, 15);
  assertEquals([values.bool(), values.bool(), values.bool()], [
    false,
    false,
    false,
  ]);
});

Deno.test("suppattr_exclcreat is what can be set at creation (RFC 8881 5.8.1.14)", async () => {
  const file = await memoryFixture(tree).at("file");
  assertEquals(await supported(file, 75), [4, 12, 33, 36, 37, 48, 50, 54]);
});

Deno.test("GETATTR leaves out what it doesn't know, however long the bitmap (RFC 8881 18.7.3)", async () => {
  const file = await memoryFixture(tree).at("file");
  const result = await file.ok(getattr, (xdr) => {
    const words = [0b10010, 0, 0, 7, ...new Array(60).fill(0xffff_ffff)];
    xdr.array(words, (xdr, word) => xdr.uint32(word));
  });
  assertEquals([...readBitmap(result).numbers()], [1, 4]);
  assertEquals(result.uint32(), 12);
  assertEquals([result.uint32(), result.uint64()], [1, 5n]);
});

Deno.test("a bitmap that is shorter than it says is BADXDR", async () => {
  const file = await memoryFixture(tree).at("file");
  const status = await file.status(getattr, (xdr) => xdr.uint32(0xffff_ffff));
  assertEquals(status, "NFS4ERR_BADXDR");
});

Deno.test("GETATTR encodes each attribute as its type says (RFC 8881 5.8)", async () => {
  const fs = memory(tree, { uid: 1000, gid: 4_294_967_294 });
  const fixture = new Fixture({ path: "/", fs, squash: "none" });
  const file = await fixture.at("file", { minorVersion: 2 });
  const handle = (await file.ok(getfh)).opaque(128);
  const values = await file.attributes(
    ...[1, 2, 5, 7, 10, 11, 13, 16, 19, 27, 28, 29, 30, 31],
    ...[33, 35, 36, 37, 41, 51, 76, 79],
  );
  assertEquals(values.uint32(), 1, "NF4REG");
  assertEquals(values.uint32(), 0, "FH4_PERSISTENT");
  assertEquals(values.bool(), true, "link_support");
  assertEquals(values.bool(), false, "named_attr");
  assertEquals(values.uint32(), 90, "lease_time in seconds");
  assertEquals(values.uint32(), 0, "rdattr_error");
  assertEquals(values.uint32(), 3, "aclsupport");
  assertEquals(values.bool(), false, "case_insensitive");
  assertEquals(values.opaque(128), handle, "filehandle");
  assertEquals(values.uint64() > 2n ** 32n, true, "maxfilesize");
  assertEquals(values.uint32() > 1, true, "maxlink");
  assertEquals(values.uint32(), 255, "maxname");
  assertEquals(values.uint64(), 1_048_576n, "maxread");
  assertEquals(values.uint64(), 1_048_576n, "maxwrite");
  assertEquals(values.uint32(), 0o644, "mode");
  assertEquals(values.uint32(), 1, "numlinks");
  assertEquals(values.string(20), "1000", "owner");
  assertEquals(values.string(20), "4294967294", "owner_group");
  assertEquals([values.uint32(), values.uint32()], [0, 0], "rawdev");
  assertEquals([values.int64(), values.uint32()], [0n, 1], "time_delta");
  assertEquals(values.uint32(), 2, "FSCHARSET_CAP4_ALLOWS_ONLY_UTF8");
  assertEquals(values.uint32(), 1, "NFS4_CHANGE_TYPE_IS_VERSION_COUNTER");
  assertEquals(values.remaining, 0);
});

Deno.test("time_delta is as coarse as the file system's times (RFC 8881 5.8.2.41)", async () => {
  for (const timeDelta of [1_000_000, 2_000_000_003]) {
    const fs = Object.assign(memory(tree), { limits: { timeDelta } });
    const root = await new Fixture({ path: "/", fs }).at("/");
    const values = await root.attributes(51);
    const delta = Number(values.int64()) * 1_000_000_000 + values.uint32();
    assertEquals(delta, timeDelta);
  }
});

Deno.test("an export with a quota tells what that leaves, as room and as quota (RFC 8881 5.8.2.28 to 5.8.2.30)", async () => {
  const quota = 2 ** 24;
  for (
    const fs of [
      memory({}, { maxBytes: quota }),
      sqlite(":memory:", { quotaBytes: quota }),
    ] as FileSystem[]
  ) {
    const root = await new Fixture({ path: "/", fs }).at("/");
    const told = async () => {
      const values = await root.attributes(38, 39, 40, 42, 43, 44);
      return Array.from({ length: 6 }, () => Number(values.uint64()));
    };
    const [hard, soft, used, ...space] = await told();
    assertEquals([soft, used! + hard!], [hard, quota]);
    assertEquals(space, [hard, hard, quota]);
    const attributes = { mode: 0o644, uid: 0, gid: 0 };
    const { node } = await fs.create!(fs.root(), "f", { type: "file" }, {
      attributes,
    });
    await fs.write!(node, 0, new Uint8Array(2 ** 20), "file");
    const [left, , more, ...after] = await told();
    assert(more! >= used! + 2 ** 20);
    assertEquals(left! + more!, quota);
    assertEquals(after, [left, left, quota]);
    await fs.dispose?.();
  }
  for (const fs of [memory(), sqlite(":memory:")] as FileSystem[]) {
    const root = await new Fixture({ path: "/", fs }).at("/");
    const numbers = await supported(root);
    assertEquals([38, 39, 40].filter((number) => numbers.includes(number)), []);
    await fs.dispose?.();
  }
});

Deno.test("room is told as the file system has it, and a quota where its files have one (RFC 8881 5.8.2)", async () => {
  const room = {
    ...{ totalBytes: 90, freeBytes: 70, availableBytes: 60, usedBytes: 25 },
    ...{ totalFiles: 9, freeFiles: 7 },
  };
  for (const hasQuota of [true, false]) {
    const own = { limits: { hasQuota }, status: () => room };
    const fs = Object.assign(memory(tree), own);
    const file = await new Fixture({ path: "/", fs }).at("file");
    const told = async (...numbers: number[]) => {
      const values: number[] = [];
      for (const number of numbers) {
        values.push((await file.attributes(number)).uint64Number());
      }
      return values;
    };
    // files_avail, _free and _total, space_avail, _free and _total.
    const all = [21, 22, 23, 42, 43, 44];
    assertEquals(await told(...all), [7, 7, 9, 60, 70, 90]);
    // quota_avail_hard and _soft, quota_used.
    const quota = (await supported(file)).filter((n) => n >= 38 && n <= 40);
    assertEquals(quota, hasQuota ? [38, 39, 40] : []);
    assertEquals(await told(...quota), hasQuota ? [60, 60, 25] : []);
  }
});

Deno.test("change_attr_type is what the file system says, UNDEFINED where it says nothing (RFC 7862 12.2.3)", async () => {
  const types = [
    ["monotonic", 0],
    ["version-counter", 1],
    ["time-metadata", 3],
    [undefined, 4],
  ] as const;
  for (const [changeType, number] of types) {
    const fs = Object.assign(memory(tree), { limits: { changeType } });
    const fixture = new Fixture({ path: "/", fs });
    const root = await fixture.at("/", { minorVersion: 2 });
    assertEquals((await root.attributes(79)).uint32(), number, changeType);
  }
});

Deno.test("a file system that takes any bytes for names does not say that it allows only UTF-8 (RFC 8881 14.4)", async () => {
  for (const [rawNames, cap] of [[true, 1], [false, 2]] as const) {
    const fs = Object.assign(memory(tree), { limits: { rawNames } });
    const root = await new Fixture({ path: "/", fs }).at("/");
    const values = await root.attributes(76);
    assertEquals(values.uint32(), cap);
  }
});

Deno.test("space comes from the file system, also one that waits", async () => {
  const fs = memory(tree, { maxBytes: 1 << 20, maxFiles: 100 });
  for (const one of [fs, slow(fs)]) {
    const root = await new Fixture({ path: "/", fs: one }).at("/");
    const values = await root.attributes(23, 44);
    assertEquals([values.uint64(), values.uint64()], [100n, 1n << 20n]);
  }
});

const same: WriteArgs = (xdr) =>
  fattr(xdr, [[1, (xdr) => xdr.uint32(1)], [4, (xdr) => xdr.uint64(5n)]]);

Deno.test("VERIFY goes on when all is the same, NVERIFY when it isn't (RFC 8881 18.31.3, 18.15.3)", async () => {
  for (const fs of [memory(tree), slow(memory(tree))]) {
    const file = await new Fixture({ path: "/", fs }).at("file");
    const position = file.context.reply.position;
    assertEquals(await file.status(verify, same), "NFS4_OK");
    assertEquals(file.context.reply.position, position, "no result");
    assertEquals(await file.status(nverify, same), "NFS4ERR_SAME");
    const other: WriteArgs = (xdr) => fattr(xdr, [mode(0o600)]);
    assertEquals(await file.status(verify, other), "NFS4ERR_NOT_SAME");
    assertEquals(await file.status(nverify, other), "NFS4_OK");
    const short: WriteArgs = (xdr) => fattr(xdr, [[4, () => {}]]);
    assertEquals(await file.status(verify, short), "NFS4ERR_NOT_SAME");
  }
});

Deno.test("VERIFY and NVERIFY refuse what can't be compared (RFC 8881 18.31.4, 6.2.4)", async () => {
  const file = await memoryFixture(tree).at("file");
  const cases: [number, string][] = [
    [11, "NFS4ERR_INVAL"],
    [54, "NFS4ERR_INVAL"],
    [25, "NFS4ERR_ATTRNOTSUPP"],
    [90, "NFS4ERR_ATTRNOTSUPP"],
  ];
  for (const operation of [verify, nverify]) {
    for (const [number, expected] of cases) {
      const write: WriteArgs = (xdr) =>
        fattr(xdr, [[number, (xdr) => xdr.uint32(0)]]);
      assertEquals(await file.status(operation, write), expected, `${number}`);
    }
    const stray: WriteArgs = (xdr) =>
      fattr(xdr, [[1, (xdr) => xdr.uint32(1)], mode(0o100644)]);
    assertEquals(await file.status(operation, stray), "NFS4ERR_INVAL");
  }
});
