import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { importTree } from "../../../src/backends/sqlite/archive.ts";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import type { Member } from "../../../src/backends/sqlite/tar/header.ts";
import { archive, bare, block, streamOf, summed, time } from "./archives.ts";
import { find, make, pattern, whole } from "./fixture.ts";

const encoder = new TextEncoder();

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
    summed(before);
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
  encoder.encodeInto(many, body);
  const letter = "x".charCodeAt(0);
  const size = many.length;
  const header = bare((header) => header[156] = letter, { size });
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

Deno.test("records of a sparse file mean nothing on what is no file, nor for all members", async () => {
  const sparse = ["GNU.sparse.size=100", "GNU.sparse.map="];
  await using fs = disposing(sqlite(":memory:"));
  const packed = archive(
    ...recordsOf("x", sparse),
    bare((header) => header[156] = "2".charCodeAt(0), {
      path: "s",
      target: "t",
    }),
    ...recordsOf("x", ["GNU.sparse.major=1", "GNU.sparse.minor=0"]),
    bare((header) => header[156] = "6".charCodeAt(0), { path: "fifo" }),
    ...recordsOf("g", sparse),
    bare(() => {}, { path: "file", size: 5 }),
    block(5),
  );
  await importTree(fs.value, streamOf(packed));
  assertEquals(find(fs.value, "s").target, "t");
  assertEquals(find(fs.value, "fifo").type, "fifo");
  const file = find(fs.value, "file");
  assertEquals(await whole(fs.value, file), pattern(5, 1));
});

Deno.test("a sparse file of less than nothing is refused, and takes nothing away", async () => {
  const negative = (header: Uint8Array) => {
    header[156] = "S".charCodeAt(0);
    // -(2^70), in GNU's way.
    header.set([0xff, 0xff, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 483);
  };
  const size = ["GNU.sparse.map=", "GNU.sparse.size=-1e30"];
  for (
    const members of [
      [bare(negative, { path: "sp" })],
      [...recordsOf("x", size), bare(() => {}, { path: "sp" })],
    ]
  ) {
    await using fs = disposing(sqlite(":memory:"));
    fs.value.write(make(fs.value, "sp"), 0, pattern(5, 1), "file");
    const imported = () =>
      importTree(fs.value, streamOf(archive(...members)), {
        merge: true,
        skipped: () => {},
      });
    await assertRejects(imported, Error, "number that can't be");
    const file = find(fs.value, "sp");
    assertEquals(await whole(fs.value, file), pattern(5, 1));
  }
});

Deno.test("what GNU tar calls an archive is no file that is missed", async () => {
  const label = bare((header) => header[156] = "V".charCodeAt(0), {
    path: "backup of monday",
  });
  await using fs = disposing(sqlite(":memory:"));
  const skipped: string[] = [];
  await importTree(fs.value, streamOf(archive(label, { path: "a" })), {
    skipped: (path) => skipped.push(path),
  });
  assertEquals(skipped, []);
  assertEquals(find(fs.value, "a").type, "file");
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
