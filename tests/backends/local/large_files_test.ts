import host from "node:fs";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { nextTurn } from "../../../src/base/turn.ts";
import { askedBy, workFor } from "../../../src/base/asker.ts";
import { hostThreads } from "../../../src/backends/common/host_threads.ts";
import { Closing } from "../../../src/backends/local/closing.ts";
import type { Host, HostStat } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  makeHost,
  noFolder,
  Sandbox,
} from "./fixture.ts";
import { holdBack } from "../hold_back.ts";

/** A size that the host takes long for, were it no hole. */
const LARGE = 17 * 1024 * 1024;
/** Bytes that it takes long for where each page is a piece of its own. */
const SCATTERED = 300 * 1024;
const BOTH = { read: true, write: true };

/** A folder of a host whose other thread closes nothing until it is let. */
class SlowClosing implements AsyncDisposable {
  readonly fs: HostedFileSystem;
  readonly path: string;
  readonly #box = new Sandbox();
  readonly #gate = Promise.withResolvers<void>();
  /** Files that the other thread has. */
  closing = 0;

  constructor() {
    this.path = this.#box.path;
    const slow = makeHost(true);
    const closeLater = slow.closeLater.bind(slow);
    slow.closeLater = async (fd) => {
      this.closing++;
      await this.#gate.promise;
      await closeLater(fd);
      this.closing--;
    };
    this.fs = new HostedFileSystem(slow, this.path, { maxDescriptors: 64 });
  }

  async make(name: string, size = LARGE): Promise<LocalNode> {
    Deno.writeTextFileSync(`${this.path}/${name}`, "");
    Deno.truncateSync(`${this.path}/${name}`, size);
    return (await this.fs.lookup(this.fs.root(), name))!;
  }

  at(name: string) {
    return { directory: this.fs.root(), name };
  }

  /** One whose pages the host may have each in another place. */
  async scatter(name: string): Promise<LocalNode> {
    Deno.writeFileSync(`${this.path}/${name}`, new Uint8Array(SCATTERED));
    return (await this.fs.lookup(this.fs.root(), name))!;
  }

  async let(): Promise<void> {
    this.#gate.resolve();
    while (this.closing > 0) await new Promise((go) => setTimeout(go, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate.resolve();
    await this.fs.dispose();
    await this.#box[Symbol.asyncDispose]();
  }
}

/** Files of a folder that are held open and have no name. */
function namelessIn(folder: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(folder) && path.endsWith(" (deleted)");
    } catch {
      return false;
    }
  }).length;
}

/** All that can be the end of a file. */
const ends: Record<
  string,
  (slow: SlowClosing, file: LocalNode) => Promise<unknown>
> = {
  "removed": async ({ fs }) => await fs.remove(fs.root(), "file"),
  "removed after it was read": async ({ fs }, file) => {
    await fs.read(file, 0, new Uint8Array(1));
    await fs.remove(fs.root(), "file");
  },
  "removed after it was written": async ({ fs }, file) => {
    await fs.write(file, 0, new Uint8Array(1), "unstable");
    await fs.remove(fs.root(), "file");
  },
  "removed by its last name": async ({ fs }, file) => {
    await fs.link(file, fs.root(), "link");
    await fs.remove(fs.root(), "file");
    await fs.remove(fs.root(), "link");
  },
  "replaced": async (slow) => {
    await slow.make("other", 1);
    await slow.fs.rename(slow.at("other"), slow.at("file"));
  },
  "closed after it was removed": async ({ fs }, file) => {
    await fs.open(file, BOTH);
    await fs.remove(fs.root(), "file");
    fs.close(file, BOTH);
  },
  "removed by the host while it is held": async ({ fs, path }, file) => {
    await fs.write(file, 0, new Uint8Array(1), "unstable");
    Deno.removeSync(`${path}/file`);
    assertEquals(await codeOf(() => fs.getattr(file)), "stale");
  },
  "removed by the host before others are used": async (slow, file) => {
    await slow.fs.read(file, 0, new Uint8Array(1));
    Deno.removeSync(`${slow.path}/file`);
    for (let i = 0; i < 64; i++) {
      const other = await slow.make(`${i}`, 1);
      await slow.fs.read(other, 0, new Uint8Array(1));
    }
  },
};

