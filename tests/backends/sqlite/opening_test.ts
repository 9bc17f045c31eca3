import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteOptions,
} from "../../../src/backends/sqlite/mod.ts";
import {
  migrate,
  SCHEMA_VERSION,
} from "../../../src/backends/sqlite/schema.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { edit, problemsOf } from "./damage.ts";
import { canWrite, find, make, pattern, whole } from "./fixture.ts";
import { temporary, using } from "./fixture.ts";

const ignore = !canWrite;

Deno.test({
  name:
    "a store whose disk's room Deno does not tell is refused, before anything is made, with the permission that it wants",
  ignore,
  permissions: { read: true, write: true, sys: false },
  async fn() {
    using folder = temporary();
    assertThrows(() => sqlite(folder.path), Error, "--allow-sys");
    assertEquals([...Deno.readDirSync(folder.path)], []);
    const inMemory = sqlite(":memory:");
    make(inMemory, "a");
    assert(inMemory.status().freeBytes > 0);
    await inMemory.dispose();
  },
});

Deno.test({
  name: "a second server on a store is refused, until the first is done",
  ignore,
  async fn() {
    using folder = temporary();
    const fs = sqlite(folder.path);
    assertThrows(() => sqlite(folder.path), Error, "is in use by another");
    await assertRejects(() => checkStore(folder.path), Error, "is in use");
    make(fs, "a");
    await fs.dispose();
    await using(folder.path, (fs) => find(fs, "a"));
  },
});

/** A store with the file `small`, as the end of its process left it, and its files. */
async function lost(folder: string) {
  const [crashed, served] = [`${folder}/crashed`, `${folder}/served`];
  const fs = sqlite(served);
  fs.write(make(fs, "small"), 0, pattern(10, 1), "file");
  await fs.settle();
  Deno.mkdirSync(`${crashed}/content`, { recursive: true });
  const files = ["store.db", "store.db-wal", "content/store"];
  for (const file of files) {
    Deno.copyFileSync(`${served}/${file}`, `${crashed}/${file}`);
  }
  await fs.dispose();
  return { crashed, files };
}

Deno.test({
  name:
    "a store that a crash left whole is opened without a write, as on a disk that is full",
  ignore,
  async fn() {
    using folder = temporary();
    const { crashed, files } = await lost(folder.path);
    const digests = () =>
      Promise.all(files.map((file) => digestOf(`${crashed}/${file}`)));
    const before = await digests();
    const again = sqlite(crashed);
    assertEquals(await whole(again, find(again, "small")), pattern(10, 1));
    assertEquals(await digests(), before);
    const names = [...Deno.readDirSync(crashed)].map(({ name }) => name).sort();
    assertEquals(names, ["content", "lock", "store.db", "store.db-wal"]);
    make(again, "new");
    await again.settle();
    await again.dispose();
    assertEquals(await problemsOf(crashed), []);
  },
});

Deno.test({
  name:
    "a store that a crash left is opened where there is no room for shared memory",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    using folder = temporary();
    const { crashed } = await lost(folder.path);
    // SQLite can't make it, as on a disk that is full, or one that can't map files.
    Deno.symlinkSync("nowhere", `${crashed}/store.db-shm`);
    assertEquals(await problemsOf(crashed), []);
    await using(crashed, async (fs) => {
      assertEquals(await whole(fs, find(fs, "small")), pattern(10, 1));
    });
  },
});

Deno.test({
  name:
    "a log that the host does not let be read is not said to be a wrong one",
  ignore,
  async fn() {
    using folder = temporary();
    const { crashed } = await lost(folder.path);
    const log = `${crashed}/store.db-wal`;
    Deno.renameSync(log, `${log}.away`);
    // SQLite says of it what it says of a process without a descriptor left.
    Deno.mkdirSync(log);
    const said = "unable to open database file";
    for (
      const { message } of [
        assertThrows(() => sqlite(crashed), Error, said),
        await assertRejects(() => checkStore(crashed), Error, said),
      ]
    ) {
      assert(!message.includes("store.db-wal"), message);
    }
    Deno.removeSync(log);
    Deno.renameSync(`${log}.away`, log);
    await using(crashed, (fs) => find(fs, "small"));
  },
});

Deno.test({
  name:
    "no part of a store is for other users of the host, who have no rights to its files there",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    using folder = temporary();
    const store = `${folder.path}/new`;
    const fs = sqlite(store);
    fs.write(make(fs, "small"), 0, pattern(10, 1), "data");
    fs.write(make(fs, "large"), 0, pattern(2 ** 20, 1), "data");
    await fs.settle();
    const open = modesBelow(folder.path);
    assert(open.has("new/store.db-wal"));
    assert([...open.keys()].some((path) => /content\/..\/\d+$/.test(path)));
    await fs.dispose();
    const all = new Map([...open, ...modesBelow(folder.path)]);
    const shared = [...all].filter(([, mode]) => (mode & 0o077) !== 0);
    assertEquals(shared, []);
  },
});

async function digestOf(path: string): Promise<string> {
  const bytes = Deno.readFileSync(path);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return String(new Uint8Array(digest));
}

/** What is in a folder and below: permission bits by path. */
function modesBelow(folder: string, path = ""): Map<string, number> {
  const modes = new Map<string, number>();
  for (const { name, isDirectory } of Deno.readDirSync(`${folder}/${path}`)) {
    const below = `${path}${name}`;
    modes.set(below, Deno.statSync(`${folder}/${below}`).mode! & 0o777);
    if (!isDirectory) continue;
    for (const each of modesBelow(folder, `${below}/`)) modes.set(...each);
  }
  return modes;
}

