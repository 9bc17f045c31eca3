import { assertEquals, assertLess } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { askedBy, OWN, workFor } from "../../../src/base/asker.ts";
import { hasFfi } from "../local/fixture.ts";
import {
  canWrite,
  copyFolder,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

/** Of cuts to 4 KiB, what the host says of the file. */
const KINDS = {
  long: { size: 2 ** 30, used: 2 ** 30, isHeldUp: false },
  short: { size: 8192, used: 8192, isHeldUp: true },
};

Deno.test({
  name: "a short cut that the host has wait does not stand behind long ones",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const fd = openSync(`${folder.path}/file`, "w+");
    let ended = 0;
    const cut = async (kind: keyof typeof KINDS) => {
      await hostDisk.cut(fd, 4096, KINDS[kind]);
      ended++;
    };
    const long = Array.from({ length: 100 }, () => cut("long"));
    await cut("short");
    assertLess(ended, 80);
    await Promise.all(long);
    closeSync(fd);
  },
});

for (const kind of ["long", "short"] as const) {
  Deno.test({
    name: `a ${kind} cut of a party does not stand behind those of another`,
    ignore: !canWrite,
    async fn() {
      using folder = temporary();
      const fd = openSync(`${folder.path}/file`, "w+");
      let ended = 0;
      const cut = async (party: string) => {
        await workFor({ party }, () => hostDisk.cut(fd, 4096, KINDS[kind]));
        ended++;
      };
      const crowd = Array.from({ length: 200 }, () => cut("one"));
      await cut("other");
      assertLess(ended, 50);
      await Promise.all(crowd);
      closeSync(fd);
    },
  });
}

Deno.test({
  name: "a cut is its party's, whichever party's commit it comes with",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const asked: (readonly [what: string, party: string])[] = [];
    const disk: Disk = {
      ...hostDisk,
      sync(descriptor) {
        asked.push(["sync", askedBy().party]);
        return hostDisk.sync(descriptor);
      },
      cut() {
        asked.push(["cut", askedBy().party]);
      },
    };
    const fs = sqlite(folder.path, { disk });
    const parties = ["one", "other"].map((party) => ({ party }));
    for (const { party } of parties) {
      await fs.write(make(fs, party), 0, pattern(2 ** 20, 1), "file");
    }
    await fs.settle();
    asked.length = 0;
    const settled = parties.map((who) =>
      workFor(who, async () => {
        const file = fs.lookup(fs.root(), who.party)!;
        await fs.setattr(file, { size: 100_000 });
        await fs.settle();
      })
    );
    await Promise.all(settled);
    // What all wait for is no party's.
    assertEquals(asked.filter(([what]) => what === "cut"), [
      ["cut", "one"],
      ["cut", "other"],
    ]);
    assertEquals(
      new Set(asked.flatMap(([what, party]) => what === "sync" ? party : [])),
      new Set([OWN.party]),
    );
    await fs.dispose();
  },
});

type Act = (fs: SqliteFileSystem, file: SqliteNode) => unknown;

const SIZE = 100_000;
const CUT = 40_000;
/** Where a sparse file's data begins: so little that it is sparse when it is cut, too. */
const FROM = 80_000;
const ten = pattern(10, 2);

/** What the host is asked afterwards how much it takes, so that a tail has to go before. */
const measured: Record<string, { isSparse: boolean; act: Act }> = {
  "a hole": {
    isSparse: false,
    act: (fs, file) => fs.deallocate(file, 0, 4096),
  },
  "a write to a sparse file": {
    isSparse: true,
    act: (fs, file) => fs.write(file, 0, ten, "file"),
  },
  "an unstable write to a sparse file": {
    isSparse: true,
    act: (fs, file) => fs.write(file, 0, ten, "unstable"),
  },
};

/** Makes a file of which a later life knows nothing but its row. */
async function makeFile(path: string, isSparse: boolean): Promise<void> {
  await using(path, async (fs) => {
    const file = make(fs, "file");
    await fs.write(file, FROM, pattern(SIZE - FROM, 1), "file");
    if (!isSparse) await fs.write(file, 0, pattern(FROM, 2), "file");
    await fs.commit(file);
    await fs.settle();
  });
}

/** The file is as long as before, and has what was beyond the cut. */
async function assertUncut(fs: SqliteFileSystem): Promise<void> {
  const bytes = await whole(fs, find(fs, "file"));
  assertEquals(bytes.length, SIZE);
  const before = pattern(SIZE - FROM, 1);
  const isKept = bytes.subarray(FROM).every((byte, at) => byte === before[at]);
  assertEquals(isKept, true);
}

for (const [what, { isSparse, act }] of Object.entries(measured)) {
  const ignore = !canWrite || !hasFfi;
  Deno.test({
    name:
      `what is cut off is there until that is durable, also before ${what}: refused`,
    ignore,
    async fn() {
      using folder = temporary();
      await makeFile(folder.path, isSparse);
      const disk = new RefusingDisk();
      const fs = sqlite(folder.path, { disk });
      const file = find(fs, "file");
      await fs.setattr(file, { size: CUT });
      disk.refusals = 1;
      const told = await Promise.allSettled([
        (async () => await act(fs, file))(),
        (async () => await fs.settle())(),
      ]);
      assertEquals(disk.refusals, 0);
      assertEquals(told.some(({ status }) => status === "rejected"), true);
      await assertUncut(fs);
      await fs.dispose();
    },
  });

  Deno.test({
    name:
      `what is cut off is there until that is durable, also before ${what}: killed`,
    ignore,
    async fn() {
      using folder = temporary();
      const store = `${folder.path}/store`;
      await makeFile(store, isSparse);
      const fs = sqlite(store);
      const file = find(fs, "file");
      await fs.setattr(file, { size: CUT });
      const acted = (async () => await act(fs, file))();
      copyFolder(store, `${folder.path}/meanwhile`);
      await acted;
      copyFolder(store, `${folder.path}/after`);
      await fs.dispose();
      for (const when of ["meanwhile", "after"]) {
        await using(`${folder.path}/${when}`, async (fs) => {
          // What was not answered may be there all the same.
          if (find(fs, "file").size !== CUT) await assertUncut(fs);
        });
      }
    },
  });
}