for (const [how, end] of Object.entries(ends)) {
  Deno.test({
    name: `local: a large file that is ${how} is given back beside other work`,
    ignore: noFolder || !hasFfi,
    async fn() {
      await using slow = new SlowClosing();
      await end(slow, await slow.make("file"));
      assert(namelessIn(slow.path) > 0, "the host has given it back");
      assert(slow.closing > 0);
      await slow.let();
      assertEquals(namelessIn(slow.path), 0);
    },
  });
}

Deno.test({
  name:
    "local: a file that may be in many pieces is given back beside other work",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using slow = new SlowClosing();
    const { fs } = slow;
    await slow.scatter("never opened");
    await fs.remove(fs.root(), "never opened");
    await fs.read(await slow.scatter("read"), 0, new Uint8Array(1));
    await fs.remove(fs.root(), "read");
    await slow.scatter("replaced");
    await slow.make("other", 1);
    await fs.rename(slow.at("other"), slow.at("replaced"));
    assertEquals([slow.closing, namelessIn(slow.path)], [3, 3]);
    await slow.let();
  },
});

Deno.test({
  name: "local: what may be in many pieces is cut off by another thread",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const file = await sandboxed(box, 0);
    Deno.writeFileSync(`${path}/file`, new Uint8Array(SCATTERED));
    using truncate = holdBack("ftruncate");
    const cut = fs.setattr(file, { size: 1 });
    assertEquals(truncate.asked.length, 1);
    truncate.asked[0]!.go();
    await cut;
    assertEquals(Deno.statSync(`${path}/file`).size, 1);
  },
});

Deno.test({
  name:
    "local: while many large files are given back, others are not removed, and small ones are",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using slow = new SlowClosing();
    const { fs } = slow;
    const refused = new Set<string>();
    for (let i = 0; i < 40; i++) {
      await slow.make(`large ${i}`);
      try {
        await fs.remove(fs.root(), `large ${i}`);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        refused.add(error.code);
      }
    }
    assertEquals([...refused], ["busy"]);
    assertEquals(namelessIn(slow.path), 6, "a third of the places");
    await slow.make("small", 1);
    await fs.remove(fs.root(), "small");
    await slow.let();
    await fs.remove(fs.root(), "large 39");
  },
});

Deno.test({
  name: "local: a large file that is not flushed is closed beside other work",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using slow = new SlowClosing();
    const { fs } = slow;
    const file = await slow.make("file");
    await fs.open(file, BOTH);
    await fs.write(file, 0, new Uint8Array(1), "unstable");
    fs.close(file, BOTH);
    assertEquals(slow.closing, 1);
  },
});

Deno.test({
  name:
    "local: a large file that was written and flushed is closed beside other work",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using slow = new SlowClosing();
    const { fs } = slow;
    const file = await slow.make("file");
    await fs.open(file, BOTH);
    await fs.write(file, 0, new Uint8Array(1), "unstable");
    await fs.commit(file);
    fs.close(file, BOTH);
    assertEquals(slow.closing, 1);
  },
});

Deno.test({
  name: "local: a large file that was only read is closed at once",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using slow = new SlowClosing();
    const { fs } = slow;
    const file = await slow.make("file");
    await fs.open(file, { read: true, write: false });
    fs.close(file, { read: true, write: false });
    assertEquals(slow.closing, 0);
  },
});

const ONE = 1;
const OTHER = 2;

/** Closes that a test ends, of a host where each file is a large one, and nameless unless told otherwise. */
class Endless implements AsyncDisposable {
  readonly begun = new Map<number, () => void>();
  readonly clock = new FakeClock();
  readonly closing: Closing;
  nlink = 0;
  #owner = 0;
  #isOver = false;

