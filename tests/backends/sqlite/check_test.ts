import { assert, assertEquals, assertRejects } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { serve } from "../../../src/server.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { exportTree } from "../../../src/backends/sqlite/archive.ts";
import { anonymousStateid, op, openSession } from "../../support/client/mod.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import { createLogger } from "../../../src/base/log.ts";
import { edit, harmContents, problemsOf, spoilRoot } from "./damage.ts";
import {
  attributes,
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
} from "./fixture.ts";

const ignore = !canWrite;

/** A store with something of everything. */
async function fill(directory: string): Promise<void> {
  await using(directory, (fs) => {
    const options = { attributes };
    const folder = fs.create(
      fs.root(),
      "folder",
      { type: "directory" },
      options,
    ).node;
    fs.create(folder, "inner", { type: "directory" }, options);
    const symlink = { type: "symlink", target: "ü" } as const;
    fs.create(folder, "symlink", symlink, options);
    const rdev = { major: 8, minor: 1 };
    fs.create(folder, "disk", { type: "block-device", rdev }, options);
    fs.write(make(fs, "small", folder), 0, pattern(100, 1), "file");
    const large = make(fs, "large", folder);
    fs.write(large, 0, pattern(50_000, 1), "file");
    fs.link(large, fs.root(), "link");
    const hole = { attributes: { ...attributes, size: 100_000 } };
    fs.create(folder, "hole", { type: "file" }, hole);
  });
}

/** What a check finds after the database was changed behind the store's back. */
async function findings(sql: string): Promise<readonly string[]> {
  using folder = temporary();
  await fill(folder.path);
  edit(folder.path, sql);
  return await problemsOf(folder.path);
}

Deno.test({
  name: "a sound store has no problems",
  ignore,
  async fn() {
    using folder = temporary();
    await fill(folder.path);
    const { problems, files, bytes } = await checkStore(folder.path);
    assertEquals([problems, files], [[], 8]);
    assert(bytes >= 50_100 && bytes < 100_000, String(bytes));
  },
});

const id = (name: string) =>
  `(SELECT fileid FROM entries WHERE name = '${name}')`;

/** Damage, and a word of what is said of it. */
const damages: readonly [what: string, sql: string, said: RegExp][] = [
  [
    "an entry that leads nowhere",
    `DELETE FROM inodes WHERE fileid = ${id("disk")}`,
    /entry 'disk' of folder \d+ leads to \d+, which is missing/,
  ],
  [
    "an entry in what is no folder",
    `INSERT INTO entries VALUES (${id("small")}, 'x', 50, ${id("large")});
     UPDATE inodes SET nlink = nlink + 1 WHERE fileid = ${id("large")}`,
    /entry 'x' is in \d+, which is no folder/,
  ],
  [
    "a wrong link count",
    `UPDATE inodes SET nlink = 5 WHERE fileid = ${id("large")}`,
    /file \d+ has 5 links, but 2 names/,
  ],
  [
    "a file without a name",
    "DELETE FROM entries WHERE name = 'small'",
    /file \d+ has 1 links, but 0 names/,
  ],
  [
    "a folder with two names",
    `INSERT INTO entries VALUES (1, 'again', 50, ${id("inner")})`,
    /folder \d+ has 2 names/,
  ],
  [
    "a wrong count of folders",
    `UPDATE inodes SET nlink = 7 WHERE fileid = ${id("folder")}`,
    /folder \d+ has 7 links, but 1 folders in it/,
  ],
  [
    "a folder with another parent",
    `UPDATE inodes SET parent = 1 WHERE fileid = ${id("inner")}`,
    /folder \d+ is in \d+, but its parent is 1/,
  ],
  [
    "a cycle",
    `UPDATE entries SET parent = ${id("inner")} WHERE name = 'folder'`,
    /folder \d+ can't be reached from the root/,
  ],
  [
    "no root",
    "DELETE FROM inodes WHERE fileid = 1",
    /there is no root folder/,
  ],
  [
    "lost content",
    `DELETE FROM contents WHERE fileid = ${id("small")}`,
    /file \d+ of 100 bytes has content of 0/,
  ],
  [
    "content of nothing",
    "INSERT INTO contents VALUES (12345, x'00')",
    /content of 12345 belongs to no file/,
  ],
  [
    "a symlink that was cut",
    `UPDATE inodes SET target = '' WHERE fileid = ${id("symlink")}`,
    /symlink \d+ of 2 bytes leads to ''/,
  ],
  [
    "a device without a number",
    `UPDATE inodes SET major = NULL WHERE fileid = ${id("disk")}`,
    /block-device \d+ has no device number/,
  ],
  [
    "a number that could come again",
    "UPDATE meta SET value = 3 WHERE name = 'ceiling'",
    /number \d+ is above the ceiling/,
  ],
  [
    "a content that no file has",
    `UPDATE inodes SET outside = 0, size = 0 WHERE fileid = ${id("large")}`,
    /content .* belongs to no file/,
  ],
];

for (const [what, sql, said] of damages) {
  Deno.test({
    name: `a check finds ${what}`,
    ignore,
    async fn() {
      const problems = await findings(sql);
      assert(problems.some((line) => said.test(line)), problems.join("\n"));
    },
  });
}

Deno.test({
  name: "a store whose first start ended before it had a root has no problems",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, () => {});
    edit(folder.path, "DELETE FROM inodes");
    assertEquals(await problemsOf(folder.path), []);
    await using(folder.path, (fs) => make(fs, "a"));
  },
});

