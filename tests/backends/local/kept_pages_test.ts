import { assert, assertEquals, assertNotStrictEquals } from "@std/assert";
import { nextTurn } from "../../../src/base/turn.ts";
import { workFor } from "../../../src/base/asker.ts";
import { HostLocks } from "../../../src/backends/local/host_locks.ts";
import type { FolderWatch } from "../../../src/backends/local/inotify.ts";
import {
  KeptPages,
  LASTING,
  MOST_KEPT,
} from "../../../src/backends/local/kept_pages.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { Moment } from "../../../src/backends/local/moment.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import type { DirectoryPage } from "../../../src/vfs/file_system.ts";
import { wantedOnly } from "../../../src/vfs/wanted.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { attributes, hasFfi, makeHost, noFolder, Sandbox } from "./fixture.ts";

const ignore = noFolder || !hasFfi;
const WANTED = wantedOnly(["size", "mode", "nlink", "change"]);
const FILE = { type: "file" } as const;

/** A folder "d" with files "a" and "b" and a folder "e" in it, whose first page is asked for. */
class Folder implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock();
  readonly box: Sandbox = new Sandbox({ clock: this.clock });
  readonly path: string = `${this.box.path}/d`;

  constructor() {
    Deno.mkdirSync(this.path);
    Deno.mkdirSync(`${this.path}/e`);
    for (const name of ["a", "b"]) {
      Deno.writeTextFileSync(`${this.path}/${name}`, "");
    }
  }

  /** A node below the root. */
  async at(...names: string[]): Promise<LocalNode> {
    let node = this.box.fs.root();
    for (const name of names) node = (await this.box.fs.lookup(node, name))!;
    return node;
  }

  /** The first page of "d". */
  async page() {
    return await this.box.fs.readdir(await this.at("d"), 0, 32, WANTED);
  }

  /** The same for the second time, from when on it is kept. */
  async kept() {
    await this.page();
    return await this.page();
  }

  /** What it tells, by name. */
  async told() {
    const { entries } = await this.page();
    return new Map(entries.map(({ name, attributes }) => [name, attributes!]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }
}

Deno.test({
  name: "local: a page of a folder in which nothing happens is the same one",
  ignore,
  fn: async () => {
    await using folder = new Folder();
    assert(!(await folder.page()).isLasting, "a walk has nothing kept");
    const page = await folder.page();
    assert(page.isLasting);
    assert(page === await folder.page());
  },
});

const HOST: Record<string, (path: string) => void> = {
  "a write": (path) => Deno.writeTextFileSync(`${path}/a`, "more"),
  "a cut": (path) => Deno.truncateSync(`${path}/b`, 9),
  "a chmod": (path) => Deno.chmodSync(`${path}/a`, 0o600),
  "utimes": (path) => Deno.utimeSync(`${path}/a`, 1, 2),
  "a new file": (path) => Deno.writeTextFileSync(`${path}/c`, ""),
  "a further name": (path) => Deno.linkSync(`${path}/a`, `${path}/c`),
  "a removal": (path) => Deno.removeSync(`${path}/b`),
  "a rename": (path) => Deno.renameSync(`${path}/a`, `${path}/b`),
  "a new file in a folder of it": (path) =>
    Deno.writeTextFileSync(`${path}/e/f`, ""),
  "a move of it": (path) => {
    Deno.renameSync(path, `${path}.x`);
    Deno.renameSync(`${path}.x`, path);
  },
};

for (const [what, change] of Object.entries(HOST)) {
  Deno.test({
    name:
      `local: the host's change of what is on a page shows at once: ${what}`,
    ignore,
    fn: async () => {
      await using folder = new Folder();
      const before = await folder.kept();
      change(folder.path);
      const after = await folder.page();
      assertNotStrictEquals(after, before);
      for (const { name, attributes } of after.entries) {
        const { size, mode, nlink } = Deno.lstatSync(`${folder.path}/${name}`);
        assertEquals(
          [attributes!.size, attributes!.mode, attributes!.nlink],
          [size, mode! & 0o7777, nlink],
        );
      }
    },
  });
}

Deno.test({
  name: "local: a write of the host under another name shows at once",
  ignore,
  fn: async () => {
    await using folder = new Folder();
    Deno.linkSync(`${folder.path}/a`, `${folder.box.path}/other`);
    await folder.kept();
    Deno.writeTextFileSync(`${folder.box.path}/other`, "more");
    assertEquals((await folder.told()).get("a")!.size, 4);
  },
});

Deno.test({
  name: "local: what the host tells of nobody is on a page a second later",
  ignore,
  fn: async () => {
    await using folder = new Folder();
    await folder.kept();
    // A name elsewhere, to which no watch of this folder is a witness.
    Deno.linkSync(`${folder.path}/a`, `${folder.box.path}/other`);
    folder.clock.advance(LASTING);
    assertEquals((await folder.told()).get("a")!.nlink, 2);
  },
});

Deno.test({
  name: "local: our own changes of what is on a page show at once",
  ignore,
  fn: async () => {
    await using folder = new Folder();
    const { fs } = folder.box;
    const d = await folder.at("d");
    const [a] = await Promise.all(
      ["a", "b", "e"].map((name) => folder.at("d", name)),
    );
    const changes = [
      () => fs.write(a!, 0, new Uint8Array(5), "unstable"),
      () => fs.setattr(a!, { mode: 0o640 }),
      () => fs.link(a!, fs.root(), "elsewhere"),
      () => fs.remove(fs.root(), "elsewhere"),
      () => fs.create(d, "new", FILE, { attributes }),
      async () =>
        fs.create(await folder.at("d", "e"), "f", FILE, { attributes }),
      () => fs.rename({ directory: d, name: "b" }, { directory: d, name: "c" }),
    ];
    for (const change of changes) {
      await folder.kept();
      await change();
      for (const [name, attributes] of await folder.told()) {
        const node = await folder.at("d", name);
        assertEquals(attributes, await fs.getattr(node), name);
      }
    }
  },
});

Deno.test({
  name: "local: a page that was asked for otherwise is another one",
  ignore,
  fn: async () => {
    await using folder = new Folder();
    const { fs } = folder.box;
    const d = await folder.at("d");
    const page = await folder.kept();
    assertEquals((await fs.readdir(d, 0, 1, WANTED)).entries.length, 1);
    const [first] = page.entries;
    const rest = await fs.readdir(d, first!.cookie, 32, WANTED);
    const cookies = (of: DirectoryPage<LocalNode>) =>
      of.entries.map(({ cookie }) => cookie);
    assertEquals(cookies(rest), cookies(page).slice(1));
    const other = wantedOnly(["size", "change"]);
    assertNotStrictEquals(await fs.readdir(d, 0, 32, other), page);
  },
});

Deno.test({
  name:
    "local: what is only listed is remembered when it is to have an identity",
  ignore,
  fn: async () => {
    await using folder = new Folder();
    const { fs } = folder.box;
    const { entries } = await folder.page();
    const a = await folder.at("d", "a");
    for (const { name, node } of entries) {
      const identity = fs.identify(node!);
      const resolved = await fs.resolve(identity);
      assert(resolved === await folder.at("d", name), name);
      assertEquals(fs.identify(resolved), identity);
    }
    assert(await fs.resolve(fs.identify(a)) === a);
    assert((await folder.page()).entries.some(({ node }) => node === a));
  },
});

/** A watch that a test tells what has happened. */
class ToldWatch implements FolderWatch {
  readonly watched = new Set<number>();
  events: number[] | undefined = [];
  /** What the host does while it begins to watch. */
  adding: (watch: number) => void | Promise<void> = () => {};
  isClosed = false;
  #last = 0;

  async add(): Promise<number> {
    const watch = ++this.#last;
    this.watched.add(watch);
    await this.adding(watch);
    assert(!this.isClosed);
    return watch;
  }

  remove(watch: number): void {
    this.watched.delete(watch);
  }

  changed(): readonly number[] | undefined {
    const { events } = this;
    this.events = [];
    for (const watch of events ?? []) this.watched.delete(watch);
    return events;
  }

  close(): void {
    this.isClosed = true;
    this.watched.clear();
  }
}

function keeping() {
  const watch = new ToldWatch();
  const clock = new FakeClock();
  const moment = new Moment(clock);
  const locks = new HostLocks();
  const pages = new KeptPages({
    open: () => watch,
    pathOf: () => "",
    moment,
    locks,
    clock,
  });
  /** The folder, once the thread has begun to watch it, if it does. */
  const watched = async (directory: LocalNode, cookie = 0) => {
    if (pages.watched(directory) === undefined) pages.begin(directory, cookie);
    await locks.ended();
    moment.end();
    return pages.watched(directory);
  };
  /** Keeps a page, as it is made for the second time. */
  const keep = async (directory: LocalNode, page: typeof PAGE) => {
    const folder = await watched(directory, page.cookie);
    if (!pages.keep(folder!, page)) assert(pages.keep(folder!, page));
  };
  return { watch, clock, moment, locks, pages, watched, keep };
}

Deno.test({
  name:
    "local: while a thread begins to watch a folder, its own name is not looked up, and all else goes on",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using box = new Sandbox();
    Deno.mkdirSync(`${box.path}/d/e`, { recursive: true });
    const host = makeHost(true);
    const watch = new ToldWatch();
    const gate = Promise.withResolvers<void>();
    watch.adding = () => gate.promise;
    host.watchFolders = () => watch;
    const fs = new HostedFileSystem(host, box.path);
    const root = fs.root();
    const d = (await fs.lookup(root, "d"))!;
    const page = await fs.readdir(d, 0, 10, WANTED);
    assertEquals(page.entries.map(({ name }) => name), ["e"]);
    const waiting = [
      fs.lookup(root, "d"),
      fs.lookup(d, "e"),
      fs.readdir(d, 0, 10, WANTED),
    ];
    let ended = 0;
    for (const work of waiting) Promise.resolve(work).then(() => ended++);
    await fs.getattr(d);
    await fs.lookup(root, "other");
    await fs.create(root, "new", FILE, { attributes });
    for (let i = 0; i < 5; i++) await nextTurn();
    assertEquals(ended, 0);
    gate.resolve();
    assert(await waiting[0] === d);
    await Promise.all(waiting);
    assert((await fs.readdir(d, 0, 10, WANTED)).isLasting);
    await fs.dispose();
  },
});

