import { assert, assertEquals, assertThrows } from "@std/assert";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { edit, problemsOf } from "./damage.ts";
import {
  attributes,
  canWrite,
  copyFolder,
  find,
  make,
  pattern,
  temporary,
  using,
} from "./fixture.ts";

const ignore = !canWrite;
const HUGE = "9223372036854775807";

/** A store with the file "f" in the folder "d". */
async function fill(directory: string): Promise<void> {
  await using(directory, (fs) => {
    const kind = { type: "directory" } as const;
    const { node } = fs.create(fs.root(), "d", kind, { attributes });
    fs.write(make(fs, "f", node), 0, pattern(50_000, 1), "file");
  });
}

/** A new value of a row of `f`, and what is said of it; "N" is its number. */
const wrong: readonly [table: string, change: string, said: string][] = [
  [
    "entries",
    "name = '..'",
    "entry '..' of folder N has a name that can't be: ./d",
  ],
  [
    "entries",
    "name = ''",
    "entry '' of folder N has a name that can't be: ./d",
  ],
  [
    "entries",
    "name = 'a/../../b'",
    "entry 'a/../../b' of folder N has a name that can't be: ./d",
  ],
  [
    "entries",
    "name = char(65, 0, 66)",
    "of folder N has a name that can't be: ./d",
  ],
  [
    "entries",
    `cookie = ${HUGE}`,
    `entry 'f' of folder N has cookie ${HUGE}, which can't be: ./d`,
  ],
  ["inodes", "type = 'foo'", "node N is a 'foo', which there is not: ./d/f"],
  ["inodes", "mode = -1", "file N has mode -1, which can't be: ./d/f"],
  ["inodes", "uid = -7", "file N has uid -7, which can't be: ./d/f"],
  ["inodes", "size = -5", "file N has size -5, which can't be: ./d/f"],
  [
    "inodes",
    "mtime_ns = 2000000000",
    "file N has mtime_ns 2000000000, which can't be: ./d/f",
  ],
  [
    "inodes",
    `mtime = ${HUGE}`,
    `file N has mtime ${HUGE}, which can't be: ./d/f`,
  ],
  [
    "inodes",
    `change = 9007199254740993`,
    "file N has change 9007199254740993, which can't be: ./d/f",
  ],
  [
    "inodes",
    "nlink = 65536",
    "file N has more links than can be: 65536: ./d/f",
  ],
];

for (const [table, change, said] of wrong) {
  Deno.test({
    name: `a check finds ${table} with ${change}, and where that is`,
    ignore,
    async fn() {
      using folder = temporary();
      await fill(folder.path);
      const f = "(SELECT fileid FROM entries WHERE name = 'f')";
      edit(folder.path, `UPDATE ${table} SET ${change} WHERE fileid = ${f}`);
      const problems = (await problemsOf(folder.path))
        .map((line) => line.replace(/(folder|node|file) \d+/, "$1 N"));
      assert(problems.some((line) => line.endsWith(said)), problems.join("\n"));
    },
  });
}

Deno.test({
  name: "a check finds a trigger, which the store has not made",
  ignore,
  async fn() {
    using folder = temporary();
    await fill(folder.path);
    edit(
      folder.path,
      "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM inodes; END",
    );
    assertEquals(await problemsOf(folder.path), [
      "trigger 't' of the database is not the store's",
    ]);
  },
});

Deno.test({
  name:
    "rows of the journal that no store has written are told, and written nowhere",
  ignore,
  async fn() {
    using folder = temporary();
    await fill(folder.path);
    for (const start of ["-5", HUGE]) {
      edit(
        folder.path,
        `INSERT INTO journal SELECT 1, outside, ${start}, x'41' FROM inodes
         WHERE outside <> 0`,
      );
      const [problem, ...others] = await problemsOf(folder.path);
      assert(problem?.startsWith(`journal row 1 is for byte ${start} of`));
      assertEquals(others, []);
      assertEquals(await problemsOf(folder.path), []);
    }
    await using(folder.path, async (fs) => {
      const bytes = new Uint8Array(50_000);
      await fs.read(find(fs, "d/f"), 0, bytes);
      assertEquals(bytes, pattern(50_000, 1));
    });
  },
});

Deno.test({
  name:
    "a store without its tag or its ceiling, or with one that can't be, is refused with a line",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, other] = [`${folder.path}/store`, `${folder.path}/other`];
    await fill(store);
    for (const [i, name] of ["tag", "ceiling"].entries()) {
      for (
        const [j, change] of [
          `DELETE FROM meta WHERE name = '${name}'`,
          `UPDATE meta SET value = ${HUGE} WHERE name = '${name}'`,
          `UPDATE meta SET value = -1 WHERE name = '${name}'`,
        ].entries()
      ) {
        const path = `${other}${i}${j}`;
        copyFolder(store, path);
        edit(path, change);
        const { message } = assertThrows(() => sqlite(path), Error);
        const said = `store.db is damaged: it has no ${name} that can be`;
        assertEquals(message, `can't open the store ${path}: ${said}`);
      }
    }
  },
});

Deno.test({
  name: 'what is read with a number that no store has written is "io"',
  ignore,
  async fn() {
    using folder = temporary();
    await fill(folder.path);
    edit(folder.path, `UPDATE inodes SET mtime = ${HUGE} WHERE type = 'file'`);
    await using(folder.path, (fs) => {
      const directory = find(fs, "d");
      for (
        const read of [
          () => fs.lookup(directory, "f"),
          () => fs.readdir(directory, 0, 10),
        ]
      ) {
        assertEquals(assertThrows(read, FsError).code, "io");
      }
    });
  },
});

Deno.test({
  name: "a problem far down is told with the last folders above it",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => {
      let directory = fs.root();
      const kind = { type: "directory" } as const;
      for (let level = 0; level < 100; level++) {
        directory = fs.create(directory, `${level}`, kind, { attributes }).node;
      }
      make(fs, "f", directory);
    });
    edit(folder.path, "UPDATE inodes SET mode = -1 WHERE type = 'file'");
    const [problem] = await problemsOf(folder.path);
    assert(/: …\/\d+(\/\d+)*\/98\/99\/f$/.test(problem!), problem);
  },
});
