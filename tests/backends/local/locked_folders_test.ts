import { assert, assertEquals } from "@std/assert";
import { nextTurn } from "../../../src/base/turn.ts";
import { ONCE_LARGE } from "../../../src/backends/local/folder_entries.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { holdBack } from "../hold_back.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  makeHost,
  noFolder,
  Sandbox,
} from "./fixture.ts";

const FILE = { type: "file" } as const;
const FOLDER = { type: "directory" } as const;

/** A root with folders "a" and "b", of which each has two empty ones, and a file. */
class Folders implements AsyncDisposable {
  readonly box: Sandbox = new Sandbox();
  readonly fs: HostedFileSystem;

  constructor(
    { ffi = hasFfi, ...options } = {} as {
      ffi?: boolean;
      maxDescriptors?: number;
    },
  ) {
    for (const name of ["a", "b"]) {
      Deno.mkdirSync(`${this.box.path}/${name}/x`, { recursive: true });
      Deno.mkdirSync(`${this.box.path}/${name}/y`);
      Deno.writeTextFileSync(`${this.box.path}/${name}/file`, "");
    }
    this.fs = new HostedFileSystem(makeHost(ffi), this.box.path, options);
  }

  async at(...names: string[]): Promise<LocalNode> {
    let node = this.fs.root();
    for (const name of names) node = (await this.fs.lookup(node, name))!;
    return node;
  }

  names(folder: string): string[] {
    return [...Deno.readDirSync(`${this.box.path}/${folder}`)]
      .map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose();
    await this.box[Symbol.asyncDispose]();
  }
}

/** A host that takes all folders for such as were large once, and has a test let it read each part of them. */
function readingLater({ isHeld }: { readonly isHeld: boolean }) {
  const host = makeHost(true);
  const [list, statFolder] = [host.list.bind(host), host.statFolder.bind(host)];
  host.statFolder = (folder) => ({
    ...statFolder(folder),
    size: ONCE_LARGE + 1,
  });
  const asked: (() => void)[] = [];
  const told = { closed: 0 };
  host.list = (folder) => async () => {
    const parts = list(folder);
    assert(typeof parts === "function");
    const batches = await parts();
    assert(Symbol.asyncIterator in batches);
    const real = batches[Symbol.asyncIterator]();
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          if (isHeld) await new Promise<void>((go) => asked.push(go));
          return await real.next();
        },
        async return() {
          told.closed++;
          return await real.return!();
        },
      }),
    };
  };
  return { host, asked, told };
}

Deno.test({
  name:
    "local: a folder that was large once is read by a thread, and what changes it waits for that",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using folders = new Folders();
    const { host, asked, told } = readingLater({ isHeld: true });
    const fs = new HostedFileSystem(host, folders.box.path);
    const a = (await fs.lookup(fs.root(), "a"))!;
    const b = (await fs.lookup(fs.root(), "b"))!;
    const listing = fs.readdir(a, 0, 10);
    assertEquals(await endedOf({ listing }), []);
    assertEquals(asked.length, 1);
    const locked = {
      lookup: fs.lookup(a, "x"),
      create: fs.create(a, "new", FILE, { attributes }),
    };
    const free = {
      getattr: fs.getattr(a),
      create: fs.create(b, "new", FILE, { attributes }),
    };
    assertEquals(await endedOf(locked), []);
    assertEquals(await endedOf(free), Object.keys(free).sort());
    asked.shift()!();
    // Between two parts.
    assertEquals(await endedOf(locked), Object.keys(locked).sort());
    assertEquals(asked.length, 1);
    asked.shift()!();
    assert(listing instanceof Promise);
    assertEquals((await listing).entries.length, 4);
    // One that is no longer served is closed.
    const other = fs.readdir(b, 0, 10) as Promise<unknown>;
    other.catch(() => {});
    await endedOf({ other });
    const disposed = fs.dispose();
    asked.shift()!();
    assertEquals(await codeOf(() => other), "stale");
    await disposed;
    assertEquals(told.closed, 2);
  },
});

