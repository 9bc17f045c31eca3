import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  sqlite,
  type SqliteFileSystem,
} from "../../../src/backends/sqlite/mod.ts";
import {
  beginningOfLife,
  UniqueNumbers,
} from "../../../src/backends/sqlite/unique_numbers.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, find, make, pattern, temporary, using } from "./fixture.ts";
import { losses, LossyDisk } from "./lossy_disk.ts";

/** 2026-11-30, as seconds since 1970. */
const TODAY = 1_795_996_800;
const at = (seconds: number) => ({ seconds, nanoseconds: 0 });

const ignore = !canWrite || Deno.build.os !== "linux";

/** A process that was killed: what it gave to the host is there. */
const nothing = { log: false, contents: false, database: false };

for (const durability of ["full", "os", "none"] as const) {
  Deno.test({
    name:
      `a number that a client knew before a crash is not given again, with durability ${durability}`,
    ignore,
    async fn() {
      using folder = temporary();
      const store = `${folder.path}/store`;
      // What is in a new store is durable with its root.
      await using(store, () => {});
      const disk = new LossyDisk();
      const fs = sqlite(store, { durability, disk });
      const known: number[] = [];
      const copies: string[] = [];
      // More than are set aside at once, and the store crashes with few left, and many.
      for (let at = 0; at <= 70_000; at++) {
        fs.setattr(fs.root(), { mode: 0o700 + at % 8 });
        if (at % 1000 === 0) await fs.settle();
        if (at % 10_000 !== 0) continue;
        const { fileid } = make(fs, `alice ${at}`);
        known.push(Math.max(fileid, fs.root().change));
        await fs.settle();
        const copy = `${folder.path}/${at}`;
        // "none" promises nothing of a power failure, not even that the database is whole.
        disk.copy(store, copy, durability === "none" ? nothing : losses[3]!);
        copies.push(copy);
      }
      for (const [index, copy] of copies.entries()) {
        await using(copy, (fs) => {
          const { fileid } = make(fs, "bob");
          assert(Math.min(fileid, fs.root().change) > known[index]!);
        }, { durability });
      }
      await fs.dispose();
    },
  });
}

/** Every number that clients hear of for what `fs` changes. */
function numbersOfChanges(fs: SqliteFileSystem, name: string): number[] {
  const shared = find(fs, "shared");
  fs.write(shared, 0, pattern(10, 1), "data");
  const file = make(fs, name);
  const { entries } = fs.readdir(fs.root(), 0, 100);
  const { cookie } = entries.find((entry) => entry.name === name)!;
  const changes = [shared, fs.root(), file].map((node) =>
    fs.getattr(node).change
  );
  return [file.fileid, cookie, ...changes];
}

for (
  const [clock, times] of [
    ["goes on", [TODAY + 10, TODAY + 20]],
    ["stands still", [TODAY, TODAY]],
    ["was set back", [1000, 1000]],
  ] as const
) {
  Deno.test({
    name:
      `two lives of a store that begin with one copy of it give out no number twice, where the clock ${clock}`,
    ignore,
    async fn() {
      using folder = temporary();
      const [store, backup] = ["store", "backup"].map((name) =>
        `${folder.path}/${name}`
      ) as [string, string];
      await using(store, (fs) => make(fs, "shared"), { now: () => at(TODAY) });
      new LossyDisk().copy(store, backup, nothing);
      const alice = await using(store, (fs) => {
        const numbers = numbersOfChanges(fs, "alice");
        return { numbers, identity: fs.identify(find(fs, "alice")).slice() };
      }, { now: () => at(times[0]) });
      const bob = await using(backup, (fs) => {
        const numbers = numbersOfChanges(fs, "bob");
        const { code } = assertThrows(
          () => fs.resolve(alice.identity),
          FsError,
        );
        assertEquals(code, "stale");
        return numbers;
      }, { now: () => at(times[1]) });
      const both = new Set([...alice.numbers, ...bob]);
      assertEquals(both.size, new Set(alice.numbers).size + new Set(bob).size);
    },
  });
}

Deno.test("a life that begins later is above all that an earlier one gave out", () => {
  const first = beginningOfLife(2, at(TODAY));
  const numbers = new UniqueNumbers(first, () => {});
  numbers.extend();
  for (let i = 0; i < 60_000; i++) numbers.next();
  assert(beginningOfLife(2, at(TODAY + 1)) > numbers.next());
});

Deno.test("no clock takes the numbers that are left, or leads back", () => {
  for (const seconds of [0, TODAY, 2 ** 33, 2 ** 45, -1000]) {
    for (const ceiling of [2, 2 ** 45, 2 ** 52]) {
      const first = beginningOfLife(ceiling, at(seconds));
      assert(first >= ceiling && first <= 2 ** 52 + 2 ** 32, `${first}`);
      assert(Number.isSafeInteger(first));
    }
  }
});
