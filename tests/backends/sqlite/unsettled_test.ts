import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { Model } from "./crash_model.ts";
import { act, nextBatch } from "./crash_steps.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  sequence,
  temporary,
  using,
} from "./fixture.ts";
import { GatedDisk } from "./gated_disk.ts";
import { LossyDisk } from "./lossy_disk.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;

/** A log that comes to the disk when the test says so. */
class GatedLog extends RefusingDisk {
  #gate: PromiseWithResolvers<void> | undefined;

  override sync = async (descriptor: number): Promise<void> => {
    await this.#gate?.promise;
    await hostDisk.sync(descriptor);
  };

  shut(): void {
    this.#gate = Promise.withResolvers();
  }

  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }
}

/** Makes two folders, `quiet` and `busy`, each with the same in it; returns the identities of the files. */
function twoFolders(fs: SqliteFileSystem): Record<string, Uint8Array> {
  for (const name of ["quiet", "busy"]) {
    const attributes = { mode: 0o755, uid: 0, gid: 0 };
    const kind = { type: "directory" } as const;
    const folder = fs.create(fs.root(), name, kind, { attributes }).node;
    fs.create(folder, "folder", kind, { attributes });
    const link = { type: "symlink", target: "x" } as const;
    fs.create(folder, "link", link, { attributes });
    fs.write(make(fs, "file", folder), 0, pattern(50_000, 1), "file");
    make(fs, "other", folder);
    make(fs, "gone", folder);
  }
  return {
    quiet: fs.identify(find(fs, "quiet/file")),
    busy: fs.identify(find(fs, "busy/file")),
  };
}

/** What is looked at: a folder, and a file in it that the client has a filehandle of. */
interface Seen {
  readonly folder: string;
  readonly identity: Uint8Array;
}

/** All by which a client looks at a folder, or at what is in it. */
const LOOKS: Record<string, (fs: SqliteFileSystem, seen: Seen) => unknown> = {
  "a file by its filehandle": (fs, { identity }) =>
    fs.getattr(fs.resolve(identity)),
  "the attributes of a file": (fs, { folder }) =>
    fs.getattr(find(fs, `${folder}/file`)),
  "its bytes": (fs, { folder }) =>
    fs.read(find(fs, `${folder}/file`), 0, new Uint8Array(10)),
  "a file that is opened": (fs, { folder }) => {
    fs.open(find(fs, `${folder}/file`), { read: true, write: false });
    fs.close(find(fs, `${folder}/file`), { read: true, write: false });
  },
  "a symbolic link": (fs, { folder }) =>
    fs.readlink(find(fs, `${folder}/link`)),
  "a listing": (fs, { folder }) => fs.readdir(find(fs, folder), 0, 100),
  "a name that is not there": (fs, { folder }) =>
    fs.lookup(find(fs, folder), "nothing"),
  "the folder above": (fs, { folder }) =>
    fs.parent(find(fs, `${folder}/folder`)),
  "a name that is taken": (fs, { folder }) =>
    assertThrows(() => make(fs, "other", find(fs, folder)), FsError),
};

function change(fs: SqliteFileSystem): void {
  for (const name of ["busy", "busy/file", "busy/folder", "busy/link"]) {
    fs.setattr(find(fs, name), { mode: 0o700 });
  }
  fs.remove(find(fs, "busy"), "gone");
}

/** Whether a reply to such a request relies on what is to be settled. */
async function isRelied(
  fs: SqliteFileSystem,
  look: () => unknown,
): Promise<boolean> {
  const before = fs.unsettled;
  await look();
  return before === undefined || fs.unsettled !== before;
}

for (const [what, look] of Object.entries(LOOKS)) {
  Deno.test({
    name:
      `what is seen and not durable is relied on, and nothing else: ${what}`,
    ignore,
    async fn() {
      using folder = temporary();
      const disk = new GatedLog();
      // Of what is not needed, next to nothing stays in memory.
      for (const keptNodes of [1, 1000]) {
        const path = `${folder.path}/${keptNodes}`;
        const fs = sqlite(path, { disk, keptNodes });
        const identities = twoFolders(fs);
        await fs.settle();
        const isSeen = (folder: string) => {
          const identity = identities[folder]!;
          return isRelied(fs, () => look(fs, { folder, identity }));
        };
        const relied = async () => [
          await isSeen("quiet"),
          await isSeen("busy"),
        ];
        assertEquals(await relied(), [false, false]);
        change(fs);
        assertEquals(await relied(), [false, true], "changed");
        disk.shut();
        const settled = fs.settle();
        assertEquals(await relied(), [false, true], "committed");
        disk.open();
        await settled;
        assertEquals(await relied(), [false, false], "durable");
        disk.refusals = 1;
        fs.setattr(find(fs, "busy/file"), { mode: 0o755 });
        fs.remove(find(fs, "busy"), "other");
        await assertRejects(async () => await fs.settle(), FsError);
        assertEquals(await relied(), [false, false], "lost");
        await fs.dispose();
      }
    },
  });
}

