import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  exportTree,
  importTree,
} from "../../../src/backends/sqlite/archive.ts";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { aligned, coarsened } from "../../../src/backends/sqlite/segments.ts";
import { checksumOf } from "../../../src/backends/sqlite/tar/header.ts";
import { find, make, pattern, temporary, using, whole } from "./fixture.ts";

const canRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
const encoder = new TextEncoder();

function tar(args: string[]): void {
  const { success, stderr } = new Deno.Command("tar", { args }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
}

/** Makes a file of bytes at some places and holes between. */
function makeSparse(
  path: string,
  size: number,
  parts: readonly (readonly [at: number, length: number])[],
): void {
  using file = Deno.openSync(path, { write: true, create: true });
  for (const [at, length] of parts) {
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(pattern(length, at));
  }
  file.truncateSync(size);
}

const formats = ["gnu", "pax:0.0", "pax:0.1", "pax:1.0"];

for (const format of formats) {
  Deno.test({
    name: `sparse files of GNU tar are unpacked with their holes (${format})`,
    ignore: !canRun || Deno.build.os !== "linux",
    async fn() {
      using folder = temporary();
      const { path } = folder;
      Deno.mkdirSync(`${path}/t`);
      const many = Array.from({ length: 60 }, (_, i) => [i * 16_384, 4096]);
      const files: [string, number, [number, number][]][] = [
        ["hole", 3_000_000, []],
        ["start", 2_000_000, [[0, 5000]]],
        ["end", 1_000_000, [[995_000, 5000]]],
        ["many", 1_000_001, many as [number, number][]],
        ["a long name ".repeat(12), 500_000, [[100_000, 10], [300_000, 9000]]],
      ];
      for (const [name, size, parts] of files) {
        makeSparse(`${path}/t/${name}`, size, parts);
      }
      Deno.writeTextFileSync(`${path}/t/plain`, "plain");
      const [kind, version] = format.split(":");
      tar([
        ...["-C", `${path}/t`, "-cSf", `${path}/a.tar`, `--format=${kind}`],
        ...version ? [`--sparse-version=${version}`] : [],
        ".",
      ]);
      const fs = sqlite(":memory:");
      using file = await Deno.open(`${path}/a.tar`);
      const skipped: string[] = [];
      await importTree(fs, file.readable, {
        skipped: (name) => skipped.push(name),
      });
      assertEquals(skipped, []);
      for (const [name] of files) {
        const bytes = Deno.readFileSync(`${path}/t/${name}`);
        const node = find(fs, name);
        assertEquals(node.size, bytes.length, name);
        assertEquals(await whole(fs, node), bytes, name);
      }
      assert(find(fs, "hole").used < 100_000);
      assertEquals(find(fs, "plain").size, 5);
      assertEquals(fs.readdir(fs.root(), 0, 100).entries.length, 6);
      await fs.dispose();
    },
  });
}

/** A header of GNU's sparse type, with a map and so many bytes. */
function sparseHeader(
  { map, realSize, stored }: {
    readonly map: readonly (readonly [number, number])[];
    readonly realSize: number;
    readonly stored: number;
  },
): Uint8Array {
  const bytes = new Uint8Array(512);
  const put = (at: number, text: string) =>
    encoder.encodeInto(text, bytes.subarray(at));
  const octal = (value: number, width: number) =>
    value.toString(8).padStart(width - 1, "0");
  put(0, "a");
  put(124, octal(stored, 12));
  put(156, "S");
  put(257, "ustar  ");
  map.forEach(([at, length], i) => {
    put(386 + i * 24, octal(at, 12));
    put(398 + i * 24, octal(length, 12));
  });
  put(483, octal(realSize, 12));
  put(148, `${checksumOf(bytes).toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

Deno.test("a map of a sparse file that can't be is refused", async () => {
  const wrong = [
    { map: [[0, 100]], realSize: 50, stored: 100 },
    { map: [[0, 100], [50, 100]], realSize: 500, stored: 200 },
    { map: [[200, 10], [0, 10]], realSize: 500, stored: 20 },
    { map: [[0, 10]], realSize: 500, stored: 20 },
  ] as const;
  for (const each of wrong) {
    const fs = sqlite(":memory:");
    const stream = new Blob([
      sparseHeader(each) as Uint8Array<ArrayBuffer>,
      new Uint8Array(512),
      new Uint8Array(1024),
    ]).stream();
    await assertRejects(() => importTree(fs, stream), Error, "sparse file");
    assertEquals(fs.lookup(fs.root(), "a"), undefined);
    await fs.dispose();
  }
});

/** What a file of nothing but a hole is in an archive of GNU tar, in two formats; "a" by its name. */
function hugeHole(size: bigint): Record<string, Uint8Array[]> {
  const block = (...parts: (string | Uint8Array)[]) => {
    const bytes = new Uint8Array(512);
    let at = 0;
    for (const part of parts) {
      const put = typeof part === "string" ? encoder.encode(part) : part;
      bytes.set(put, at);
      at += put.length;
    }
    return bytes;
  };
  const records = [
    ["major", "1"],
    ["minor", "0"],
    ["name", "a"],
    ["realsize", String(size)],
  ].map(([key, value]) => {
    const rest = ` GNU.sparse.${key}=${value}\n`;
    return `${rest.length + 2}${rest}`;
  }).join("");
  const header = (
    { letter, size, put = () => {} }: {
      readonly letter: string;
      readonly size: number;
      readonly put?: (bytes: Uint8Array) => void;
    },
  ) => {
    const bytes = sparseHeader({ map: [], realSize: 0, stored: size });
    bytes[156] = letter.charCodeAt(0);
    if (letter !== "S") bytes.fill(0, 386, 495);
    put(bytes);
    encoder.encodeInto(
      `${
        checksumOf(bytes.fill(0x20, 148, 156)).toString(8).padStart(6, "0")
      }\0 `,
      bytes.subarray(148),
    );
    return bytes;
  };
  const binary = (bytes: Uint8Array, at: number) => {
    bytes.fill(0, at, at + 12);
    bytes[at] = 0x80;
    new DataView(bytes.buffer).setBigUint64(at + 4, size);
  };
  return {
    pax: [
      header({ letter: "x", size: records.length }),
      block(records),
      header({ letter: "0", size: 512 }),
      block(`1\n${size}\n0\n`),
    ],
    gnu: [header({
      ...{ letter: "S", size: 0 },
      put(bytes) {
        binary(bytes, 386);
        encoder.encodeInto("00000000000", bytes.subarray(398));
        binary(bytes, 483);
      },
    })],
  };
}

Deno.test("a file larger than any of the store is passed by, and what it was to replace stays", async () => {
  for (const size of [2n ** 53n, 2n ** 60n + 1n]) {
    for (const [format, members] of Object.entries(hugeHole(size))) {
      const fs = sqlite(":memory:");
      fs.write(make(fs, "a"), 0, pattern(5, 1), "file");
      const told: string[] = [];
      const last = sparseHeader({ map: [], realSize: 70_000, stored: 0 });
      encoder.encodeInto("z", last);
      encoder.encodeInto(
        checksumOf(last).toString(8).padStart(6, "0"),
        last.subarray(148),
      );
      const all = [...members, last, new Uint8Array(1024)];
      await importTree(
        fs,
        new Blob(all as Uint8Array<ArrayBuffer>[]).stream(),
        {
          merge: true,
          skipped: (path, reason) => told.push(`${path}: ${reason}`),
        },
      );
      assertEquals(told, ["a: too-big"], `${format} ${size}`);
      assertEquals(await whole(fs, find(fs, "a")), pattern(5, 1));
      assertEquals(find(fs, "z").size, 70_000);
      await fs.dispose();
    }
  }
});

const FAR = 2 ** 43;
const LONG = "a long name ü ".repeat(12);
/** Files by their sizes and where they have bytes. */
const HOLEY: readonly [name: string, size: number, at: readonly number[]][] = [
  ["end", FAR, [5000]],
  ["start", 3_000_000, [2_900_000]],
  ["many", 3_000_001, Array.from({ length: 20 }, (_, i) => i * 140_000)],
  [LONG, 1_000_000, [500_000]],
  ["nothing", 2_000_000, []],
];

function makeHoley(fs: SqliteFileSystem): void {
  for (const [name, size, places] of HOLEY) {
    const file = make(fs, name);
    for (const at of places) fs.write(file, at, pattern(100, at + 1), "file");
    fs.setattr(file, { size });
  }
  fs.write(make(fs, "plain"), 0, pattern(50_000, 1), "file");
}

async function assertHoley(fs: SqliteFileSystem): Promise<void> {
  for (const [name, size, places] of HOLEY) {
    const file = find(fs, name);
    assertEquals(file.size, size, name);
    assert(file.used < 3_000_000, `${name} takes ${file.used}`);
    for (const at of places) {
      const bytes = new Uint8Array(100);
      await fs.read(file, at, bytes);
      assertEquals(bytes, pattern(100, at + 1), `${name} at ${at}`);
    }
    if (size === FAR) continue;
    const some = (await whole(fs, file)).filter((byte) => byte !== 0);
    assertEquals(some.length, 100 * places.length, name);
  }
  assertEquals(await whole(fs, find(fs, "plain")), pattern(50_000, 1));
}

async function bytesOf(fs: SqliteFileSystem): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await new Response(exportTree(fs)).bytes();
  // Not one of the terabytes of zeros, however the host's holes are found.
  assert(bytes.length < 8_000_000, `${bytes.length} bytes`);
  return bytes;
}

const host = { read: true, write: true, sys: true } as const;
const stores: [name: string, permissions: Deno.PermissionOptionsObject][] = [
  ["in memory", {}],
  ["on disk", { ...host, ffi: true }],
  ["on disk, without libc", host],
];
for (const [name, permissions] of stores) {
  const names = Object.keys(permissions) as Deno.PermissionDescriptor["name"][];
  const isAllowed = names.every((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  );
  const isInMemory = names.length === 0;
  Deno.test({
    name: `what has holes has them in an archive, and after that (${name})`,
    permissions: isAllowed ? permissions : "none",
    ignore: !isAllowed,
    async fn() {
      const other = sqlite(":memory:");
      const transfer = async (fs: SqliteFileSystem) => {
        makeHoley(fs);
        const archive = new Blob([await bytesOf(fs)]);
        await importTree(other, archive.stream());
      };
      if (isInMemory) {
        const fs = sqlite(":memory:");
        await transfer(fs);
        await fs.dispose();
      } else {
        using folder = temporary();
        await using(folder.path, transfer);
      }
      await assertHoley(other);
      await other.dispose();
    },
  });
}

Deno.test({
  name: "GNU tar unpacks the holes of an export",
  ignore: !canRun || Deno.build.os !== "linux",
  async fn() {
    using folder = temporary();
    const fs = sqlite(":memory:");
    makeHoley(fs);
    fs.setattr(find(fs, "end"), { size: 4_000_000 });
    Deno.writeFileSync(`${folder.path}/a.tar`, await bytesOf(fs));
    Deno.mkdirSync(`${folder.path}/t`);
    tar(["-C", `${folder.path}/t`, "-xf", `${folder.path}/a.tar`]);
    for (const [name] of HOLEY) {
      const path = `${folder.path}/t/${name}`;
      assertEquals(
        Deno.readFileSync(path),
        await whole(fs, find(fs, name)),
        name,
      );
      const { blocks } = Deno.statSync(path);
      assert(blocks! * 512 < 1_000_000, `${name} takes ${blocks}`);
    }
    await fs.dispose();
  },
});

Deno.test("pieces of an archive are of whole blocks, up to the end of the file", () => {
  const pieces = [
    { offset: 600, length: 10 },
    { offset: 1000, length: 100 },
    { offset: 5000, length: 1 },
  ];
  assertEquals(aligned(pieces, { block: 512, size: 5001 }), [
    { offset: 512, length: 1024 },
    { offset: 4608, length: 393 },
  ]);
});

Deno.test("more pieces than an archive may have are joined over their narrowest holes", () => {
  const pieces = Array.from({ length: 100 }, (_, i) => {
    return { offset: i * 10_000 + Math.floor(i / 10) * 1e6, length: 1000 };
  });
  assertEquals(coarsened(pieces, 100), pieces);
  const joined = coarsened(pieces, 10);
  assertEquals(joined.length, 10);
  assertEquals(joined[1], { offset: 1_100_000, length: 91_000 });
});
