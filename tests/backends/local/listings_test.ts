import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { openHostCalls } from "../../../src/backends/common/host_calls.ts";
import { LinuxHost } from "../../../src/backends/local/linux_host.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { toldClock } from "../../support/fake_clock.ts";
import type {
  FolderBatches,
  FolderParts,
  HostListing,
} from "../../../src/backends/local/host.ts";
import { FsError } from "../../../src/vfs/errors.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { Listings } from "../../../src/backends/local/listings.ts";
import { LoopTurn, type Turn } from "../../../src/base/turn.ts";
import { workFor } from "../../../src/base/asker.ts";
import { PLACES } from "../../../src/backends/local/reading_places.ts";
import { Tree } from "../../../src/backends/local/tree.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import {
  attributes,
  hasFfi,
  makeHost,
  namesIn,
  noFolder,
  Sandbox,
  testBothHosts,
} from "./fixture.ts";

function fill(path: string, count: number): void {
  for (let i = 0; i < count; i++) Deno.writeTextFileSync(`${path}/${i}`, "");
}

/** What a folder was listed as, whichever thread reads it. */
async function batchesOf(listed: FolderParts): Promise<FolderBatches> {
  return typeof listed === "function" ? await listed() : listed;
}

/** A file system that counts how often a folder is listed, which takes the host its time. */
function counting(ffi: boolean, path: string) {
  const host = makeHost(ffi);
  const list = host.list.bind(host);
  const counted = { lists: 0 };
  host.list = (folder) => async () => {
    counted.lists++;
    await new Promise((resolve) => setTimeout(resolve, 60));
    return await batchesOf(list(folder));
  };
  return { fs: new HostedFileSystem(host, path), counted };
}

for (const ffi of [true, false]) {
  Deno.test({
    name: `local, ${
      ffi ? "libc" : "no libc"
    }: our own changes don't have a large folder listed anew`,
    ignore: noFolder || (ffi && !hasFfi),
    fn: async () => {
      await using box = new Sandbox();
      fill(box.path, 120);
      const { fs, counted } = counting(ffi, box.path);
      const root = fs.root();
      assertEquals((await namesIn(fs)).length, 120);
      const kind = { type: "file" } as const;
      const before = counted.lists;
      for (let i = 0; i < 10; i++) {
        const { node } = await fs.create(root, `new-${i}`, kind, {
          attributes,
        });
        assert((await namesIn(fs)).includes(`new-${i}`));
        await fs.link(node, root, "link");
        await fs.rename(
          { directory: root, name: `new-${i}` },
          { directory: root, name: "other" },
        );
        const names = await namesIn(fs);
        assert(names.includes("other") && names.includes("link"));
        assert(!names.includes(`new-${i}`));
        await fs.remove(root, "link");
        await fs.remove(root, "other");
        await fs.setattr(root, { mtime: "now" });
        assertEquals((await namesIn(fs)).length, 120);
      }
      assertLess(counted.lists - before, 5);
      await fs.dispose();
    },
  });
}