const PAGE = {
  cookie: 0,
  limit: 32,
  wanted: WANTED,
  madeAt: 1_000_000,
  page: { entries: [], end: true } as DirectoryPage<LocalNode>,
};

Deno.test("local: a page is not kept where something has happened while it was made", async () => {
  const { watch, moment, pages, watched } = keeping();
  const directory = {} as LocalNode;
  const folder = (await watched(directory))!;
  watch.events = [folder.watch];
  moment.end();
  assertEquals(pages.get(directory, PAGE), undefined);
  // Another one has begun to make it.
  assert(await watched(directory) !== folder);
  assert(!pages.keep(folder, PAGE));
  assertEquals(pages.get(directory, PAGE), undefined);
});

Deno.test("local: a folder that something happens to while a thread begins to watch it is not taken for watched", async () => {
  for (const told of ["its change", "too much"]) {
    const { watch, moment, pages, watched } = keeping();
    const directory = {} as LocalNode;
    watch.adding = async (number) => {
      await undefined;
      watch.events = told === "its change" ? [number] : undefined;
      moment.end();
      assertEquals(pages.get(directory, PAGE), undefined);
    };
    assertEquals(await watched(directory), undefined, told);
    assertEquals(watch.watched.size, 0);
    watch.adding = () => {};
    assert(await watched(directory) !== undefined, told);
  }
});

