import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  exportTree,
  importTree,
} from "../../../src/backends/sqlite/archive.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { archive, block, streamOf, time } from "./archives.ts";
import { find, make, pattern, temporary, whole } from "./fixture.ts";

const long = "a long name ü ".repeat(15);
/** A store in memory with something of everything that an archive can hold. */
function filled(): SqliteFileSystem {
  const fs = sqlite(":memory:", { uid: 7, gid: 8, mode: 0o711 });
  let uid = 1000;
  const create = (
    folder: SqliteNode,
    name: string,
    kind: Parameters<typeof fs.create>[2],
  ) => {
    const times = { atime: time(1e9 + uid, 5), mtime: time(-uid, 999_999_999) };
    const attributes = { mode: 0o4751, uid: uid++, gid: 2 ** 31, ...times };
    return fs.create(folder, name, kind, { attributes }).node;
  };
  const root = fs.root();
  const folder = create(root, "folder", { type: "directory" });
  const deep = create(folder, long, { type: "directory" });
  for (const length of [0, 1, 511, 512, 513, 16_384, 300_000]) {
    const file = create(deep, `file${length}`, { type: "file" });
    fs.write(file, 0, pattern(length, length), "file");
    fs.setattr(file, { mtime: time(length, length) });
  }
  const file = find(fs, `folder/${long}/file513`);
  fs.link(file, root, "link");
  create(root, "symlink", { type: "symlink", target: "../ö" });
  create(root, "long symlink", { type: "symlink", target: long });
  create(folder, "fifo", { type: "fifo" });
  const rdev = { major: 259, minor: 2 ** 31 };
  create(folder, "disk", { type: "block-device", rdev });
  create(folder, "tty", { type: "character-device", rdev });
  fs.setattr(folder, { mtime: time(5, 6), mode: 0o1777 });
  const xattrs: [SqliteNode, string, Uint8Array][] = [
    [root, "of the root", pattern(10, 1)],
    [folder, "a=b%3Dc%", pattern(10, 2)],
    [file, "é.日", Uint8Array.from({ length: 512 }, (_, i) => 255 - i % 256)],
    [file, "empty", new Uint8Array(0)],
    [file, "large", pattern(65_536, 3)],
    [find(fs, `folder/${long}/file300000`), "n", pattern(1, 4)],
  ];
  for (const each of xattrs) fs.setxattr(...each, "create");
  return fs;
}

/** All that an archive keeps of a tree, by path. */
async function picture(
  fs: SqliteFileSystem,
): Promise<Map<string, unknown>> {
  const seen = new Map<string, unknown>();
  const first = new Map<number, string>();
  const add = async (node: SqliteNode, path: string) => {
    const { type, mode, uid, gid, mtime, target, rdev, fileid } = node;
    const same = first.get(fileid) ?? path;
    first.set(fileid, same);
    const bytes = type === "file" ? await whole(fs, node) : undefined;
    const nlink = node.nlink;
    const xattrs = fs.listxattrs(node)
      .map((name) => [name, fs.getxattr(node, name)]);
    const kept = { type, mode, uid, gid, mtime, target, rdev, nlink, xattrs };
    seen.set(path, { ...kept, same, bytes });
    if (type !== "directory") return;
    for (const { name } of fs.readdir(node, 0, 1000).entries) {
      await add(fs.lookup(node, name)!, `${path}/${name}`);
    }
  };
  await add(fs.root(), "");
  return seen;
}

async function archiveOf(fs: SqliteFileSystem): Promise<Uint8Array> {
  return new Uint8Array(await new Response(exportTree(fs)).arrayBuffer());
}

Deno.test("what is exported and imported is the same tree", async () => {
  const [one, other] = [filled(), sqlite(":memory:")];
  const bytes = await archiveOf(one);
  assertEquals(bytes.length % 512, 0);
  const done = await importTree(other, streamOf(bytes));
  const before = await picture(one);
  const after = await picture(other);
  assertEquals([...after.keys()].sort(), [...before.keys()].sort());
  for (const [path, node] of before) assertEquals(after.get(path), node, path);
  assertEquals(done.files, before.size);
  await one.dispose();
  await other.dispose();
});

Deno.test("progress is told, and ends with all files and bytes", async () => {
  const [one, other] = [filled(), sqlite(":memory:")];
  let exported = { files: 0, bytes: 0 };
  const stream = exportTree(one, {
    progress(done) {
      assert(done.files >= exported.files && done.bytes >= exported.bytes);
      exported = { ...done };
    },
  });
  let imported = { files: 0, bytes: 0 };
  const progress = (done: typeof imported) => void (imported = { ...done });
  const done = await importTree(other, stream, { progress });
  assertEquals(imported, done);
  assertEquals(exported, done);
  assertEquals(done.bytes, 0 + 1 + 511 + 512 + 513 + 16_384 + 300_000);
  await one.dispose();
  await other.dispose();
});

Deno.test("sockets are skipped, and named", async () => {
  const fs = sqlite(":memory:");
  const attributes = { mode: 0o600, uid: 0, gid: 0 };
  fs.create(fs.root(), "socket", { type: "socket" }, { attributes });
  make(fs, "file");
  const skipped: string[] = [];
  const stream = exportTree(fs, { skipped: (path) => skipped.push(path) });
  const other = sqlite(":memory:");
  await importTree(other, stream);
  assertEquals(skipped, ["./socket"]);
  assertEquals([...(await picture(other)).keys()], ["", "/file"]);
  await fs.dispose();
  await other.dispose();
});

