import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import { RoomAhead } from "../../../src/backends/sqlite/room_ahead.ts";
import { Transaction } from "../../../src/backends/sqlite/transaction.ts";
import { UniqueNumbers } from "../../../src/backends/sqlite/unique_numbers.ts";
import { FsError, type FsErrorCode } from "../../../src/vfs/mod.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";

/** What a transaction works with. */
const parts = { sequence: new UniqueNumbers(0, () => {}), disk: hostDisk };

function refused(code: FsErrorCode, act: () => unknown): void {
  assertEquals(assertThrows(act, FsError).code, code);
}

/** Bytes of a store's database and its log. */
function sizeOf(directory: string): number {
  const names = [...Deno.readDirSync(directory)].filter(({ isFile }) => isFile);
  return names.map(({ name }) => Deno.statSync(`${directory}/${name}`).size)
    .reduce((sum, size) => sum + size, 0);
}

/** Makes files until the store refuses; returns how many, and why. */
function fill(fs: SqliteFileSystem, most: number): [number, string] {
  for (let i = 0; i < most; i++) {
    try {
      fs.write(make(fs, `file${i}`), 0, pattern(8000, i), "file");
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      return [i, error.code];
    }
  }
  return [most, ""];
}

Deno.test({
  name: "a full disk refuses what is new, loses nothing, and can be emptied",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    // A disk of which so much is left for the database when it is new.
    let size = 2 ** 26;
    const disk = {
      ...hostDisk,
      room: () => ({ total: size, free: size - sizeOf(folder.path) }),
    };
    const fs = sqlite(folder.path, { disk });
    const big = make(fs, "big");
    fs.write(big, 0, pattern(50_000, 7), "file");
    await fs.settle();
    const [count, code] = fill(fs, 20_000);
    assertEquals(code, "no-space");
    const before = { ...fs.getattr(fs.root()) };
    refused("no-space", () => make(fs, "another"));
    refused("no-space", () => fs.link(big, fs.root(), "another"));
    refused("no-space", () => fs.write(big, 0, pattern(50_000, 8), "file"));
    assertEquals({ ...fs.getattr(fs.root()) }, before);
    assertLess(fs.status().freeBytes, 50_000);
    await fs.settle();
    assertGreater(size - sizeOf(folder.path), 2 ** 23);
    for (let i = 0; i < count; i++) fs.remove(fs.root(), `file${i}`);
    fs.setattr(big, { size: 30_000, mode: 0o600 });
    await fs.settle();
    size *= 2;
    make(fs, "another");
    await fs.dispose();
    assertEquals((await checkStore(folder.path)).problems, []);
    await using(folder.path, async (fs) => {
      const bytes = await whole(fs, find(fs, "big"));
      assertEquals(bytes, pattern(30_000, 7));
    });
  },
});

function number(db: DatabaseSync, sql: string): number {
  return Object.values(db.prepare(sql).get()!)[0] as number;
}

Deno.test("an operation that fails is undone alone", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a INTEGER UNIQUE)");
  const insert = db.prepare("INSERT INTO t VALUES (?)");
  const transaction = new Transaction(db, parts);
  transaction.run(() => insert.run(1));
  assertThrows(() =>
    transaction.run(() => {
      insert.run(2);
      insert.run(1);
    })
  );
  transaction.run(() => insert.run(3));
  transaction.commit();
  assertEquals(number(db, "SELECT sum(a) FROM t"), 4);
  assertEquals(transaction.operations, 2);
  db.close();
});

Deno.test("when SQLite gives a transaction up, nothing of it is answered", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a BLOB)");
  const insert = db.prepare("INSERT INTO t VALUES (zeroblob(?))");
  const pages = number(db, "PRAGMA page_count");
  db.exec(`PRAGMA max_page_count = ${pages + 10}`);
  const transaction = new Transaction(db, parts);
  const undone: number[] = [];
  transaction.accompany({ undone: () => undone.push(transaction.losses) });
  transaction.run(() => insert.run(10));
  refused("no-space", () => transaction.run(() => insert.run(100_000)));
  assertEquals([transaction.isOpen, undone], [false, [1]]);
  assertEquals(number(db, "SELECT count(*) FROM t"), 0);
  transaction.run(() => insert.run(10));
  transaction.commit();
  assertEquals(number(db, "SELECT count(*) FROM t"), 1);
  db.close();
});