Deno.test("local: while a thread begins to watch a folder, what looks into it waits, its party has no other begun with, and others have", async () => {
  const { watch, locks, pages } = keeping();
  const [one, two, three] = [{}, {}, {}] as LocalNode[];
  const gate = Promise.withResolvers<void>();
  watch.adding = () => gate.promise;
  workFor({ party: "me" }, () => {
    pages.begin(one!, 0);
    pages.begin(two!, 0);
  });
  workFor({ party: "they" }, () => {
    pages.begin(one!, 0);
    pages.begin(three!, 0);
  });
  assertEquals(watch.watched.size, 2);
  const areLocked = [one, two, three].map((node) =>
    locks.of(node!) !== undefined
  );
  assertEquals(areLocked, [true, false, true]);
  let isDisposed = false;
  const disposed = pages.dispose().then(() => isDisposed = true);
  await locks.of({} as LocalNode);
  // The host's calls are still needed.
  assert(!isDisposed && !watch.isClosed);
  gate.resolve();
  await disposed;
  await locks.ended();
  assert(watch.isClosed);
  assertEquals(pages.watched(one!), undefined);
});

Deno.test("local: where the host has had too much to tell, no page is kept", async () => {
  const { watch, moment, pages, keep } = keeping();
  const directories = [{} as LocalNode, {} as LocalNode];
  for (const directory of directories) {
    await keep(directory, PAGE);
    assertEquals(pages.get(directory, PAGE), PAGE.page);
  }
  watch.events = undefined;
  moment.end();
  for (const directory of directories) {
    assertEquals(pages.get(directory, PAGE), undefined);
  }
  assertEquals(watch.watched.size, 0);
});

