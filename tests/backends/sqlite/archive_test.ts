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
import {
  encodeEnd,
  encodeMember,
} from "../../../src/backends/sqlite/tar/encode.ts";
import {
  checksumOf,
  type Member,
} from "../../../src/backends/sqlite/tar/header.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";

const encoder = new TextEncoder();
const long = "a long name ü ".repeat(15);
const time = (seconds: number, nanoseconds: number) => ({
  seconds,
  nanoseconds,
});

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

/** A stream of `bytes` in pieces of a length that fits nothing. */
function streamOf(bytes: Uint8Array, piece = 777): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, at += piece));
    },
  });
}

function archive(...members: (Partial<Member> | Uint8Array)[]): Uint8Array {
  const parts = members.map((member) =>
    member instanceof Uint8Array ? member : encodeMember({
      ...{ path: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0 },
      ...{ mtime: time(0, 0), target: "", major: 0, minor: 0 },
      ...member,
    })
  );
  parts.push(encodeEnd());
  const bytes = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
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

Deno.test("an import over what is in a store tells that no server was there last", async () => {
  const one = filled();
  const other = sqlite(":memory:");
  const last = () => other.records.all("server").size;
  await importTree(other, exportTree(one));
  assertEquals(last(), 0);
  await importTree(other, exportTree(one), { merge: true });
  assertEquals(last(), 1);
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

/** A header by itself, without records before it, after `change` was made to it. */
function bare(change: (header: Uint8Array) => void, of: Partial<Member> = {}) {
  // Behind the header and the block of its pax records.
  const header = archive(of).slice(1024, 1536);
  change(header);
  const sum = checksumOf(header).toString(8).padStart(6, "0");
  encoder.encodeInto(sum, header.subarray(148));
  return header;
}

/** Of a file that was changed before there was time: -2^88 s, in GNU's way. */
const ancient = bare((header) => {
  header.fill(0, 136, 148);
  header[136] = 0xc0;
});

/** By a name in Latin-1. */
const latin1 = bare((header) => header.set([0x6e, 0xe4, 0x68, 0], 0));

/** Members that no store can hold, each wrong by itself, and what is said of them. */
const bad: [(Partial<Member> | Uint8Array)[], string][] = [
  [[{ path: "../a" }], "leads out"],
  [[{ path: "b/../../a" }], "leads out"],
  [[{ path: "link/passwd" }], "link is no folder"],
  [[{ type: "link", target: "missing" }], "which is no file"],
  [[{ path: "folder" }], "there is a folder of that name"],
  [[{ type: "symlink" }], "no target"],
  [[{ type: "symlink", target: "a\0b" }], "no target"],
  [[{ type: "symlink", target: "é".repeat(2049) }], "no target"],
  [[ancient], "number that can't be"],
  [[{ mtime: time(-(2 ** 53), 1) }], "number that can't be"],
  [[{ uid: 2 ** 32 - 1 }], "uid 4294967295 is more than"],
  [[{ gid: 2 ** 40 }], "gid 1099511627776 is more than"],
  [[{ path: "n".repeat(256) }], "name-too-long"],
  [[latin1], "not UTF-8"],
  [[{ path: "../b", size: 5 }, block(5)], "leads out"],
  [[bare((header) => header[156] = 0x59)], 'type "Y"'],
];

Deno.test("a member that can't be unpacked is skipped and told, and takes no other with it", async () => {
  for (const [members, reason] of bad) {
    const fs = sqlite(":memory:");
    const told: string[] = [];
    const packed = archive(
      { path: "folder", type: "directory" },
      { path: "link", type: "symlink", target: "/etc" },
      ...members,
      { path: "last", size: 5 },
      block(5),
    );
    await importTree(fs, streamOf(packed), {
      skipped: (_path, reason) => told.push(reason),
    });
    assertEquals(told.length, 1, reason);
    assertStringIncludes(told[0]!, reason);
    assertEquals(await whole(fs, find(fs, "last")), pattern(5, 1), reason);
    const { entries } = fs.readdir(fs.root(), 0, 10);
    const names = entries.map(({ name }) => name).sort();
    assertEquals(names, ["folder", "last", "link"], reason);
    await fs.dispose();
  }
});

Deno.test("an archive that leads out, lies or ends too soon is refused where no skipped member is listened for", async () => {
  const whole = archive({ size: 5 }, new Uint8Array(512));
  const flipped = whole.slice();
  flipped[1024 + 3]! ^= 1;
  const wrong: [Uint8Array, string][] = [
    [whole.subarray(0, 1540), "ends in the middle"],
    [whole.subarray(0, 700), "ends in the middle"],
    [flipped, "not a tar archive"],
    [whole.subarray(0, whole.length - 1024), "lacks its end"],
    ...bad.map(([members, reason]) =>
      [
        archive(
          { path: "folder", type: "directory" },
          { path: "link", type: "symlink", target: "/etc" },
          ...members,
        ),
        reason,
      ] satisfies [Uint8Array, string]
    ),
  ];
  for (const [bytes, message] of wrong) {
    const fs = sqlite(":memory:");
    await assertRejects(() => importTree(fs, streamOf(bytes)), Error, message);
    await fs.dispose();
  }
});

/** A header whose path is cut after 100 bytes, as GNU tar and bsdtar cut it; the whole path is in `before`. */
function cut(path: string, before: "pax" | "gnu"): Uint8Array[] {
  const name = encoder.encode(path);
  const header = bare((header) => header.set(name.subarray(0, 100)));
  if (before === "pax") return [archive({ path }).slice(0, -1536), header];
  const long = { path: "././@LongLink", size: name.length + 1 };
  const body = new Uint8Array(Math.ceil((name.length + 1) / 512) * 512);
  body.set(name);
  const letter = "L".charCodeAt(0);
  return [bare((header) => header[156] = letter, long), body, header];
}

Deno.test("a name that its header cuts within a character is read from the records before it", async () => {
  for (const character of ["a", "é", "日", "😀"]) {
    for (const shift of ["", "x", "xx", "xxx"]) {
      const path = shift + character.repeat(60);
      for (const before of ["pax", "gnu"] as const) {
        if (encoder.encode(path).length <= 100) continue;
        const fs = sqlite(":memory:");
        await importTree(fs, streamOf(archive(...cut(path, before))));
        assertEquals(find(fs, path).type, "file", `${before} ${path}`);
        await fs.dispose();
      }
    }
  }
});

Deno.test("records that mean nothing to us may be any bytes", async () => {
  const record = encoder.encode("36 SCHILY.xattr.user.x=0123456789ab\n");
  record.set([0xff, 0x00, 0xc3, 0x3d], 24);
  const body = new Uint8Array(512);
  body.set(record);
  const letter = "x".charCodeAt(0);
  const size = record.length;
  const header = bare((header) => header[156] = letter, { size });
  const fs = sqlite(":memory:");
  const members = archive(header, body, bare(() => {}, { path: "file" }));
  await importTree(fs, streamOf(members));
  assertEquals(find(fs, "file").type, "file");
  await fs.dispose();
});

Deno.test("names and records of which no member comes are refused in time", async () => {
  const before = archive({ path: "n/".repeat(2 ** 19) }).slice(0, -1536);
  for (const letter of ["x", "g", "L", "K"]) {
    before[156] = letter.charCodeAt(0);
    const sum = checksumOf(before.subarray(0, 512)).toString(8);
    new TextEncoder().encodeInto(sum.padStart(6, "0"), before.subarray(148));
    let given = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (given++ < 100) controller.enqueue(before);
        else controller.close();
      },
    });
    await using fs = disposing(sqlite(":memory:"));
    await assertRejects(
      () => importTree(fs.value, endless),
      Error,
      "a damaged header",
    );
    assert(given < 20, `${given} MiB of ${letter}`);
  }
});