  constructor() {
    const closeLater = (fd: number) =>
      new Promise<void>((resolve) => {
        this.begun.set(fd, resolve);
        if (this.#isOver) resolve();
      });
    const statFile = () =>
      ({
        nlink: this.nlink,
        uid: this.#owner,
        size: LARGE,
        used: 0,
      }) as HostStat;
    const fake = { closeLater, statFile } as unknown as Host;
    this.closing = new Closing(fake, { clock: this.clock, most: 8 });
  }

  /** One of an owner's files, for a party of its own. */
  close(fd: number, owner: number): void {
    workFor({ party: `${owner}` }, () => this.closeHere(fd, owner));
  }

  /** The same for the party whose work goes on. */
  closeHere(fd: number, owner: number): void {
    this.#owner = owner;
    this.closing.close(fd, askedBy());
  }

  /** All end: the threads are for all files of the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const end of this.begun.values()) end();
    while (this.closing.size > 0) await nextTurn();
  }
}

Deno.test("local: of a party few files are closed at a time, and of others as well", async () => {
  await using endless = new Endless();
  const { begun, closing } = endless;
  for (let fd = 1000; fd < 1006; fd++) endless.close(fd, ONE);
  assertEquals([...begun.keys()], [1000, 1001, 1002]);
  endless.close(1006, OTHER);
  assert(begun.has(1006));
  begun.get(1001)!();
  await nextTurn();
  assert(begun.has(1003) && !begun.has(1004));
  assertEquals(closing.size, 6);
});

Deno.test("local: what a sweep closes stands in the line of its owner, and not of the party whose turn it is", async () => {
  await using endless = new Endless();
  const party = { party: "root" };
  await workFor(party, async () => {
    for (let fd = 1000; fd < 1006; fd++) endless.closeHere(fd, ONE);
    assertEquals(endless.begun.size, 3);
    for (const threads of Object.values(hostThreads)) {
      await threads.run(() => Promise.resolve());
    }
  });
});

Deno.test("local: a file that has a name is not closed behind those that give back much", async () => {
  await using endless = new Endless();
  const { begun } = endless;
  for (let fd = 1000; fd < 1006; fd++) endless.close(fd, ONE);
  endless.nlink = 1;
  endless.close(1006, ONE);
  assert(begun.has(1006), "the host runs no program that is open for writing");
});

Deno.test("local: closes of files that have names take places of who had them opened, of whichever owners they are", async () => {
  await using endless = new Endless();
  endless.nlink = 1;
  await workFor({ party: "one" }, async () => {
    for (let fd = 1000; fd < 1060; fd++) endless.closeHere(fd, fd);
    await nextTurn();
  });
  await workFor(
    { party: "other" },
    () => hostThreads.short.run(() => Promise.resolve()),
  );
});

Deno.test("local: the end waits for what is closed, for a while", async () => {
  const { closeSync } = host;
  const closed: number[] = [];
  host.closeSync = (fd) => void closed.push(fd);
  try {
    await using endless = new Endless();
    const { begun, clock, closing } = endless;
    for (let fd = 1000; fd < 1006; fd++) endless.close(fd, ONE);
    const disposed = closing.dispose();
    begun.get(1000)!();
    await nextTurn();
    clock.advance(60_000);
    await disposed;
    assertEquals(clock.pending, 0);
    assertEquals(begun.size, 4);
  } finally {
    host.closeSync = closeSync;
  }
  // Its host's calls are no longer there.
  assertEquals(closed, [1004, 1005]);
});

Deno.test("local: no owner has more files wait to be closed than are left room for", async () => {
  await using endless = new Endless();
  const { begun, closing } = endless;
  assert(closing.hasRoomFor(ONE));
  for (let fd = 1000; fd < 1003; fd++) endless.close(fd, ONE);
  assert(!closing.hasRoomFor(ONE), "what it removes");
  assert(!closing.isBehind(ONE), "what it opens");
  endless.close(1003, ONE);
  assert(closing.isBehind(ONE));
  assert(closing.hasRoomFor(OTHER) && !closing.isBehind(OTHER));
  // What it had opened before is not closed on the event loop, either.
  for (let fd = 1004; fd < 1020; fd++) endless.close(fd, ONE);
  assertEquals(closing.size, 20);
  assertEquals(begun.size, 3);
  while (closing.size > 0) {
    for (const end of begun.values()) end();
    await nextTurn();
  }
  assert(closing.hasRoomFor(ONE) && !closing.isBehind(ONE));
});

Deno.test("local: of more files that are to be closed than there are places for a newcomer still has a few", async () => {
  await using endless = new Endless();
  const { closing } = endless;
  for (let fd = 1000; fd < 1040; fd++) endless.close(fd, ONE);
  assert(closing.size > 32);
  closing.most = 32;
  for (let fd = 2000; fd < 2002; fd++) {
    assert(closing.hasRoomFor(OTHER) && !closing.isBehind(OTHER));
    endless.close(fd, OTHER);
  }
  assert(!closing.hasRoomFor(OTHER) && closing.isBehind(OTHER));
});

/** What waits while the size of "file" is changed, each on a file of its own. */
const waiting: Record<
  string,
  (fs: HostedFileSystem, file: LocalNode) => unknown
> = {
  read: (fs, file) => fs.read(file, 0, new Uint8Array(1)),
  write: (fs, file) => fs.write(file, 0, new Uint8Array(1), "unstable"),
  "change its mode": (fs, file) => fs.setattr(file, { mode: 0o600 }),
  "change its size": (fs, file) => fs.setattr(file, { size: 1 }),
  link: (fs, file) => fs.link(file, fs.root(), "link"),
  remove: (fs) => fs.remove(fs.root(), "file"),
  rename: (fs) =>
    fs.rename({ directory: fs.root(), name: "file" }, {
      directory: fs.root(),
      name: "new",
    }),
  replace: (fs) =>
    fs.rename({ directory: fs.root(), name: "other" }, {
      directory: fs.root(),
      name: "file",
    }),
};

async function sandboxed(box: Sandbox, size = LARGE): Promise<LocalNode> {
  Deno.writeTextFileSync(`${box.path}/other`, "other");
  Deno.writeTextFileSync(`${box.path}/file`, "file");
  Deno.truncateSync(`${box.path}/file`, size);
  return (await box.fs.lookup(box.fs.root(), "file"))!;
}

for (const [what, act] of Object.entries(waiting)) {
  Deno.test({
    name: `local: who wants to ${what} waits for a long change of the size`,
    ignore: noFolder,
    async fn() {
      await using box = new Sandbox();
      const { fs } = box;
      const file = await sandboxed(box);
      using truncate = holdBack("ftruncate");
      const resized = fs.setattr(file, { size: 2 });
      let isDone = false;
      const acted = Promise.resolve(act(fs, file)).then(() => isDone = true);
      // Other files, and looks at this one, don't wait.
      const other = fs.lookup(fs.root(), "other");
      assert(!(other instanceof Promise) && other !== undefined);
      assert(!(fs.read(other, 0, new Uint8Array(1)) instanceof Promise));
      assert(!(fs.getattr(file) instanceof Promise));
      await new Promise((go) => setTimeout(go));
      assertEquals(isDone, false);
      assertEquals(truncate.asked.length, 1);
      truncate.asked[0]!.go();
      await resized;
      await acted;
    },
  });
}

Deno.test({
  name: "local: a long change of the size is made along with others",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const file = await sandboxed(box);
    using truncate = holdBack("ftruncate");
    const mtime = { seconds: 7, nanoseconds: 0 };
    const resized = fs.setattr(file, { size: 2, mode: 0o640, mtime });
    truncate.asked[0]!.go();
    await resized;
    const after = await fs.getattr(file);
    assertEquals([after.size, after.mode, after.mtime], [2, 0o640, mtime]);
  },
});

Deno.test({
  name: "local: a write behind a long change of the size is made after it",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const file = await sandboxed(box);
    using truncate = holdBack("ftruncate");
    const resized = fs.setattr(file, { size: 0 });
    const written = fs.write(file, 0, new Uint8Array([65, 66]), "unstable");
    truncate.asked[0]!.go();
    await Promise.all([resized, written]);
    assertEquals(Deno.readTextFileSync(`${path}/file`), "AB");
  },
});