Deno.test("local: who has a folder watched of names so many that this takes long has none watched for many times as long", async () => {
  const { watch, clock, watched } = keeping();
  const [large, small] = [{} as LocalNode, {} as LocalNode];
  const mine = (directory: LocalNode) =>
    workFor({ party: "me" }, () => watched(directory));
  watch.adding = () => clock.advance(100);
  assert(await mine(large) !== undefined);
  watch.adding = () => {};
  assertEquals(await mine(small), undefined);
  const theirs = () =>
    workFor({ party: "they" }, () => watched({} as LocalNode));
  assert(await theirs() !== undefined);
  clock.advance(4999);
  assertEquals(await mine(small), undefined);
  clock.advance(1);
  assert(await mine(small) !== undefined);
});

Deno.test("local: who lists many folders again and again has pages of its own let go, and none of another's", async () => {
  const { pages, keep } = keeping();
  const entries = Array.from(
    { length: 100 },
    (_, i) => ({ name: `${i}`, cookie: i + 1 }),
  );
  const page = { entries, end: true };
  const keepAs = (party: string, folders: LocalNode[]) =>
    workFor({ party }, async () => {
      for (const folder of folders) await keep(folder, { ...PAGE, page });
    });
  const mine = [{} as LocalNode, {} as LocalNode];
  await keepAs("me", mine);
  const theirs = Array.from({ length: 200 }, () => ({}) as LocalNode);
  await keepAs("they", theirs);
  for (const folder of mine) assertEquals(pages.get(folder, PAGE), page);
  assertEquals(pages.get(theirs[0]!, PAGE), undefined);
  assertEquals(pages.get(theirs.at(-1)!, PAGE), page);
});

Deno.test("local: pages and watches of folders are bounded, those used last stay", async () => {
  const { watch, pages, keep, watched } = keeping();
  const entries = Array.from(
    { length: 100 },
    (_, i) => ({ name: `${i}`, cookie: i + 1 }),
  );
  const first = {} as LocalNode;
  let last = first;
  const page = { entries, end: false };
  for (let i = 0; i < MOST_KEPT / 100; i++) {
    await keep(last, { ...PAGE, page });
    assertEquals(pages.get(first, PAGE), page);
    last = {} as LocalNode;
  }
  assert(watch.watched.size < MOST_KEPT / 100);
  // A folder that is too large by itself: it is given up in the middle.
  for (let cookie = 0; cookie <= MOST_KEPT; cookie += 100) {
    const folder = (await watched(last))!;
    for (let i = 0; i < 2; i++) pages.keep(folder, { ...PAGE, cookie, page });
  }
  assertEquals(pages.get(first, PAGE), undefined);
  assert(watch.watched.size <= 1);
  // Those without a page.
  for (let i = 0; i < MOST_KEPT / 8; i++) await watched({} as LocalNode);
  assert(watch.watched.size < MOST_KEPT / 10);
  await pages.dispose();
  assertEquals(watch.watched.size, 0);
});