Deno.test({
  name: "a store of a newer version is refused in one line, and left alone",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => make(fs, "a"));
    edit(folder.path, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    const { message } = assertThrows(() => sqlite(folder.path), Error);
    assert(message.includes("written by a newer version"), message);
    assert(!message.includes("\n"));
    edit(folder.path, `PRAGMA user_version = ${SCHEMA_VERSION}`);
    await using(folder.path, (fs) => find(fs, "a"));
  },
});

Deno.test({
  name: "what is no store is refused, and left alone",
  ignore,
  fn() {
    using folder = temporary();
    const path = `${folder.path}/store.db`;
    Deno.writeTextFileSync(path, "this is a text, and no database at all\n");
    assertThrows(() => sqlite(folder.path), Error, "can't open the store");
    Deno.removeSync(path);
    edit(folder.path, "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    assertThrows(() => sqlite(folder.path), Error, "not a store");
    edit(folder.path, "DELETE FROM mine");
  },
});

Deno.test("a store of this version is not migrated", () => {
  const db = new DatabaseSync(":memory:");
  migrate(db);
  const tables = () =>
    db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()!.tables;
  const before = tables();
  migrate(db);
  assertEquals(tables(), before);
  db.close();
});

/** The steps that a store of this version has behind it. */
const done = Array.from({ length: SCHEMA_VERSION }, () => () => {
  throw new Error("this step was done long ago");
});

Deno.test({
  name: "an older store is brought up to date step by step, with all it has",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => {
      fs.write(make(fs, "a"), 0, pattern(100, 1), "file");
    });
    using db = new DatabaseSync(`${folder.path}/store.db`);
    migrate(db, [
      ...done,
      (db) => db.exec("ALTER TABLE inodes ADD COLUMN note TEXT"),
      (db) => db.exec("UPDATE inodes SET note = type || ' of ' || size"),
    ]);
    const notes = db.prepare("SELECT note FROM inodes ORDER BY fileid").all();
    assertEquals(notes.map(({ note }) => note), [
      "directory of 4096",
      "file of 100",
    ]);
    const version = db.prepare("PRAGMA user_version").get()!.user_version;
    assertEquals(version, SCHEMA_VERSION + 2);
    migrate(db, [...done, ...done.slice(0, 2)]);
  },
});

Deno.test({
  name: "a migration that fails leaves the store as it was",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => make(fs, "a"));
    const db = new DatabaseSync(`${folder.path}/store.db`);
    const steps = [
      ...done,
      (db: DatabaseSync) => db.exec("DELETE FROM entries"),
      (db: DatabaseSync) => db.exec("this is no SQL"),
    ];
    assertThrows(() => migrate(db, steps), Error, "syntax error");
    assertEquals(db.isTransaction, false);
    db.close();
    await using(folder.path, (fs) => find(fs, "a"));
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "identities and cookies are the same after a restart, numbers never are",
  ignore,
  async fn() {
    using folder = temporary();
    const look = () =>
      using(folder.path, (fs) => {
        const { entries } = fs.readdir(fs.root(), 0, 100);
        return entries.map(({ name, cookie, node }) => ({
          ...{ name, cookie, identity: fs.identify(node!).slice() },
        }));
      });
    await using(folder.path, (fs) => {
      for (let i = 0; i < 20; i++) make(fs, `file${i}`);
      for (let i = 0; i < 20; i += 3) fs.remove(fs.root(), `file${i}`);
    });
    const before = await look();
    assertEquals(await look(), before);
    const last = await using(folder.path, (fs) => {
      fs.remove(fs.root(), "file19");
      return make(fs, "file19").fileid;
    });
    const next = await using(folder.path, (fs) => {
      fs.remove(fs.root(), "file19");
      return make(fs, "file19").fileid;
    });
    assert(next > last);
  },
});

Deno.test("identities of another store are stale", async () => {
  const [one, other] = [sqlite(":memory:"), sqlite(":memory:")];
  const identity = one.identify(make(one, "a"));
  make(other, "a");
  const { code } = assertThrows(() => other.resolve(identity), FsError);
  assertEquals(code, "stale");
  await one.dispose();
  await other.dispose();
});

Deno.test("an option out of range says which", () => {
  const wrong = [
    { quotaBytes: -1 },
    { quotaBytes: 1.5 },
    { uid: -1 },
    { gid: 2 ** 32 },
    { mode: 0o10000 },
  ];
  for (const options of wrong) {
    const name = Object.keys(options)[0];
    assertThrows(() => sqlite(":memory:", options), RangeError, name);
  }
});

Deno.test({
  name: "a new store's root is whose it is said to be, an existing one's stays",
  ignore,
  async fn() {
    using folder = temporary();
    const rootOf = async (options: SqliteOptions) => {
      await using fs = {
        store: sqlite(folder.path, options),
        [Symbol.asyncDispose]: () => fs.store.dispose(),
      };
      const { uid, gid, mode } = fs.store.getattr(fs.store.root());
      return { uid, gid, mode };
    };
    const first = { uid: 1000, gid: 50, mode: 0o2775 };
    assertEquals(await rootOf(first), first);
    assertEquals(await rootOf({ uid: 7, gid: 8, mode: 0o700 }), first);
  },
});