Deno.test({
  name:
    "local: a long change of the size that fails is told, undone where it can be, and ends the wait",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const file = await sandboxed(box);
    const { mode } = await fs.getattr(file);
    using truncate = holdBack("ftruncate");
    const resized = fs.setattr(file, { size: 0, mode: 0o600 });
    const read = fs.read(file, 0, new Uint8Array(1));
    truncate.asked[0]!.fail("EIO");
    await assertRejects(async () => await resized, FsError, "EIO");
    assertEquals((await read).bytes, 1);
    assertEquals((await fs.getattr(file)).mode, mode);
  },
});

Deno.test({
  name:
    "local: a small change of a size, and one of a small file, is made at once",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const file = await sandboxed(box);
    using truncate = holdBack("ftruncate");
    for (const size of [LARGE - 1, LARGE + 1, LARGE / 2, 0, LARGE / 2]) {
      await fs.setattr(file, { size });
    }
    assertEquals(truncate.asked.length, 0);
  },
});

Deno.test({
  name: "local: a file system that ends waits for a long change of a size",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const file = await sandboxed(box);
    using truncate = holdBack("ftruncate");
    const resized = fs.setattr(file, { size: 0 });
    let isDisposed = false;
    const disposed = fs.dispose().then(() => isDisposed = true);
    await new Promise((go) => setTimeout(go, 5));
    assertEquals(isDisposed, false);
    truncate.asked[0]!.go();
    await Promise.all([resized, disposed]);
  },
});