Deno.test({
  name: "where there is no store, a check says so and makes none",
  ignore,
  async fn() {
    using folder = temporary();
    await assertRejects(() => checkStore(folder.path), Error, "no store");
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
});

Deno.test({
  name: "a check of a database with a page of garbage says so",
  ignore,
  async fn() {
    for (const table of ["entries", "listing", "inodes", "contents"]) {
      using folder = temporary();
      await fill(folder.path);
      spoilRoot(folder.path, table);
      const problems = await problemsOf(folder.path);
      assert(problems.some((line) => line.startsWith("database: ")), table);
    }
  },
});

/** Files with holes at their ends and in the middle, beside one without. */
async function fillWithHoles(directory: string): Promise<void> {
  await using(directory, (fs) => {
    const tail = make(fs, "tail");
    fs.write(tail, 0, pattern(40_000, 1), "file");
    fs.setattr(tail, { size: 1_000_000 });
    const middle = make(fs, "middle");
    fs.write(middle, 0, pattern(20_000, 1), "unstable");
    fs.write(middle, 500_000, pattern(20_000, 1), "unstable");
    const cut = make(fs, "cut");
    fs.write(cut, 0, pattern(100_000, 1), "file");
    fs.setattr(cut, { size: 30_001 });
    fs.setattr(cut, { size: 60_000 });
    fs.setattr(make(fs, "hole"), { size: 100_000 });
    fs.write(make(fs, "large"), 0, pattern(50_000, 1), "file");
  });
}

const NAMES = ["tail", "middle", "cut", "large"];

for (const damage of ["cut", "removed"] as const) {
  Deno.test({
    name:
      `a content that was ${damage} behind the store's back is found, and is no hole`,
    ignore,
    async fn() {
      using folder = temporary();
      await fillWithHoles(folder.path);
      assertEquals(await problemsOf(folder.path), []);
      harmContents(folder.path, damage);
      const problems = await problemsOf(folder.path);
      assertEquals(problems.length, NAMES.length, problems.join());
      for (const problem of problems) {
        const [, name = ""] =
          /has content \d+ of \d+, which was longer: \.\/(.*)$/
            .exec(problem) ?? [];
        assert(NAMES.includes(name), problem);
      }
      await using(folder.path, async (fs) => {
        for (const name of NAMES) {
          const file = find(fs, name);
          const target = new Uint8Array(10_000);
          const error = await assertRejects(
            async () => await fs.read(file, 10_000, target),
            FsError,
            "missing, or shorter",
          );
          assertEquals(error.code, "io");
        }
        const hole = new Uint8Array(100_000).fill(1);
        await fs.read(find(fs, "hole"), 0, hole);
        assert(hole.every((byte) => byte === 0));
        await assertRejects(
          () => new Response(exportTree(fs)).bytes(),
          FsError,
        );
      });
    },
  });
}

for (const damage of ["cut", "removed"] as const) {
  Deno.test({
    name:
      `a file whose content was ${damage} can't be changed into a sound one of zeros, only emptied`,
    ignore,
    async fn() {
      using folder = temporary();
      await fillWithHoles(folder.path);
      harmContents(folder.path, damage);
      const problems = await problemsOf(folder.path);
      const change = async (
        act: (fs: SqliteFileSystem, file: SqliteNode) => unknown,
      ) => {
        await using(folder.path, async (fs) => {
          for (const name of NAMES) {
            const error = await assertRejects(
              async () => void await act(fs, find(fs, name)),
              FsError,
            );
            assertEquals(error.code, "io", name);
          }
          // What has nothing but holes has lost nothing.
          await act(fs, find(fs, "hole"));
        });
        assertEquals(await problemsOf(folder.path), problems);
      };
      for (const stability of ["unstable", "data", "file"] as const) {
        const write = (at: (size: number) => number, length: number) =>
          change((fs, file) =>
            fs.write(file, at(file.size), pattern(length, 1), stability)
          );
        await write((size) => size, 5);
        await write((size) => size + 70_000, 5);
        await write(() => 10_000, 5);
        await write((size) => size - 40_000, 40_000);
      }
      await change((fs, file) => fs.setattr(file, { size: file.size - 1 }));
      await change((fs, file) => fs.setattr(file, { size: file.size + 1 }));
      await using(folder.path, async (fs) => {
        for (const name of NAMES) {
          const file = find(fs, name);
          await fs.setattr(file, { size: 0 });
          await fs.write(file, 0, pattern(50_000, 1), "file");
          await fs.settle();
        }
      });
      assertEquals(await problemsOf(folder.path), []);
    },
  });
}

Deno.test({
  name: "holes of a sound store are no damage: they read as zeros",
  ignore,
  async fn() {
    using folder = temporary();
    await fillWithHoles(folder.path);
    await using(folder.path, async (fs) => {
      for (const [name, size] of [["tail", 40_000], ["cut", 30_001]] as const) {
        const file = find(fs, name);
        const target = new Uint8Array(file.size).fill(7);
        await fs.read(file, 0, target);
        assertEquals(target.subarray(size).every((byte) => byte === 0), true);
        assertEquals(target[size - 1] !== 0, true);
      }
    });
  },
});

Deno.test({
  name:
    "a client that reads what is lost is told IO, and the operator by a line",
  ignore,
  async fn() {
    using folder = temporary();
    await fillWithHoles(folder.path);
    harmContents(folder.path, "removed");
    const lines: string[] = [];
    const log = createLogger({ write: (line) => lines.push(line) });
    const fs = sqlite(folder.path);
    await using server = await serve(
      [{ path: "/", fs, trust: "any" }],
      { port: 0, log },
    );
    await using session = await openSession(server);
    const read = op.read({ stateid: anonymousStateid, count: 100 });
    await session.expectStatus(Status.IO, [
      op.putrootfh(),
      op.lookup("large"),
      read,
    ]);
    assertEquals(lines.length, 1);
    assert(
      /ERROR.*content \d+ of file \d+ is missing/.test(lines[0]!),
      lines[0],
    );
  },
});
