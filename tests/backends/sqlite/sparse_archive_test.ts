import { assert, assertEquals, assertRejects } from "@std/assert";
import { importTree } from "../../../src/backends/sqlite/archive.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { checksumOf } from "../../../src/backends/sqlite/tar/header.ts";
import { content, find, pattern, temporary } from "./ground.ts";

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
        assertEquals(content(fs, node), bytes, name);
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
