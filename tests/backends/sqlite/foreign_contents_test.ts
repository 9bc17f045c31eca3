import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import { ContentFiles } from "../../../src/backends/sqlite/content_files.ts";
import { pathOf } from "../../../src/backends/sqlite/content_folders.ts";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import { canWrite, make, pattern, temporary, using } from "./fixture.ts";
import { LossyDisk } from "./lossy_disk.ts";

const ignore = !canWrite || Deno.build.os !== "linux";
/** What a crash leaves of a content that a file no longer has. */
const STRAYS = ["content/07/7", "content/08/8.removed"];

/** A store in `store` as a server leaves it that was killed, with strays. */
async function crashed(folder: string, store: string): Promise<void> {
  const disk = new LossyDisk();
  const fs = sqlite(folder, { disk });
  fs.write(make(fs, "large"), 0, pattern(50_000, 1), "file");
  await fs.settle();
  disk.copy(folder, store, { log: false, contents: false, database: false });
  await fs.dispose();
  for (const path of STRAYS) put(`${store}/${path}`);
}

function put(path: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, "precious");
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** What other programs put into `content/`, or into its folders. */
const FOREIGN = [
  "content/lost+found/#12345",
  "content/lost+found/#7/folder/file",
  "content/notes/7",
  "content/7",
  "content/07/07",
  "content/07/9",
  "content/07/7.removed.old",
  "content/08/8/8",
];

Deno.test({
  name:
    "what is not of a store in content/ outlives a crash, a check tells of it, and strays go",
  ignore,
  async fn() {
    using folder = temporary();
    const store = `${folder.path}/store`;
    await crashed(`${folder.path}/served`, store);
    for (const path of FOREIGN) put(`${store}/${path}`);
    Deno.mkdirSync(`${store}/content/empty`);
    await using(store, () => {});
    const { problems } = await checkStore(store);
    for (const path of FOREIGN) assert(isThere(`${store}/${path}`), path);
    for (const path of STRAYS) assert(!isThere(`${store}/${path}`), path);
    const told = ["lost+found", "notes", "7", "07/07", "07/9"];
    told.push("07/7.removed.old", "08/8");
    assertEquals(
      problems.toSorted(),
      told.map((name) =>
        `${store}/content/${name} is not the store's, and was left alone`
      ).toSorted(),
    );
  },
});

Deno.test({
  name: "a new store may have its content/ on a disk of its own",
  ignore,
  async fn() {
    using folder = temporary();
    put(`${folder.path}/content/lost+found/#12`);
    Deno.mkdirSync(`${folder.path}/content/.Trash-1000`);
    await using(folder.path, (fs) => {
      fs.write(make(fs, "large"), 0, pattern(50_000, 1), "file");
    });
    assertEquals((await checkStore(folder.path)).problems, [
      `${folder.path}/content/lost+found is not the store's, and was left alone`,
    ]);
  },
});

Deno.test({
  name: "what a start did not come to after a crash is done by the next one",
  ignore,
  async fn() {
    for (
      const start of [checkStore, (store: string) => using(store, () => {})]
    ) {
      using folder = temporary();
      const store = `${folder.path}/store`;
      await crashed(`${folder.path}/served`, store);
      const [content, away] = [`${store}/content`, `${folder.path}/away`];
      Deno.renameSync(content, away);
      assertThrows(() => sqlite(store), Error, "content/ is missing");
      await assertRejects(
        () => checkStore(store),
        Error,
        "content/ is missing",
      );
      Deno.renameSync(away, content);
      await start(store);
      for (const path of STRAYS) assert(!isThere(`${store}/${path}`), path);
      // That was all: a stray of later is not looked for.
      put(`${store}/${STRAYS[0]}`);
      await using(store, () => {});
      assert(isThere(`${store}/${STRAYS[0]}`));
    }
  },
});

Deno.test({
  name:
    "content is made where there is none of its number, and else left as it is",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const contents = new ContentFiles(folder.path, hostDisk);
    assertEquals(contents.make(1), true);
    const path = pathOf(folder.path, 1);
    Deno.writeTextFileSync(path, "of another life");
    assertEquals(contents.make(1), false);
    assertEquals(Deno.readTextFileSync(path), "of another life");
    await contents.close();
  },
});