Deno.test("a member may have more records than a call takes arguments", async () => {
  const many = "6 a=b\n".repeat(300_000);
  const body = new Uint8Array(Math.ceil(many.length / 512) * 512);
  new TextEncoder().encodeInto(many, body);
  // Behind the header of its own records, and those.
  const header = archive({ size: many.length }).slice(1024, 1536);
  header[156] = "x".charCodeAt(0);
  const sum = checksumOf(header).toString(8).padStart(6, "0");
  new TextEncoder().encodeInto(sum, header.subarray(148));
  await using fs = disposing(sqlite(":memory:"));
  await importTree(
    fs.value,
    streamOf(archive(header, body, { path: "b" }), 1e6),
  );
  assert(fs.value.lookup(fs.value.root(), "b"));
});

/** A header of pax records, of one member ("x") or of all ("g"), and those. */
function recordsOf(letter: string, records: string[]): Uint8Array[] {
  const body = new Uint8Array(512);
  const { written: size } = encoder.encodeInto(
    records.map((each) => {
      const rest = ` ${each}\n`;
      const length = rest.length + (rest.length < 9 ? 1 : 2);
      return `${length}${rest}`;
    }).join(""),
    body,
  );
  return [bare((header) => header[156] = letter.charCodeAt(0), { size }), body];
}

