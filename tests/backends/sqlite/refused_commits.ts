import { assert, assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteOptions,
} from "../../../src/backends/sqlite/mod.ts";
import { type FileSystem, FsError } from "../../../src/vfs/mod.ts";
import { temporary } from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

/** What `settle` was refused with, if it was. */
export async function refusal(fs: FileSystem): Promise<string | undefined> {
  try {
    await fs.settle!();
    return undefined;
  } catch (error) {
    assert(error instanceof FsError, String(error));
    return error.code;
  }
}

/** A store on a disk that refuses when it is told to, and its end. */
export async function withStore(
  options: SqliteOptions,
  test: (
    fs: ReturnType<typeof sqlite>,
    parts: { readonly disk: RefusingDisk; readonly path: string },
  ) => Promise<void>,
): Promise<void> {
  using folder = temporary();
  const disk = new RefusingDisk();
  const fs = sqlite(folder.path, { ...options, disk });
  await test(fs, { disk, path: folder.path });
  await fs.dispose();
  assertEquals((await checkStore(folder.path)).problems, []);
}