testBothHosts(
  "what the host adds and removes is seen, also between our own changes",
  async (make) => {
    await using box = make();
    const { fs, path } = box;
    fill(path, 120);
    await namesIn(fs);
    for (let i = 0; i < 5; i++) {
      await fs.create(fs.root(), `ours-${i}`, { type: "file" }, { attributes });
      // So long after our change that the clock of the host's file system shows it.
      await new Promise((resolve) => setTimeout(resolve, 20));
      Deno.writeTextFileSync(`${path}/theirs-${i}`, "");
      Deno.removeSync(`${path}/${i}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const names = await namesIn(fs);
      assert(names.includes(`theirs-${i}`));
      assert(names.includes(`ours-${i}`));
      assert(!names.includes(`${i}`));
      assertEquals(names.length, 120 + i + 1);
    }
  },
);

/** Turns in which one batch can be taken. */
class ShortTurn implements Turn {
  turns = 0;
  /** What the others do in between. */
  between: (turn: number) => void = () => {};
  #left = 1;

  get isOver(): boolean {
    return this.#left-- <= 0;
  }

  async next(): Promise<void> {
    await Promise.resolve();
    this.#left = 1;
    this.between(++this.turns);
  }
}

/** Listings of a folder of 20 files, which the host tells of one by one. */
class SlowFolder implements Disposable {
  readonly tree: Tree;
  readonly turn = new ShortTurn();
  readonly listings: Listings;
  lists = 0;

  constructor(readonly path: string) {
    fill(path, 20);
    // Long ago: each change from now on shows in the times, within one tick too.
    Deno.utimeSync(path, 1, 1);
    const host = makeHost(false);
    const list = host.list.bind(host);
    host.list = (folder) => async () => {
      this.lists++;
      const all = await Array.fromAsync(await batchesOf(list(folder)));
      return all.flatMap(({ names }) =>
        names.map((name) => ({ names: [name], inodes: [], folders: [] }))
      );
    };
    this.tree = new Tree(host, path, { clock: systemClock, limit: 100 });
    const { turn } = this;
    this.listings = new Listings(this.tree, {
      clock: systemClock,
      now: Date.now,
      turn,
    });
  }

  async list(): Promise<string[]> {
    const listing = await this.listings.of(this.tree.root, 0);
    return [...listing.after(0)].map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    this.tree.dispose();
  }
}

Deno.test({
  name:
    "local: a large folder is listed turn by turn, once for all who ask meanwhile",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    using folder = new SlowFolder(box.path);
    const others: Promise<string[]>[] = [];
    folder.turn.between = () => others.push(folder.list());
    const first = await folder.list();
    assertEquals(first.length, 20);
    assert(others.length >= 20);
    for (const other of others) assertEquals(await other, first);
    assertEquals(folder.lists, 1);
  },
});

Deno.test({
  name: "local: what we change while a folder is listed belongs to the listing",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    using folder = new SlowFolder(box.path);
    const { tree, listings } = folder;
    folder.turn.between = (turn) => {
      if (turn !== 5) return;
      const before = tree.stat(tree.root);
      Deno.writeTextFileSync(`${box.path}/new`, "");
      for (let i = 0; i < 20; i += 2) Deno.removeSync(`${box.path}/${i}`);
      const after = tree.stat(tree.root);
      listings.changed(tree.root, { before, after, added: "new" });
      for (let i = 0; i < 20; i += 2) {
        const removed = `${i}`;
        listings.changed(tree.root, { before: after, after, removed });
      }
    };
    const names = await folder.list();
    assertEquals(names.length, 11);
    assert(names.includes("new") && !names.includes("0"));
    assertEquals(folder.lists, 1);
  },
});

Deno.test({
  name:
    "local: who asks after the host's change is not answered by a listing from before",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    using folder = new SlowFolder(box.path);
    let late: Promise<string[]> | undefined;
    folder.turn.between = (turn) => {
      if (turn !== 15) return;
      Deno.writeTextFileSync(`${box.path}/theirs`, "");
      late = folder.list();
    };
    await folder.list();
    assert((await late)?.includes("theirs"));
  },
});

Deno.test({
  name: "local: memory of listings is bounded, and a removed folder has none",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const host = makeHost(false);
    const tree = new Tree(host, box.path, { clock: systemClock, limit: 100 });
    const listings = new Listings(tree, {
      clock: systemClock,
      now: Date.now,
      turn: new LoopTurn(),
      maxBytes: 40_000,
    });
    const folders: LocalNode[] = [];
    for (let i = 0; i < 30; i++) {
      Deno.mkdirSync(`${box.path}/${i}`);
      fill(`${box.path}/${i}`, 5);
      folders.push(tree.lookup(tree.root, `${i}`)!);
      await listings.of(folders[i]!, 0);
      assertLess(listings.bytes, 40_000);
    }
    for (const folder of folders) listings.forget(folder);
    assertEquals(listings.bytes, 0);
    tree.dispose();
  },
});

Deno.test({
  name:
    "local: who lists many folders has its own listings let go, and none of another's",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const host = makeHost(false);
    const tree = new Tree(host, box.path, { clock: systemClock, limit: 100 });
    const listings = new Listings(tree, {
      clock: systemClock,
      // Long after the folders' last change: what is listed stays good.
      now: () => Date.now() + 60_000,
      turn: new LoopTurn(),
      maxBytes: 40_000,
    });
    let read: string[] = [];
    const list = host.list.bind(host);
    host.list = (folder) => {
      read.push(Deno.realPathSync(host.folderPath(folder)));
      return list(folder);
    };
    const listAs = async (party: string, name: string) => {
      const folder = tree.lookup(tree.root, name)!;
      await workFor({ party }, () => listings.of(folder, 0));
    };
    for (let i = 0; i < 32; i++) {
      Deno.mkdirSync(`${box.path}/${i}`);
      fill(`${box.path}/${i}`, 5);
    }
    for (const name of ["0", "1"]) await listAs("me", name);
    for (let i = 2; i < 32; i++) await listAs("they", `${i}`);
    assertEquals(read.length, 32);
    read = [];
    for (const name of ["0", "1"]) await listAs("me", name);
    assertEquals(read, []);
    await listAs("they", "2");
    assertEquals(read, [Deno.realPathSync(`${box.path}/2`)]);
    tree.dispose();
  },
});

Deno.test({
  name:
    "local: of many folders that are read at once, those in excess wait in the order in which they came",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const host = makeHost(false);
    const list = host.list.bind(host);
    const waiting: (() => void)[] = [];
    const listed: string[] = [];
    host.list = (folder) => async () => {
      listed.push(Deno.realPathSync(host.folderPath(folder)));
      await new Promise<void>((resolve) => waiting.push(resolve));
      return await batchesOf(list(folder));
    };
    const tree = new Tree(host, box.path, { clock: systemClock, limit: 100 });
    let stats = 0;
    const stat = tree.stat.bind(tree);
    tree.stat = (node) => {
      stats++;
      return stat(node);
    };
    const listings = new Listings(tree, {
      clock: systemClock,
      now: Date.now,
      turn: new LoopTurn(),
    });
    const names = Array.from({ length: 40 }, (_, i) => `${i}`);
    for (const name of names) {
      Deno.mkdirSync(`${box.path}/${name}`);
      Deno.writeTextFileSync(`${box.path}/${name}/in-${name}`, "");
    }
    const folders = names.map((name) => tree.lookup(tree.root, name)!);
    // Each folder is asked for by ten.
    const answers = Promise.all(
      Array.from({ length: 10 }, () => folders).flat().map(async (folder) =>
        [...(await listings.of(folder, 0)).after(0)].map(({ name }) => name)
      ),
    );
    for (let ended = 0; ended < folders.length;) {
      if (waiting.length > 0) ended++;
      waiting.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const expected = names.map((name) => `in-${name}`);
    assertEquals((await answers).flat(), Array(10).fill(expected).flat());
    assertEquals(
      listed,
      names.map((name) => `${Deno.realPathSync(box.path)}/${name}`),
    );
    assertLess(stats, 2 * 10 * folders.length);
    tree.dispose();
  },
});

/** A turn that is over whenever it is looked at, until it is told that there is time. */
class ToldTurn implements Turn {
  hasTime = false;
  readonly waiting: (() => void)[] = [];

  get isOver(): boolean {
    return !this.hasTime;
  }

  next(): Promise<void> {
    return new Promise((resolve) => void this.waiting.push(resolve));
  }
}

Deno.test({
  name:
    "local: a folder that changes is listed for those too who ask just as the reading of it ends",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    fill(box.path, 10);
    for (let depth = 0; depth < 8; depth++) {
      const turn = new ToldTurn();
      const fs = new HostedFileSystem(makeHost(false), box.path, { turn });
      const first = namesIn(fs);
      turn.hasTime = true;
      Deno.utimeSync(box.path, depth, depth);
      for (const go of turn.waiting) go();
      for (let i = 0; i < depth; i++) await undefined;
      const second = namesIn(fs);
      assertEquals((await first).length, 10);
      assertEquals((await second).length, 10);
      await fs.dispose();
    }
  },
});

Deno.test({
  name:
    "local: who waits for another party's reading of a folder that changes keeps no place meanwhile",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const host = makeHost(false);
    const list = host.list.bind(host);
    const gates: (() => void)[] = [];
    host.list = (folder) => async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return await batchesOf(list(folder));
    };
    const fs = new HostedFileSystem(host, box.path);
    const names = Array.from({ length: 2 * PLACES }, (_, i) => `${i}`);
    for (const name of names) Deno.mkdirSync(`${box.path}/${name}`);
    const ask = (party: string, name: string) =>
      workFor({ party }, async () => {
        const folder = await fs.lookup(fs.root(), name);
        return await fs.readdir(folder!, 0, 10);
      });
    const own = names.slice(0, PLACES);
    const shared = names.slice(PLACES);
    const asked = [...own, ...shared].map((name) => ask("one", name));
    await turns();
    asked.push(...shared.map((name) => ask("other", name)));
    await turns();
    assertEquals(gates.length, 2 * PLACES);
    for (const name of shared) Deno.utimeSync(`${box.path}/${name}`, 1, 1);
    let isOver = false;
    const all = Promise.all(asked).then(() => isOver = true);
    for (let i = 0; i < 100 && !isOver; i++) {
      gates.shift()?.();
      await turns();
    }
    assertEquals(isOver, true);
    await all;
    await fs.dispose();
  },
});

async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((go) => setTimeout(go, 1));
}

Deno.test({
  name: "local: folders that wait to be read are given up with the listings",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const host = makeHost(false);
    const never = Promise.withResolvers<HostListing[]>();
    host.list = () => () => never.promise;
    const tree = new Tree(host, box.path, { clock: systemClock, limit: 100 });
    const listings = new Listings(tree, {
      clock: systemClock,
      now: Date.now,
      turn: new LoopTurn(),
    });
    const answers = ["a", "b", "c", "d", "e"].map((name) => {
      Deno.mkdirSync(`${box.path}/${name}`);
      return Promise.resolve(
        listings.of(tree.lookup(tree.root, name)!, 0),
      );
    });
    const last = assertRejects(() => answers[4]!, FsError, "no longer served");
    const disposed = listings.dispose();
    await last;
    never.resolve([]);
    await Promise.all([disposed, ...answers.slice(0, 4)]);
    tree.dispose();
  },
});

/** A file system whose listings are believed for long, and that counts its looks at entries. */
function believing(path: string) {
  const host = makeHost(false);
  const clock = { now: 0 };
  const counted = { looks: 0, mounted: "" };
  const list = host.list.bind(host);
  host.list = (folder) => {
    clock.now += 1000;
    return list(folder);
  };
  const stat = host.stat.bind(host);
  host.stat = (folder, name) => {
    counted.looks++;
    return name === counted.mounted ? "mounted" : stat(folder, name);
  };
  const turn = new ShortTurn();
  const fs = new HostedFileSystem(host, path, {
    clock: toldClock(() => clock.now),
    turn,
  });
  return { fs, turn, counted };
}

Deno.test({
  name:
    "local: names that the host has removed are passed in turns, and each of them once",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    fill(box.path, 300);
    const { fs, turn, counted } = believing(box.path);
    const { entries } = await fs.readdir(fs.root(), 0, 10);
    const { cookie } = entries[9]!;
    const left = new Set<string>();
    for (const { name } of Deno.readDirSync(box.path)) {
      if (Number(name) % 50 === 0) left.add(name);
      else Deno.removeSync(`${box.path}/${name}`);
    }
    const seen: string[] = [];
    const readOn = async () => {
      for (let after = cookie;;) {
        const { entries, end } = await fs.readdir(fs.root(), after, 10);
        assert(end || entries.length > 0);
        for (const { name } of entries) seen.push(name);
        if (end) return;
        after = entries.at(-1)!.cookie;
      }
    };
    await readOn();
    for (const { name } of entries) left.delete(name);
    assertEquals(seen.sort(), [...left].sort());
    assertLess(100, turn.turns);
    counted.looks = 0;
    await readOn();
    assertLess(counted.looks, 30);
    await fs.dispose();
  },
});

Deno.test({
  name:
    "local: what was mounted over is listed again, as the folder's times don't tell",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    fill(box.path, 3);
    const { fs, counted } = believing(box.path);
    counted.mounted = "1";
    assertEquals(await namesIn(fs), ["0", "2"]);
    counted.mounted = "";
    assertEquals(await namesIn(fs), ["0", "1", "2"]);
    await fs.dispose();
  },
});

/** The host, on a file system that keeps whole seconds. */
function makeCoarseHost(): LinuxHost {
  const calls = openHostCalls()!;
  const { libc } = calls;
  const statx: typeof libc.statx = (fd, name, flags, mask, into) => {
    const result = libc.statx(fd, name, flags, mask, into);
    const words = new Uint32Array((into as Uint8Array<ArrayBuffer>).buffer);
    // Nanoseconds of atime, btime, ctime and mtime.
    for (const at of [18, 22, 26, 30]) words[at] = 0;
    return result;
  };
  return new LinuxHost({ ...calls, libc: { ...libc, statx } });
}

Deno.test({
  name:
    "local: where times are whole seconds, what the host does within one is listed",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using box = new Sandbox();
    const { path } = box;
    let now = 0;
    const fs = new HostedFileSystem(makeCoarseHost(), path, { now: () => now });
    const names = () => namesIn(fs);
    Deno.writeTextFileSync(`${path}/before`, "");
    const { ctime } = await fs.getattr(fs.root());
    now = ctime.seconds * 1000 + 100;
    assertEquals(await names(), ["before"]);
    Deno.writeTextFileSync(`${path}/after`, "");
    now += 10_000;
    assertEquals((await names()).sort(), ["after", "before"]);
    await fs.dispose();
  },
});
