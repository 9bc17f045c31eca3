import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { filled, problemsOf } from "./damage.ts";
import {
  attributes,
  canWrite,
  copyFolder,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";

const ignore = !canWrite;

/** Everything below a folder, with sizes. */
function listing(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    // Holding it is no change.
    if (name === "lock") return [];
    return isDirectory
      ? listing(path)
      : [`${path} ${Deno.statSync(path).size}`];
  }).sort();
}

/** A store that must be refused with one line, by a server and by a check, and left as it is. */
async function assertRefused(path: string, ...said: string[]): Promise<void> {
  const before = listing(path);
  const { message } = assertThrows(() => sqlite(path), Error);
  for (const part of said) assert(message.includes(part), message);
  assert(!message.includes("\n"), message);
  await assertRejects(() => checkStore(path), Error, said[0]);
  assertEquals(listing(path), before);
}

Deno.test({
  name: "a store without its store.db is refused, and so is an empty one",
  ignore,
  async fn() {
    using folder = temporary();
    await filled(folder.path);
    Deno.removeSync(`${folder.path}/store.db`);
    await assertRefused(
      folder.path,
      "store.db is missing beside a filled content/",
      "restore store.db, or move content/ away",
    );
    Deno.writeTextFileSync(`${folder.path}/store.db`, "");
    await assertRefused(folder.path, "store.db is empty beside a filled");
    Deno.renameSync(`${folder.path}/content`, `${folder.path}/old`);
    await filled(folder.path, 2);
  },
});

Deno.test({
  name: "a log without its store.db is refused, not taken away",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, left] = [`${folder.path}/store`, `${folder.path}/left`];
    const fs = sqlite(store);
    make(fs, "a");
    await fs.settle();
    copyFolder(store, left);
    await fs.dispose();
    Deno.removeSync(`${left}/store.db`);
    await assertRefused(left, "store.db is missing beside its log");
    Deno.writeTextFileSync(`${left}/store.db`, "");
    await assertRefused(left, "store.db is empty beside its log");
  },
});

Deno.test({
  name: "the log of another store is refused, wherever that one stands in it",
  ignore,
  async fn() {
    for (const longLog of [2 ** 24, 1]) {
      using folder = temporary();
      const [store, other] = [`${folder.path}/store`, `${folder.path}/other`];
      await filled(store);
      const fs = sqlite(other, { longLog });
      for (const name of ["a", "b", "c"]) {
        make(fs, name);
        await fs.settle();
      }
      Deno.copyFileSync(`${other}/store.db-wal`, `${store}/store.db-wal`);
      await fs.dispose();
      await assertRefused(store, "store.db-wal is the log of another store");
      Deno.removeSync(`${store}/store.db-wal`);
      await using(store, async (fs) => {
        assertEquals(await whole(fs, find(fs, "large")), pattern(50_000, 1));
      });
    }
  },
});

Deno.test({
  name:
    "the log of another store is refused wherever the store is, and however its folder is written",
  ignore,
  async fn() {
    const names = ["p%41c", "q?mode=memory", "r#s", "t u", "\u00e4"];
    for (const name of names) {
      using folder = temporary();
      const [store, other] = [`${folder.path}/${name}`, `${folder.path}/other`];
      await using(store, (fs) => make(fs, "mine"));
      const fs = sqlite(other);
      make(fs, "other's");
      await fs.settle();
      Deno.copyFileSync(`${other}/store.db-wal`, `${store}/store.db-wal`);
      await fs.dispose();
      const from = relative(Deno.cwd(), store);
      for (const path of [store, from, `./${from}/`]) {
        await assertRefused(path, "store.db-wal is the log of another store");
      }
      Deno.removeSync(`${store}/store.db-wal`);
      await using(from, (fs) => find(fs, "mine"));
    }
  },
});

