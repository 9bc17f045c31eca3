import { assertEquals, assertLess } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { askedBy, OWN, workFor } from "../../../src/base/asker.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { canWrite, make, pattern, temporary } from "./fixture.ts";

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