Deno.test("a record without a value undoes those before it, and the header's field holds", async () => {
  const keys = ["path", "size", "uid", "mtime", "SCHILY.devmajor"];
  const given = keys.map((key) => `${key}=7`);
  const undone = keys.map((key) => `${key}=`);
  const common = recordsOf("g", ["uid=8", "gid=9"]);
  await using fs = disposing(sqlite(":memory:"));
  const header = bare(() => {}, {
    ...{ path: "a", size: 5, uid: 3, mtime: time(4, 0) },
  });
  await importTree(
    fs.value,
    streamOf(archive(
      ...common,
      ...recordsOf("x", [...given, ...undone]),
      header,
      block(5),
    )),
  );
  const file = find(fs.value, "a");
  assertEquals([file.uid, file.gid, file.mtime], [3, 9, time(4, 0)]);
  assertEquals(await whole(fs.value, file), pattern(5, 1));
});

Deno.test("a file whose name ends in a slash is a folder, as those of V7 are", async () => {
  for (const letter of ["0", "\0"]) {
    await using fs = disposing(sqlite(":memory:"));
    const folder = bare((header) => header[156] = letter.charCodeAt(0), {
      ...{ path: "d/", mode: 0o750 },
    });
    await importTree(
      fs.value,
      streamOf(archive(folder, bare(() => {}, { path: "d/a" }))),
    );
    assertEquals(find(fs.value, "d").mode, 0o750);
    assertEquals(find(fs.value, "d/a").type, "file");
  }
});

Deno.test("a file without a name is told of", async () => {
  for (const path of ["/", ".", "./"]) {
    const told: string[] = [];
    await using fs = disposing(sqlite(":memory:"));
    await importTree(fs.value, streamOf(archive({ path, type: "fifo" })), {
      skipped: (path, reason) => told.push(`${path} ${reason}`),
    });
    assertEquals(told, [`${path} it has no name`]);
  }
});

Deno.test("an archive is read to the end of its stream, whatever is behind its own", async () => {
  let given = 0;
  const whole = archive({ path: "a" });
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given++ === 0) controller.enqueue(whole);
      else if (given < 100) controller.enqueue(new Uint8Array(65_536).fill(7));
      else controller.close();
    },
  }, { highWaterMark: 0 });
  await using fs = disposing(sqlite(":memory:"));
  await importTree(fs.value, stream);
  assertEquals(given, 100);
});

function disposing(value: SqliteFileSystem) {
  return { value, [Symbol.asyncDispose]: () => value.dispose() };
}

Deno.test("what is no archive is refused before anything is changed", async () => {
  const packed: [number[], string][] = [
    [[0x1f, 0x8b, 8], "this is gzip: unpack it first: gunzip -c"],
    [[0x42, 0x5a, 0x68], "this is bzip2"],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "this is xz"],
    [[0x28, 0xb5, 0x2f, 0xfd], "this is zstd"],
    [[], "no input"],
    [[65, 66], "no tar archive"],
  ];
  const fs = sqlite(":memory:");
  const { operations } = fs.stats;
  for (const [start, message] of packed) {
    const bytes = new Uint8Array(start.length > 2 ? 2000 : start.length);
    bytes.set(start);
    await assertRejects(() => importTree(fs, streamOf(bytes)), Error, message);
  }
  const text = new Uint8Array(2000).fill(65);
  await assertRejects(() => importTree(fs, streamOf(text)), Error, "no tar");
  assertEquals(fs.stats.operations, operations);
  await fs.dispose();
});

Deno.test({
  name:
    "an import that was not finished is told by check, and may be done again",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const whole = archive({ path: "a" }, { path: "b", size: 5 }, block(5));
    await using(folder.path, async (fs) => {
      const part = streamOf(whole.subarray(0, 3000));
      await assertRejects(() => importTree(fs, part), Error, "ends in");
      find(fs, "a");
    });
    const { problems } = await checkStore(folder.path);
    assertEquals(problems, [
      "an import was not finished: import the archive again",
    ]);
    await using(folder.path, async (fs) => {
      await importTree(fs, streamOf(whole));
      const again = () => importTree(fs, streamOf(whole));
      await assertRejects(again, Error, "has files in it");
    });
    assertEquals((await checkStore(folder.path)).problems, []);
  },
});

function block(length: number): Uint8Array {
  const bytes = new Uint8Array(512);
  bytes.set(pattern(length, 1));
  return bytes;
}

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