/** A store in the state of each of some ends, the first ones clean, the last one a crash. */
async function lives(folder: string, ends: number): Promise<string[]> {
  const store = `${folder}/store`;
  const copies: string[] = [];
  for (let life = 0; life < ends; life++) {
    const isLast = life === ends - 1;
    const saved = `${folder}/life${life}`;
    const fs = sqlite(store);
    for (let i = 0; i < 20; i++) make(fs, `file${life}-${i}`);
    await fs.settle();
    if (isLast) copyFolder(store, saved);
    await fs.dispose();
    if (!isLast) copyFolder(store, saved);
    copies.push(saved);
  }
  return copies;
}

Deno.test({
  name:
    "a copy of an earlier or a later life is refused beside a log that was left there",
  ignore,
  async fn() {
    using folder = temporary();
    const [first, second, third, crashed] = await lives(folder.path, 4);
    const later = `${folder.path}/store`;
    // The crash was mended, and there was a life after it.
    await using(later, (fs) => make(fs, "later"));
    const wrong = "store.db-wal is not the log of this store.db";
    for (const other of [first!, second!, later]) {
      Deno.copyFileSync(`${crashed}/store.db-wal`, `${other}/store.db-wal`);
      await assertRefused(other, wrong, "from the same copy");
      Deno.removeSync(`${other}/store.db-wal`);
    }
    // The third life's end is what the fourth began with.
    Deno.copyFileSync(`${crashed}/store.db-wal`, `${third}/store.db-wal`);
    for (
      const [path, last] of [[first!, 0], [later, 3], [third!, 3]] as const
    ) {
      await using(path, (fs) => find(fs, `file${last}-19`));
    }
  },
});

Deno.test({
  name:
    "a log that several crashes have left goes with its store, and no other",
  ignore,
  async fn() {
    using folder = temporary();
    const [first, , crashed] = await lives(folder.path, 3);
    // Opened and lost again, with a database that has all of the log, and not.
    let store = crashed!;
    for (const longLog of [1, 2 ** 24, 2 ** 24]) {
      const fs = sqlite(store, { longLog });
      make(fs, `after${longLog}-${store.length}`);
      await fs.settle();
      await fs.settle();
      const next = `${store}-`;
      copyFolder(store, next);
      await fs.dispose();
      store = next;
    }
    Deno.copyFileSync(`${store}/store.db-wal`, `${first}/store.db-wal`);
    await assertRefused(first!, "store.db-wal is not the log of this store.db");
    await using(store, (fs) => find(fs, `after${2 ** 24}-${store.length - 1}`));
    assertEquals(await problemsOf(store), []);
  },
});

Deno.test({
  name:
    "a log with which the database makes no sense is refused, and told what it costs to go without",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, other] = [`${folder.path}/store`, `${folder.path}/other.db`];
    await filled(store);
    // A table where the store's database has an index.
    const db = new DatabaseSync(other);
    db.exec(`
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      CREATE TABLE first (a);
      INSERT INTO first VALUES (1);
      CREATE TABLE rest (a);
      INSERT INTO rest VALUES (zeroblob(1000000));
      PRAGMA wal_checkpoint(TRUNCATE);
      UPDATE first SET a = 2`);
    Deno.copyFileSync(`${other}-wal`, `${store}/store.db-wal`);
    db.close();
    await assertRefused(
      store,
      "store.db can't be read with store.db-wal",
      "move store.db-wal away, and with it what only that has",
    );
    Deno.removeSync(`${store}/store.db-wal`);
    await using(store, (fs) => find(fs, "large"));
  },
});