Deno.test({
  name:
    "local: what a thread lists is what there is, and handles are found by it",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using folders = new Folders();
    const { path } = folders.box;
    for (let i = 0; i < 3000; i++) Deno.writeTextFileSync(`${path}/a/${i}`, "");
    const open = () =>
      new HostedFileSystem(readingLater({ isHeld: false }).host, path);
    let fs = open();
    const a = (await fs.lookup(fs.root(), "a"))!;
    const { entries } = await fs.readdir(a, 0, 5000);
    assertEquals(entries.map(({ name }) => name).sort(), folders.names("a"));
    const identity = fs.identify((await fs.lookup(a, "2999"))!);
    await fs.dispose();
    fs = open();
    const found = await fs.resolve(identity);
    assertEquals(found.places[0]!.name, "2999");
    await fs.dispose();
  },
});

/** What has ended of what was begun, some turns later. */
async function endedOf(works: Record<string, unknown>): Promise<string[]> {
  const ended: string[] = [];
  for (const [name, work] of Object.entries(works)) {
    Promise.resolve(work).then(() => ended.push(name), () => ended.push(name));
  }
  for (let i = 0; i < 5; i++) await nextTurn();
  return ended.sort();
}

for (const ffi of [true, false]) {
  const ignore = noFolder || ffi && !hasFfi;
  const host = ffi ? "libc" : "no libc";

  Deno.test({
    name:
      `local, ${host}: while a thread removes a folder, what looks into the one around it waits, and all else goes on`,
    ignore,
    fn: async () => {
      await using folders = new Folders({ ffi });
      const { fs } = folders;
      const [a, b, x] = [
        await folders.at("a"),
        await folders.at("b"),
        await folders.at("a", "x"),
      ];
      const file = await folders.at("a", "file");
      using hold = holdBack("rmdir");
      const removing = fs.remove(a, "x");
      assertEquals(await endedOf({ removing }), []);
      assertEquals(hold.asked.length, 1);
      const locked = {
        lookup: fs.lookup(a, "other"),
        within: fs.lookup(x, "other"),
        create: fs.create(a, "new", FILE, { attributes }),
        readdir: fs.readdir(a, 0, 10),
        link: fs.link(file, a, "link"),
        remove: fs.remove(a, "file"),
        rename: fs.rename({ directory: b, name: "file" }, {
          directory: a,
          name: "moved",
        }),
        again: fs.remove(a, "x"),
      };
      const free = {
        getattr: fs.getattr(a),
        create: fs.create(b, "new", FILE, { attributes }),
        lookup: fs.lookup(fs.root(), "a"),
        read: fs.read(file, 0, new Uint8Array(1)),
      };
      assertEquals(await endedOf(locked), []);
      assertEquals(await endedOf(free), Object.keys(free).sort());
      hold.open();
      const change = await removing;
      assert(change.before < change.after);
      await Promise.allSettled(Object.values(locked));
      assertEquals(await codeOf(() => locked.again), "not-found");
      assertEquals(await codeOf(() => locked.within), "stale");
      assertEquals(folders.names("a"), ["link", "moved", "new", "y"]);
      const { entries } = await fs.readdir(a, 0, 10);
      assertEquals(entries.map(({ name }) => name).sort(), folders.names("a"));
    },
  });

  Deno.test({
    name:
      `local, ${host}: while a thread moves a folder to the name of another, what looks into these waits, and no other goes from folder to folder`,
    ignore,
    fn: async () => {
      await using folders = new Folders({ ffi });
      const { fs } = folders;
      const root = fs.root();
      const [a, b, x, y] = [
        await folders.at("a"),
        await folders.at("b"),
        await folders.at("a", "x"),
        await folders.at("b", "y"),
      ];
      await fs.create(root, "c", FOLDER, { attributes });
      const c = await folders.at("c");
      await fs.create(root, "f", FILE, { attributes });
      await fs.create(root, "g", FILE, { attributes });
      using hold = holdBack("rename");
      const renaming = fs.rename({ directory: a, name: "x" }, {
        directory: b,
        name: "y",
      });
      assertEquals(await endedOf({ renaming }), []);
      assertEquals(hold.asked.length, 1);
      const locked = {
        source: fs.lookup(a, "x"),
        target: fs.lookup(b, "y"),
        replaced: fs.create(y, "new", FILE, { attributes }),
        moved: fs.create(x, "new", FILE, { attributes }),
        crossing: fs.rename({ directory: root, name: "f" }, {
          directory: c,
          name: "f",
        }),
      };
      const free = {
        rename: fs.rename({ directory: root, name: "g" }, {
          directory: root,
          name: "h",
        }),
        lookup: fs.lookup(c, "y"),
      };
      assertEquals(await endedOf(locked), []);
      assertEquals(await endedOf(free), Object.keys(free).sort());
      hold.open();
      await renaming;
      await Promise.allSettled(Object.values(locked));
      assertEquals(await locked.source, undefined);
      assert(await locked.target === x);
      assertEquals(await codeOf(() => locked.replaced), "stale");
      assertEquals(folders.names("a"), ["file", "y"]);
      assertEquals(folders.names("b/y"), ["new"]);
      assertEquals(folders.names("c"), ["f"]);
    },
  });

  Deno.test({
    name:
      `local, ${host}: why a thread could not take the name of a folder is told`,
    ignore,
    fn: async () => {
      await using folders = new Folders({ ffi });
      const { fs } = folders;
      const [root, a] = [fs.root(), await folders.at("a")];
      assertEquals(await codeOf(() => fs.remove(root, "a")), "not-empty");
      const renaming = () =>
        fs.rename({ directory: a, name: "x" }, { directory: root, name: "b" });
      assertEquals(await codeOf(renaming), "not-empty");
      using hold = holdBack("rmdir");
      for (
        const [code, told] of [["EBUSY", "access"], ["EIO", "io"]] as const
      ) {
        const removing = fs.remove(a, "x");
        removing instanceof Promise && removing.catch(() => {});
        await endedOf({ removing });
        hold.asked.at(-1)!.fail(code);
        assertEquals(await codeOf(() => removing), told);
        // Nothing is locked any more.
        assert(await fs.lookup(a, "x") !== undefined);
      }
    },
  });

  Deno.test({
    name:
      `local, ${host}: a thread takes a name in the folder that was meant, whatever becomes of its descriptor meanwhile`,
    ignore,
    fn: async () => {
      await using folders = new Folders({ ffi, maxDescriptors: 1 });
      const { fs, box } = folders;
      for (let i = 0; i < 40; i++) {
        Deno.mkdirSync(`${box.path}/${i}/x`, { recursive: true });
      }
      const a = await folders.at("a");
      using hold = holdBack("rmdir");
      const removing = fs.remove(a, "x");
      await endedOf({ removing });
      for (let i = 0; i < 40; i++) await folders.at(`${i}`, "x");
      hold.open();
      await removing;
      assertEquals(folders.names("a"), ["file", "y"]);
      for (let i = 0; i < 40; i++) assertEquals(folders.names(`${i}`), ["x"]);
    },
  });
}

Deno.test({
  name:
    "local: folders whose names are no UTF-8 are taken away by a thread as well",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using folders = new Folders();
    const { fs } = folders;
    const root = fs.root();
    const [one, two] = ["\udcff1", "\udcff2"];
    for (const name of [one, two]) {
      await fs.create(root, name, FOLDER, { attributes });
    }
    const inner = await fs.create((await fs.lookup(root, two))!, "x", FOLDER, {
      attributes,
    });
    assert(inner.node.type === "directory");
    assertEquals(await codeOf(() => fs.remove(root, two)), "not-empty");
    await fs.rename({ directory: root, name: two }, {
      directory: root,
      name: one,
    });
    await fs.remove((await fs.lookup(root, one))!, "x");
    await fs.remove(root, one);
    assertEquals([...Deno.readDirSync(folders.box.path)].length, 2);
  },
});