Deno.test({
  name: "what can't be had of a file that is not removed for good is relied on",
  ignore,
  async fn() {
    using folder = temporary();
    const fs = sqlite(folder.path);
    const file = make(fs, "file");
    const identity = fs.identify(file);
    await fs.settle();
    fs.remove(fs.root(), "file");
    const gone = () => void assertThrows(() => fs.resolve(identity), FsError);
    assert(await isRelied(fs, gone));
    assert(await isRelied(fs, () => fs.status()));
    await fs.settle();
    assert(!await isRelied(fs, gone));
    assert(!await isRelied(fs, () => fs.status()));
    await fs.dispose();
  },
});

Deno.test({
  name: "records, changes and each COMMIT are relied on",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    const fs = sqlite(folder.path, { disk });
    const file = make(fs, "file");
    fs.write(file, 0, pattern(50_000, 1), "unstable");
    // The attributes are durable before the bytes.
    fs.setattr(file, { mode: 0o644 });
    await fs.settle();
    fs.commit(file);
    const settled = fs.settle();
    assert(!await isRelied(fs, () => fs.getattr(file)));
    // It has nothing to add, and waits for that of the other client all the same.
    assert(await isRelied(fs, () => fs.commit(file)));
    disk.open();
    await settled;
    const put = () => fs.records.put("c", "k", pattern(3, 1));
    assert(await isRelied(fs, put));
    assert(await isRelied(fs, () => fs.setattr(file, { mode: 0o600 })));
    assert(await isRelied(fs, () => void make(fs, "new")));
    await fs.settle();
    await fs.dispose();
  },
});

Deno.test({
  name: "what is told of a store that has failed is relied on",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new GatedDisk();
    const fs = sqlite(folder.path, { disk });
    const file = make(fs, "file");
    await fs.settle();
    fs.write(file, 0, pattern(50_000, 1), "unstable");
    fs.commit(file);
    const settled = fs.settle() as Promise<void>;
    disk.fail(new Error("EIO"));
    await assertRejects(() => settled, FsError);
    assert(await isRelied(fs, () => fs.getattr(fs.root())));
    await assertRejects(() => fs.dispose(), FsError);
  },
});

/** What is seen of a file by its identity, and of names in it; throws where it is gone. */
function seen(
  fs: SqliteFileSystem,
  identity: Uint8Array,
  name: string,
): string {
  const node = fs.getattr(fs.resolve(identity));
  const { mode, nlink, type, fileid } = node;
  const entry = type === "directory" ? fs.lookup(node, name)?.fileid : 0;
  return JSON.stringify({ mode, nlink, type, fileid, entry });
}

/** Identities of all that is in a store, and the names there. */
function everything(fs: SqliteFileSystem): Map<string, Uint8Array> {
  const found = new Map([["", fs.identify(fs.root())]]);
  const walk = (folder: SqliteNode, prefix: string) => {
    for (const { name } of fs.readdir(folder, 0, 1000).entries) {
      const node = fs.lookup(folder, name)!;
      found.set(`${prefix}${name}`, fs.identify(node));
      if (node.type === "directory") walk(node, `${prefix}${name}/`);
    }
  };
  walk(fs.root(), "");
  return found;
}

for (const when of ["changed", "committed"]) {
  Deno.test({
    name:
      `what is seen while others' changes are ${when}, and not relied on, is there after a power failure`,
    ignore: ignore || Deno.build.os !== "linux",
    async fn() {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      const random = sequence(seed);
      using folder = temporary();
      const store = `${folder.path}/store`;
      const disk = new LossyDisk();
      const fs = sqlite(store, { disk, keptNodes: 4, longLog: 100_000 });
      const model = await Model.of(fs);
      let count = 0;
      for (let point = 0; point < 30; point++) {
        const before = everything(fs);
        for (const step of nextBatch(model, random)) await act(fs, step);
        const settled = when === "changed" ? undefined : fs.settle();
        const told: [Uint8Array, string, string][] = [];
        for (const identity of before.values()) {
          for (const path of before.keys()) {
            const name = path.split("/").at(-1)!;
            if (name === "") continue;
            const { unsettled } = fs;
            try {
              const what = seen(fs, identity, name);
              if (fs.unsettled === unsettled) told.push([identity, name, what]);
            } catch (error) {
              if (!(error instanceof FsError)) throw error;
            }
          }
        }
        count += told.length;
        const copy = `${folder.path}/${point}`;
        disk.copy(store, copy, { log: true, contents: true, database: true });
        await using(copy, (fs) => {
          for (const [identity, name, what] of told) {
            const where = JSON.stringify({ seed, point, name });
            assertEquals(seen(fs, identity, name), what, where);
          }
        });
        await (settled ?? fs.settle());
      }
      assert(count > 0, String(seed));
      await fs.dispose();
    },
  });
}
