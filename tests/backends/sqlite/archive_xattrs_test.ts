import { assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import {
  exportTree,
  importTree,
} from "../../../src/backends/sqlite/archive.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import {
  encodeEnd,
  encodeMember,
} from "../../../src/backends/sqlite/tar/encode.ts";
import type { Member } from "../../../src/backends/sqlite/tar/header.ts";
import { hasFfi, noFolder, Sandbox } from "../local/fixture.ts";
import { find, make, pattern } from "./fixture.ts";

type Xattrs = [name: string, value: Uint8Array][];

function member(xattrs: Xattrs, more: Partial<Member> = {}): Uint8Array {
  return encodeMember({
    ...{ path: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0 },
    ...{ mtime: { seconds: 5, nanoseconds: 6 }, target: "" },
    ...{ major: 0, minor: 0, xattrs: new Map(xattrs) },
    ...more,
  });
}

function archive(...members: Uint8Array[]): ReadableStream<Uint8Array> {
  return new Blob([concat([...members, encodeEnd()])]).stream();
}

Deno.test("extended attributes that no store can hold are told, and their file is unpacked with the others", async () => {
  const fs = sqlite(":memory:");
  const told: string[] = [];
  const skipped = (path: string, reason: string) =>
    told.push(`${path}: ${reason}`);
  const long = "n".repeat(256);
  const xattrs: Xattrs = [
    ["good", pattern(5, 1)],
    [long, pattern(5, 1)],
    ["", pattern(5, 1)],
    ["large", pattern(65_537, 1)],
  ];
  await importTree(fs, archive(member(xattrs)), { skipped });
  const file = find(fs, "a");
  assertEquals(fs.listxattrs(file), ["good"]);
  assertEquals(fs.getxattr(file, "good"), pattern(5, 1));
  assertEquals(file.mtime, { seconds: 5, nanoseconds: 6 });
  assertEquals(told, [
    `a: its extended attribute ${long}`,
    "a: its extended attribute ",
    "a: its extended attribute large",
  ]);
  const heard = () => importTree(sqlite(":memory:"), archive(member(xattrs)));
  await assertRejects(heard, Error, "a: its extended attribute");
  await fs.dispose();
});

Deno.test("extended attributes of one member are 8 MiB and 1,000 at most", async () => {
  const many: Xattrs = Array.from(
    { length: 1001 },
    (_, i) => [`n${i}`, pattern(1, i)],
  );
  const much: Xattrs = Array.from(
    { length: 130 },
    (_, i) => [`n${i}`, pattern(65_000, i)],
  );
  for (const [xattrs, kept] of [[many, 1000], [much, 129]] as const) {
    const fs = sqlite(":memory:");
    let told = 0;
    await importTree(fs, archive(member(xattrs)), { skipped: () => told++ });
    assertEquals(fs.listxattrs(find(fs, "a")).length, kept);
    assertEquals(told, 1);
    await fs.dispose();
  }
});

Deno.test("a file that is imported over another has its own extended attributes, a folder both", async () => {
  const fs = sqlite(":memory:");
  const set = (path: string) =>
    fs.setxattr(find(fs, path), "old", pattern(1, 1), "either");
  make(fs, "a");
  const attributes = { mode: 0o755, uid: 0, gid: 0 };
  fs.create(fs.root(), "d", { type: "directory" }, { attributes });
  for (const path of ["a", "d"]) set(path);
  const fresh: Xattrs = [["new", pattern(2, 2)]];
  await importTree(
    fs,
    archive(member(fresh), member(fresh, { path: "d/", type: "directory" })),
    { merge: true },
  );
  assertEquals(fs.listxattrs(find(fs, "a")), ["new"]);
  assertEquals(fs.listxattrs(find(fs, "d")), ["new", "old"]);
  await fs.dispose();
});

Deno.test("extended attributes of symlinks and links in an archive are left out", async () => {
  const fs = sqlite(":memory:");
  const xattrs: Xattrs = [["n", pattern(2, 2)]];
  await importTree(
    fs,
    archive(
      member([]),
      member(xattrs, { path: "s", type: "symlink", target: "a" }),
      member(xattrs, { path: "l", type: "link", target: "a" }),
    ),
  );
  assertEquals(fs.listxattrs(find(fs, "s")), []);
  assertEquals(fs.listxattrs(find(fs, "l")), []);
  await fs.dispose();
});

/** Runs GNU tar, if that is what the host has. */
async function tar(
  args: string[],
  input?: ReadableStream<Uint8Array>,
): Promise<Uint8Array> {
  const child = new Deno.Command("tar", {
    args: ["--xattrs", "--xattrs-include=user.*", ...args],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const sent = (input ?? new Blob([]).stream()).pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  await sent.catch(() => {});
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return stdout;
}

const hasGnuTar = !noFolder && hasFfi &&
  Deno.permissions.querySync({ name: "run" }).state === "granted" &&
  await new Deno.Command("tar", { args: ["--version"] }).output()
    .then(({ stdout }) => new TextDecoder().decode(stdout).includes("GNU"))
    .catch(() => false);

Deno.test({
  name:
    "GNU tar unpacks the extended attributes of an export, and an import those of GNU tar",
  ignore: !hasGnuTar,
  async fn() {
    await using box = new Sandbox();
    if (!box.fs.hasXattrs) return;
    const values: Xattrs = [
      ["plain", pattern(10, 1)],
      ["a=b%c", Uint8Array.of(0, 0xff, 0x0a, 0x3d)],
      ["é", pattern(300, 2)],
    ];
    const fs = sqlite(":memory:");
    const file = make(fs, "a");
    for (const each of values) fs.setxattr(file, ...each, "create");
    await tar(["-x", "-C", box.path], exportTree(fs));
    const local = (await box.fs.lookup(box.fs.root(), "a"))!;
    for (const [name, value] of values) {
      assertEquals(await box.fs.getxattr(local, name), value, name);
    }
    const packed = await tar(["--format=pax", "-c", "-C", box.path, "a"]);
    const other = sqlite(":memory:");
    await importTree(other, new Blob([packed as BlobPart]).stream());
    for (const [name, value] of values) {
      assertEquals(other.getxattr(find(other, "a"), name), value, name);
    }
    await fs.dispose();
    await other.dispose();
  },
});