/** Bytes of the disk that a store takes. */
function takenBy(directory: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    bytes += isDirectory ? takenBy(path) : Deno.statSync(path).blocks! * 512;
  }
  return bytes;
}

const GROWTHS: Record<string, (fs: SqliteFileSystem, i: number) => unknown> = {
  "sizes that the database does not hold": (fs, i) =>
    fs.setattr(find(fs, `${i}`), { size: 20_000 }),
  "small files that grow": (fs, i) =>
    fs.write(find(fs, `${i}`), 20_000, pattern(1, i), "unstable"),
  "single bytes beyond the end": (fs, i) =>
    fs.write(find(fs, `empty${i}`), 16_000, pattern(1, i), "file"),
  "single bytes that are durable at once": (fs, i) =>
    fs.write(find(fs, "holes"), 8192 * i, pattern(1, i), "file"),
  "bytes over the end of two pages": (fs, i) =>
    fs.write(find(fs, "holes"), 8192 * i + 4095, pattern(2, i), "unstable"),
};

for (const [what, grow] of Object.entries(GROWTHS)) {
  Deno.test({
    name: `what is kept of a disk is not taken by ${what}`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      const count = 500;
      await using(folder.path, (fs) => {
        fs.setattr(make(fs, "holes"), { size: 2 ** 40 });
        for (let i = 0; i < count; i++) {
          fs.write(make(fs, `${i}`), 0, pattern(16_000, i), "file");
          make(fs, `empty${i}`);
        }
      });
      const [reserve, most] = [2 ** 25, 2 ** 21];
      const total = takenBy(folder.path) + reserve + most;
      const room = () => ({ total, free: total - takenBy(folder.path) });
      await using(folder.path, async (fs) => {
        const error = await assertRejects(async () => {
          for (let i = 0; i < count; i++) {
            grow(fs, i);
            if (i % 50 === 0) await fs.settle();
          }
        }, FsError);
        assertEquals(error.code, "no-space");
        await fs.settle();
        assertGreater(room().free, reserve - 2 ** 20);
      }, { disk: { ...hostDisk, room } });
    },
  });
}

for (
  const [what, path, flags, code] of [
    ["a disk that is full", "/dev/full", "r+", "no-space"],
    // As good as an I/O error: the host does not write.
    ["a disk that fails", undefined, "r", "io"],
  ] as const
) {
  Deno.test({
    name: `${what} is told as that where room is to be set aside on it`,
    ignore: !canWrite || Deno.build.os !== "linux",
    fn() {
      using folder = temporary();
      const file = `${folder.path}/file`;
      Deno.writeTextFileSync(file, "1234");
      const descriptor = openSync(path ?? file, flags);
      try {
        const room = new RoomAhead(descriptor);
        const lack = room.reach(4097);
        assert(lack instanceof FsError);
        assertEquals(lack.code, code);
        if (path === undefined) assertEquals(room.reach(4), undefined);
      } finally {
        closeSync(descriptor);
      }
    },
  });
}

const MIB = 2 ** 20;

Deno.test({
  name: "store.db gives back what rounds of files took, and stays level",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const fs = sqlite(folder.path, { durability: "os", longLog: MIB });
    const size = (name: string) => Deno.statSync(`${folder.path}/${name}`).size;
    const after: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2000; i++) {
        fs.write(make(fs, `file${i}`), 0, pattern(8000, i), "file");
        if (i % 10 === 0) await fs.settle();
      }
      assert(size("store.db") > 12 * MIB);
      for (let i = 0; i < 2000; i++) {
        fs.remove(fs.root(), `file${i}`);
        if (i % 10 === 0) await fs.settle();
      }
      await fs.settle();
      after.push(size("store.db"));
    }
    // What stays is the level, and what the log has not brought yet.
    for (const bytes of after) assertLess(bytes, 9 * MIB);
    assertLess(size("store.db-wal"), 4 * MIB);
    await fs.dispose();
    const { problems } = await checkStore(folder.path);
    assert(problems.length === 0, problems.join());
  },
});