Deno.test("an import goes over what is there", async () => {
  const one = filled();
  const other = filled();
  const file = find(other, `folder/${long}/file512`);
  other.write(file, 0, pattern(40_000, 9), "file");
  make(other, "mine");
  await assertRejects(
    () => importTree(other, exportTree(one)),
    Error,
    "--merge",
  );
  await importTree(other, exportTree(one), { merge: true });
  const [before, after] = [await picture(one), await picture(other)];
  assert(after.delete("/mine"));
  for (const [path, node] of before) assertEquals(after.get(path), node, path);
  await one.dispose();
  await other.dispose();
});

Deno.test("the folders of a large archive get their times by pieces", async () => {
  const one = sqlite(":memory:");
  const mtime = time(5, 6);
  const attributes = { mode: 0o700, uid: 1, gid: 2, mtime };
  for (let i = 0; i < 2500; i++) {
    one.create(one.root(), `${i}`, { type: "directory" }, { attributes });
  }
  const other = sqlite(":memory:");
  let unsettled = 0;
  let most = 0;
  const [setattr, settle] = [other.setattr, other.settle];
  other.setattr = function (...args) {
    most = Math.max(most, ++unsettled);
    return setattr.apply(this, args);
  };
  other.settle = function () {
    unsettled = 0;
    return settle.apply(this);
  };
  await importTree(other, exportTree(one));
  assertEquals(most, 1000);
  for (const name of ["0", "2499"]) {
    assertEquals(find(other, name).mtime, mtime);
  }
  await one.dispose();
  await other.dispose();
});

Deno.test("folders that an archive does not name are made", async () => {
  const fs = sqlite(":memory:");
  await importTree(fs, streamOf(archive({ path: "/a/b//./c" })));
  assertEquals(find(fs, "a/b/c").type, "file");
  await fs.dispose();
});
const canRun = Deno.permissions.querySync({ name: "run" }).state === "granted";

Deno.test({
  name: "GNU tar reads what is exported, and is read, long names and all",
  ignore: !canRun || Deno.build.os !== "linux",
  async fn() {
    using folder = temporary();
    const run = async (...args: string[]) => {
      const { success, stderr } = await new Deno.Command("tar", {
        args: ["-C", folder.path, ...args],
        stderr: "piped",
      }).output();
      assert(success, new TextDecoder().decode(stderr));
    };
    const fs = filled();
    for (const name of ["disk", "tty"]) fs.remove(find(fs, "folder"), name);
    Deno.writeFileSync(`${folder.path}/a.tar`, await archiveOf(fs));
    Deno.mkdirSync(`${folder.path}/tree`);
    await run("-xf", `${folder.path}/a.tar`, "-C", "tree", "--no-same-owner");
    const path = `${folder.path}/tree/folder/${long}/file513`;
    assertEquals(Deno.readFileSync(path), pattern(513, 513));
    assertEquals(Deno.statSync(path).nlink, 2);
    for (const format of ["gnu", "pax", "ustar", "v7"]) {
      // Names of more than 100 bytes are too much for v7, and so is a fifo.
      const tree = format === "v7" || format === "ustar" ? "plain" : "tree";
      Deno.mkdirSync(`${folder.path}/plain`, { recursive: true });
      Deno.writeFileSync(`${folder.path}/plain/file`, pattern(513, 1));
      await run(
        "-cf",
        `${folder.path}/b.tar`,
        `--format=${format}`,
        "-C",
        tree,
        ".",
      );
      const bytes = Deno.readFileSync(`${folder.path}/b.tar`);
      const other = sqlite(":memory:");
      await importTree(other, streamOf(bytes, 10_000));
      const name = tree === "tree" ? `folder/${long}/file513` : "file";
      const seed = tree === "tree" ? 513 : 1;
      assertEquals(await whole(other, find(other, name)), pattern(513, seed));
      await other.dispose();
    }
    await fs.dispose();
  },
});

for (const code of ["too-big", "no-space"] as const) {
  Deno.test(`a store that refuses a part of a member with ${code} has no part of it, or tells which it was`, async () => {
    const packed = archive({ path: "d/a", size: 5 }, block(5), { path: "z" });
    const fs = sqlite(":memory:");
    fs.write = () => {
      throw new FsError(code);
    };
    const skipped: string[] = [];
    const imported = importTree(fs, streamOf(packed), {
      skipped: (path, reason) => skipped.push(`${path}: ${reason}`),
    });
    if (code === "too-big") {
      await imported;
      assertEquals(skipped, ["d/a: too-big"]);
      assertEquals(fs.lookup(find(fs, "d"), "a"), undefined);
      assertEquals(find(fs, "z").size, 0);
    } else {
      const error = await assertRejects(() => imported, FsError);
      assertEquals(error.code, code);
      assertStringIncludes(error.message, "can't import d/a");
    }
    await fs.dispose();
  });
}

Deno.test("a link that can't be made leaves what it was to replace", async () => {
  const fs = sqlite(":memory:");
  const file = make(fs, "a");
  fs.write(make(fs, "b"), 0, pattern(5, 1), "file");
  while (file.nlink < 65_535) fs.link(file, fs.root(), `${file.nlink}`);
  const told: string[] = [];
  await importTree(
    fs,
    streamOf(archive({ path: "b", type: "link", target: "a" })),
    {
      merge: true,
      skipped: (_path, reason) => told.push(reason),
    },
  );
  assertEquals(told, ["too-many-links"]);
  assertEquals(await whole(fs, find(fs, "b")), pattern(5, 1));
  await fs.dispose();
});