Deno.test({
  name:
    "local: what was written to a large file goes to disk before it replaces another, and COMMIT hears of what was lost",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const file = await sandboxed(box);
    await fs.write(file, 0, new Uint8Array(1), "unstable");
    using sync = holdBack("fdatasync");
    const directory = fs.root();
    const renamed = fs.rename(
      { directory, name: "file" },
      { directory, name: "other" },
    );
    assertEquals(Deno.readTextFileSync(`${path}/other`), "other");
    sync.asked[0]!.fail("EIO");
    await renamed;
    assertEquals(await fs.lookup(directory, "other"), file);
    const committed = fs.commit(file);
    sync.asked[1]!.go();
    await assertRejects(async () => await committed, FsError, "EIO");
  },
});

Deno.test({
  name: "local: a new file may have any size at once",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox({ durability: "os" });
    const { fs } = box;
    const made = fs.create(fs.root(), "new", { type: "file" }, {
      attributes: { ...attributes, size: LARGE },
    });
    assert(!(made instanceof Promise));
    assertEquals((await fs.getattr(made.node)).size, LARGE);
  },
});

Deno.test({
  name:
    "local: a RENAME that has waited for a flush looks again for a change of size",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const file = await sandboxed(box, LARGE);
    const kind = { type: "file" } as const;
    const made = await fs.create(fs.root(), "moved", kind, {
      attributes: { ...attributes, size: LARGE },
    });
    await fs.write(made.node, 0, new Uint8Array(9), "unstable");
    using flush = holdBack("fdatasync");
    using truncate = holdBack("ftruncate");
    const at = (name: string) => ({ directory: fs.root(), name });
    const renamed = Promise.resolve(fs.rename(at("moved"), at("file")));
    const cut = fs.setattr(file, { size: 1 });
    assertEquals([flush.asked.length, truncate.asked.length], [1, 1]);
    flush.open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(Deno.statSync(`${path}/moved`).size, LARGE, "it waits");
    truncate.open();
    await cut;
    await renamed;
    assertEquals(Deno.statSync(`${path}/file`).size, LARGE);
  },
});

Deno.test({
  name:
    "local: a RENAME waits for a COMMIT of what it moves, beside other work",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    await sandboxed(box, 1);
    const kind = { type: "file" } as const;
    const { node } = await fs.create(fs.root(), "moved", kind, {
      attributes: { ...attributes, size: LARGE },
    });
    await fs.write(node, 0, new Uint8Array(9), "unstable");
    using flush = holdBack("fdatasync");
    const committed = fs.commit(node);
    const at = (name: string) => ({ directory: fs.root(), name });
    const renamed = Promise.resolve(fs.rename(at("moved"), at("file")));
    await nextTurn();
    assertEquals(Deno.statSync(`${path}/file`).size, 1, "it waits");
    flush.open();
    await Promise.all([committed, renamed]);
    assertEquals(Deno.statSync(`${path}/file`).size, LARGE);
  },
});

Deno.test({
  name:
    "local: a SETATTR whose turn comes while the size is changed keeps no thread meanwhile",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox({ durability: "os" });
    const { fs } = box;
    const file = await sandboxed(box, LARGE);
    using truncate = holdBack("ftruncate");
    const gate = Promise.withResolvers<void>();
    const crowd = Array.from(
      { length: 3 },
      () => hostThreads.long.run(() => gate.promise),
    );
    const first = fs.setattr(file, { size: 1 });
    const second = fs.setattr(file, { size: 2 * LARGE });
    assertEquals(hostThreads.long.waiting, 2);
    gate.resolve();
    await Promise.all(crowd);
    await nextTurn();
    assertEquals(truncate.asked.length, 1);
    assertEquals(hostThreads.long.count, 1, "that of the first");
    truncate.open();
    await Promise.all([first, second]);
  },
});
