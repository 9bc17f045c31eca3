import { assert, assertEquals, assertRejects } from "@std/assert";
import { exportTree } from "../../../src/backends/sqlite/archive.ts";
import type { SqliteFileSystem } from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { edit } from "./damage.ts";
import { canWrite, find, make, temporary, using } from "./fixture.ts";

const ignore = !canWrite;

/** A store in which an entry of ./a/b leads to a folder above it. */
async function looping(directory: string, target: "." | "a"): Promise<void> {
  let [parent, above] = [0, 0];
  await using(directory, (fs) => {
    const kind = { type: "directory" } as const;
    const attributes = { mode: 0o755, uid: 0, gid: 0 };
    const a = fs.create(fs.root(), "a", kind, { attributes }).node;
    const b = fs.create(a, "b", kind, { attributes }).node;
    fs.create(b, "again", kind, { attributes });
    make(fs, "z");
    parent = b.fileid;
    above = target === "." ? fs.root().fileid : find(fs, target).fileid;
  });
  edit(
    directory,
    `UPDATE entries SET fileid = ${above} WHERE parent = ${parent}`,
  );
}

/** Reads an archive to its end, which is near. */
async function read(stream: ReadableStream<Uint8Array>): Promise<void> {
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    assert(bytes < 100_000, "it goes round");
  }
}

for (const target of [".", "a"] as const) {
  Deno.test({
    name:
      `an entry that leads to a folder above (${target}) ends no export, and is told`,
    ignore,
    async fn() {
      using folder = temporary();
      await looping(folder.path, target);
      await using(folder.path, async (fs: SqliteFileSystem) => {
        const told: string[] = [];
        const lost = (path: string, why: string) => {
          told.push(`${path}: ${why}`);
        };
        let files = 0;
        const progress = (so: { readonly files: number }) => {
          files = so.files;
        };
        await read(exportTree(fs, { lost, progress }));
        const line = "./a/b/again/: it is left out: io: it is a folder above";
        assertEquals([told, files], [[line], 4]);
        const unheard = () => read(exportTree(fs));
        await assertRejects(unheard, FsError, "can't export ./a/b/again/");
      });
    },
  });
}