Deno.test({
  name:
    "a missing content/, one of another disk and another store's are refused",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, other] = [`${folder.path}/store`, `${folder.path}/other`];
    await filled(store);
    await filled(other, 2);
    Deno.renameSync(`${store}/content`, `${store}/away`);
    await assertRefused(store, "content/ is missing", "names 1 files in it");
    // What a mount leaves where nothing is mounted.
    Deno.mkdirSync(`${store}/content`);
    await assertRefused(store, "content/ is not this store's", "mounted");
    Deno.removeSync(`${store}/content`);
    copyFolder(`${other}/content`, `${store}/content`);
    await assertRefused(store, "content/ and store.db are of different stores");
    Deno.removeSync(`${store}/content`, { recursive: true });
    Deno.renameSync(`${store}/away`, `${store}/content`);
    await using(store, async (fs) => {
      assertEquals(await whole(fs, find(fs, "large")), pattern(50_000, 1));
    });
  },
});

Deno.test({
  name: "a store that has nothing in content/ gets another",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => make(fs, "a"));
    Deno.removeSync(`${folder.path}/content`, { recursive: true });
    await using(folder.path, (fs) => find(fs, "a"));
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name: "a new file never takes content that is there already for its own",
  ignore,
  async fn() {
    using folder = temporary();
    const [store, old] = [`${folder.path}/store`, `${folder.path}/old`];
    await filled(store);
    Deno.mkdirSync(old);
    Deno.copyFileSync(`${store}/store.db`, `${old}/store.db`);
    await using(store, (fs) => {
      for (let i = 0; i < 50; i++) {
        fs.write(make(fs, `file${i}`), 0, pattern(50_000, i), "file");
      }
    });
    // An older copy of store.db, beside content that is newer.
    Deno.copyFileSync(`${old}/store.db`, `${store}/store.db`);
    const strays = listing(`${store}/content`).length;
    await using(store, async (fs) => {
      for (let i = 0; i < 50; i++) {
        const file = make(fs, `other${i}`);
        fs.write(file, 90_000, pattern(10, i), "file");
        fs.setattr(make(fs, `empty${i}`), { size: 60_000 });
        const hole = { attributes: { ...attributes, size: 60_000 } };
        fs.create(fs.root(), `hole${i}`, { type: "file" }, hole);
      }
      for (let i = 0; i < 50; i++) {
        const bytes = await whole(fs, find(fs, `other${i}`));
        assertEquals(bytes.subarray(0, 90_000), new Uint8Array(90_000));
        for (const name of [`empty${i}`, `hole${i}`]) {
          assertEquals(await whole(fs, find(fs, name)), new Uint8Array(60_000));
        }
      }
    });
    assert(listing(`${store}/content`).length >= strays + 150);
  },
});

Deno.test({
  name:
    "an open store puts nothing into a folder that took the place of content/",
  ignore,
  async fn() {
    for (const replaced of [false, true]) {
      using folder = temporary();
      const { path } = folder;
      await filled(path);
      await using(path, (fs) => {
        Deno.renameSync(`${path}/content`, `${path}/moved`);
        if (replaced) Deno.mkdirSync(`${path}/content`);
        const write = (name: string) =>
          fs.write(make(fs, name), 0, pattern(50_000, 2), "file");
        const error = assertThrows(() => write("lost"), FsError);
        assertEquals(error.code, "io");
        if (replaced) Deno.removeSync(`${path}/content`);
        Deno.renameSync(`${path}/moved`, `${path}/content`);
        write("kept");
      });
      await using(path, async (fs) => {
        assertEquals(await whole(fs, find(fs, "kept")), pattern(50_000, 2));
      });
    }
  },
});

Deno.test({
  name: "a part that can't be looked at is not one that is missing",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    for (const part of ["store.db", "store.db-wal", "content"]) {
      using folder = temporary();
      const store = `${folder.path}/store`;
      await filled(store);
      const path = `${store}/${part}`;
      if (part !== "store.db-wal") Deno.renameSync(path, `${path}.away`);
      Deno.symlinkSync(part, path);
      const before = names(store);
      const said = "Too many levels of symbolic links";
      assertThrows(() => sqlite(store), Error, said);
      await assertRejects(() => checkStore(store), Error, said);
      assertEquals(names(store), before);
    }
  },
});

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
