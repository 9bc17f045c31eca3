import { assertEquals, assertLess } from "@std/assert";
import { workFor } from "../../src/base/asker.ts";
import { hostThreads } from "../../src/backends/common/host_threads.ts";
import { ContentFiles } from "../../src/backends/sqlite/content_files.ts";
import { hostDisk } from "../../src/backends/sqlite/disk.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { ApartBox } from "./local/apart/fixture.ts";
import { attributes, noFolder, Sandbox } from "./local/fixture.ts";
import { temporary } from "./sqlite/fixture.ts";

const CROWD = 80;

const folders = {
  "local": () => new Sandbox(),
  "local, apart": () => ApartBox.open(),
};

for (const [kind, open] of Object.entries(folders)) {
  Deno.test({
    name: `${kind}: a COMMIT of a party does not stand behind another's`,
    ignore: noFolder,
    async fn() {
      await using box = await open();
      const fs: FileSystem = box.fs;
      const files: object[] = [];
      for (let i = 0; i <= CROWD; i++) {
        const { node } = await fs.create!(fs.root(), `${i}`, { type: "file" }, {
          attributes,
        });
        await fs.write!(node, 0, new Uint8Array(9), "unstable");
        files.push(node);
      }
      let ended = 0;
      const commits = files.map((file, i) =>
        workFor({ party: i < CROWD ? "one" : "other" }, async () => {
          await fs.commit!(file);
          ended++;
        })
      );
      await commits.at(-1);
      const before = ended;
      await Promise.all(commits);
      assertLess(before, CROWD / 2);
    },
  });
}

for (const [kind, threads] of Object.entries(hostThreads)) {
  Deno.test(`three parties that take all ${kind} threads they may leave a fourth one`, async () => {
    const gate = Promise.withResolvers<void>();
    const began: string[] = [];
    const works = ["a", "b", "c", "d"].flatMap((party) =>
      Array.from(
        { length: 20 },
        () =>
          workFor({ party }, () =>
            threads.run(() => {
              began.push(party);
              return gate.promise;
            })),
      )
    );
    assertEquals([...new Set(began)], ["a", "b", "c", "d"]);
    gate.resolve();
    await Promise.all(works);
  });
}

Deno.test({
  name:
    "sqlite: contents that a party removes go by few threads, and not before another's",
  ignore: noFolder,
  async fn() {
    using folder = temporary();
    const contents = new ContentFiles(folder.path, hostDisk);
    const removed: string[] = [];
    const gate = Promise.withResolvers<void>();
    const { remove } = Deno;
    Deno.remove = async (path) => {
      removed.push(`${path}`);
      await gate.promise;
      await remove(path);
    };
    const removeFor = (party: string, from: number) =>
      workFor({ party }, () => {
        for (let i = from; i < from + 6; i++) contents.remove(i);
      });
    try {
      for (let i = 1; i <= 12; i++) contents.write(i, 0, new Uint8Array(9));
      removeFor("one", 1);
      assertEquals(removed.length, 3);
      removeFor("other", 7);
      assertEquals(removed.length, 4);
    } finally {
      gate.resolve();
      await contents.close();
      Deno.remove = remove;
    }
    assertEquals(removed.length, 12);
  },
});

/** What one party asks of a file while its line is long, and another then. */
const SHARED: Record<
  string,
  readonly ((fs: FileSystem, file: object) => unknown)[]
> = {
  "commits": [
    (fs, file) => fs.commit!(file),
    (fs, file) => fs.commit!(file),
  ],
  "changes the size of": [
    (fs, file) => fs.setattr!(file, { size: 1 }),
    (fs, file) => fs.read(file, 0, new Uint8Array(1)),
  ],
};

for (const [what, [first, second]] of Object.entries(SHARED)) {
  Deno.test({
    name:
      `local: who ${what} a file has others wait for that, and not for its line`,
    ignore: noFolder,
    async fn() {
      await using box = new Sandbox({ durability: "os" });
      const fs: FileSystem = box.fs;
      const kind = { type: "file" } as const;
      const made = await fs.create!(fs.root(), "f", kind, {
        attributes: { ...attributes, size: 20 * 2 ** 20 },
      });
      await fs.write!(made.node, 0, new Uint8Array(9), "unstable");
      const gate = Promise.withResolvers<void>();
      const crowd = workFor(
        { party: "one" },
        () =>
          Object.values(hostThreads).flatMap((threads) =>
            Array.from({ length: 20 }, () => threads.run(() => gate.promise))
          ),
      );
      const behind = workFor(
        { party: "one" },
        async () => await first!(fs, made.node),
      );
      await workFor(
        { party: "other" },
        async () => await second!(fs, made.node),
      );
      gate.resolve();
      await Promise.all([behind, ...crowd]);
    },
  });
}
