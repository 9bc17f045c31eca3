import host from "node:fs";
import { hostThreads } from "../../../src/backends/common/host_threads.ts";
import { type Asker, workFor } from "../../../src/base/asker.ts";
import type { SharedPlaces } from "../../../src/base/shared_places.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FileDescriptors } from "../../../src/backends/local/file_descriptors.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import type { HostedOptions } from "../../../src/backends/local/options.ts";
import { Settlement } from "../../../src/backends/local/settlement.ts";
import type { Tree } from "../../../src/backends/local/tree.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { toldClock } from "../../support/fake_clock.ts";
import { attributes, hasFfi, makeHost, noFolder, Sandbox } from "./fixture.ts";

/** Changes that wait for the disk together. */
const CROWD = 480;
const KEPT = 64;

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test({
  name:
    "local: what a crowd has changed is settled with a few descriptors at a time",
  ignore: noFolder || Deno.build.os !== "linux",
  async fn() {
    await using box = new Sandbox({ maxDescriptors: 4 * KEPT });
    const { fs } = box;
    const directory = { type: "directory" } as const;
    const made = await Promise.all(
      Array.from(
        { length: CROWD },
        (_, i) => fs.create(fs.root(), `${i}`, directory, { attributes }),
      ),
    );
    const before = openDescriptors();
    const changed = made.map(({ node }) => fs.setattr(node, { mode: 0o700 }));
    await new Promise((resolve) => setTimeout(resolve));
    // What is kept open for later has a limit of its own.
    const taken = openDescriptors() - before - KEPT;
    await Promise.all(changed);
    assert(taken <= 64, `${taken} more are open at once`);
  },
});

/** Settles files whose syncs end when a test says so. */
function gated() {
  const syncs: (PromiseWithResolvers<void> & { readonly node: LocalNode })[] =
    [];
  const files = {
    sync(node: LocalNode) {
      const sync = { ...Promise.withResolvers<void>(), node };
      syncs.push(sync);
      return sync.promise;
    },
  } as unknown as FileDescriptors;
  const settlement = new Settlement({} as Tree, files, -1);
  return { syncs, settlement };
}

/** Syncs that the host is asked for, each of which ends as a test says. */
function askedFor(call: "fsync" | "fdatasync") {
  const own = host[call];
  const asked: ((error: Error | null) => void)[] = [];
  const ask = (_: number, done: (error: Error | null) => void) =>
    void asked.push(done);
  host[call] = ask as typeof own;
  return {
    asked,
    [Symbol.dispose]() {
      host[call] = own;
    },
  };
}

/** A party that takes all threads of these kinds, and stands in line for more, until a test says. */
function crowd(party: string, ...kinds: SharedPlaces[]) {
  const gate = Promise.withResolvers<void>();
  const works = workFor(
    { party },
    () =>
      kinds.flatMap((threads) =>
        Array.from({ length: 20 }, () => threads.run(() => gate.promise))
      ),
  );
  return async () => {
    gate.resolve();
    await Promise.all(works);
  };
}

function newFile(...parents: LocalNode[]): LocalNode {
  const places = parents.map((parent) => ({ parent, name: "file" }));
  return { type: "file", places } as unknown as LocalNode;
}

const moment = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Whether a promise has been kept, some turns later. */
async function isKept(promise: Promise<void>): Promise<boolean> {
  let kept = false;
  promise.then(() => kept = true, () => {});
  await moment();
  return kept;
}

Deno.test("local: changes of one piece share a sync, those made while it goes on the next", async () => {
  const { syncs, settlement } = gated();
  const file = newFile();
  const first = [settlement.settle([file]), settlement.settle([file])];
  await moment();
  assertEquals(syncs.length, 1);
  const rest = [1, 2, 3].map(() => settlement.settle([file]));
  await moment();
  assertEquals(syncs.length, 1);
  // How that ended is not theirs.
  syncs[0]!.reject(new FsError("io"));
  for (const each of first) {
    await assertRejects(() => each, FsError, "io");
  }
  await moment();
  assertEquals(syncs.length, 2);
  const last = settlement.settle([file]);
  assertEquals(await isKept(Promise.all(rest).then(() => {})), false);
  syncs[1]!.resolve();
  await Promise.all(rest);
  await moment();
  assertEquals(syncs.length, 3);
  syncs[2]!.resolve();
  await last;
  await settlement.ended();
});

Deno.test("local: a sync that failed is told to those who changed what it was for, and to no others", async () => {
  const { syncs, settlement } = gated();
  const [file, other] = [newFile(), newFile()];
  const failing = settlement.settle([file, other]);
  const sound = settlement.settle([other]);
  await moment();
  assertEquals(syncs.length, 2);
  syncs.find(({ node }) => node === file)!.reject(new FsError("io"));
  syncs.find(({ node }) => node === other)!.resolve();
  await assertRejects(() => failing, FsError, "io");
  await sound;
});

for (
  const [who, other] of [
    ["party", { party: "other" }],
    ["connection", { party: "crowd" }],
  ] as const
) {
  Deno.test(`local: one ${who} that changes thousands of files has another wait for few of them`, async () => {
    const { syncs, settlement } = gated();
    const settle = (asker: Asker, node: LocalNode) =>
      workFor(asker, () => settlement.settle([node]));
    const crowd = { party: "crowd" };
    const files = Array.from({ length: 1000 }, () => newFile());
    const settled = files.map((node) => settle(crowd, node));
    await moment();
    assertEquals(syncs.length, 15, "a party's threads");
    const own = settle(other, newFile());
    // What the crowd has changed as well comes in the turn of the other, too.
    const shared = settle(other, files[900]!);
    let ended = 0;
    const end = async () => {
      while (syncs[ended] === undefined) await moment();
      syncs[ended++]!.resolve();
    };
    for (let i = 0; i < 40; i++) await end();
    await own;
    await shared;
    while (ended < 1001) await end();
    await Promise.all(settled);
    assertEquals(syncs.length, 1001, "each once");
  });
}

Deno.test("local: what is settled is reached by names that are settled, also where others made them", async () => {
  const { syncs, settlement } = gated();
  const [upper, lower] = [newFile(), newFile()];
  const folder = newFile(upper);
  const file = newFile(folder, lower);
  assertEquals(settlement.settleAbove(file), undefined, "nothing is changed");
  const made = settlement.settle([upper]);
  const below = settlement.settle([file]);
  await moment();
  assertEquals(syncs.map(({ node }) => node), [upper, file]);
  const content = settlement.settleAbove(file)!;
  const alone = settlement.settleAlone(folder);
  syncs[1]!.resolve();
  syncs[2]!.resolve();
  assertEquals(await isKept(below), false);
  assertEquals(await isKept(content), false);
  assertEquals(await isKept(alone), false);
  syncs[0]!.resolve();
  await Promise.all([made, below, content, alone]);
});

Deno.test({
  name:
    "local: what is changed is seen before it is durable, and others do not wait for it",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const root = fs.root();
    const kind = { type: "directory" } as const;
    const { node } = await fs.create(root, "a", kind, { attributes });
    const other = await fs.create(root, "b", kind, { attributes });
    using syncs = askedFor("fsync");
    const { asked } = syncs;
    const set = Promise.resolve(fs.setattr(node, { mode: 0o711 }));
    const made = Promise.resolve(fs.create(node, "c", kind, { attributes }));
    assertEquals(await isKept(set), false);
    assertEquals(await isKept(made.then(() => {})), false);
    assertEquals((await fs.getattr(node)).mode, 0o711);
    assertEquals((await fs.lookup(node, "c"))?.type, "directory");
    assertEquals(await fs.lookup(node, "d"), undefined);
    const { entries } = await fs.readdir(root, 0, 10);
    assertEquals(entries.length, 2);
    const file = { type: "file" } as const;
    const named = Promise.resolve(fs.create(node, "f", file, { attributes }));
    const found = (await fs.lookup(node, "f"))!;
    const stable = fs.write(found, 0, new Uint8Array(1), "data");
    assertEquals(await isKept(Promise.resolve(stable).then(() => {})), false);
    const elsewhere = fs.setattr(other.node, { mode: 0o711 });
    await moment();
    const own = asked.pop()!;
    own(null);
    await elsewhere;
    syncs[Symbol.dispose]();
    for (const end of asked) end(null);
    await Promise.all([set, made, named, stable]);
  },
});

Deno.test({
  name: "local: a COMMIT hears of the failure of a sync that was under way",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const kind = { type: "file" } as const;
    const { node } = await fs.create(fs.root(), "f", kind, { attributes });
    await fs.write(node, 0, new Uint8Array(10), "unstable");
    using syncs = askedFor("fdatasync");
    const { asked } = syncs;
    const commits = [fs.commit(node), fs.commit(node)];
    // The host tells the error of a file to the first who asks.
    asked[1]!(null);
    asked[0]!(Object.assign(new Error("EIO"), { code: "EIO" }));
    for (const commit of commits) {
      await assertRejects(async () => await commit, FsError, "EIO");
    }
    // Other clients have written to it, or have written to other files, and hear of it so.
    assertEquals(fs.lostWrites, 1);
    const next = fs.commit(node);
    asked[2]!(null);
    await next;
    assertEquals(fs.lostWrites, 1);
  },
});

Deno.test({
  name:
    "local: who stands in a line to have a file on disk hears of another's sync of it that fails",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const kind = { type: "file" } as const;
    const { node } = await fs.create(fs.root(), "f", kind, { attributes });
    using syncs = askedFor("fdatasync");
    const { asked } = syncs;
    const disperse = crowd("one", hostThreads.short);
    const write = workFor(
      { party: "one" },
      async () => await fs.write(node, 0, new Uint8Array(9), "data"),
    );
    const commit = workFor(
      { party: "other" },
      async () => await fs.commit(node),
    );
    const both = [write, commit].map((each) =>
      assertRejects(() => each as Promise<unknown>, FsError, "EIO")
    );
    await moment();
    assertEquals(asked.length, 1);
    asked[0]!(Object.assign(new Error("EIO"), { code: "EIO" }));
    await moment();
    await disperse();
    await moment();
    // The host has told it.
    asked[1]!(null);
    await Promise.all(both);
  },
});

/** A file of which much was written that the disk does not get until it is let. */
async function behind(box: Sandbox) {
  const { fs } = box;
  const kind = { type: "file" } as const;
  const { node } = await fs.create(fs.root(), "f", kind, { attributes });
  const { fsync, fdatasync } = host;
  const gate = Promise.withResolvers<void>();
  const later = (_: number, done: (error: Error | null) => void) =>
    void gate.promise.then(() => done(null));
  host.fsync = host.fdatasync = later as typeof fsync;
  return {
    node,
    fsync,
    let: gate.resolve,
    [Symbol.dispose]() {
      gate.resolve();
      Object.assign(host, { fsync, fdatasync });
    },
  };
}

const BEHIND: Record<
  string,
  (fs: HostedFileSystem, file: LocalNode, path: string) => unknown
> = {
  "was written to and not flushed": (fs, file) =>
    fs.write(file, 0, new Uint8Array(10), "unstable"),
  "is being flushed": async (fs, file) => {
    await fs.write(file, 0, new Uint8Array(10), "unstable");
    void fs.commit(file);
  },
  "is large": (_fs, _file, path) =>
    Deno.truncateSync(`${path}/f`, 17 * 1024 * 1024),
};

for (const [what, prepare] of Object.entries(BEHIND)) {
  Deno.test({
    name: `local: SETATTR of a file that ${what} waits for it, and nobody else`,
    ignore: noFolder,
    async fn() {
      await using box = new Sandbox();
      const { fs, path } = box;
      using slow = await behind(box);
      await prepare(fs, slow.node, path);
      let isSet = false;
      const set = Promise.resolve(fs.setattr(slow.node, { mode: 0o600 }))
        .then(() => isSet = true);
      const directory = { type: "directory" } as const;
      host.fsync = slow.fsync;
      await fs.create(fs.root(), "other", directory, { attributes });
      assertEquals((await fs.getattr(slow.node)).mode, 0o600);
      assertEquals(isSet, false);
      slow.let();
      await set;
    },
  });
}

/** A file system whose host tells when all of it is synced, which waits to be let. */
function syncingAll(path: string, options?: HostedOptions) {
  const slow = makeHost(true);
  const syncs: PromiseWithResolvers<void>[] = [];
  slow.syncAll = () => {
    const sync = Promise.withResolvers<void>();
    syncs.push(sync);
    return sync.promise;
  };
  return { fs: new HostedFileSystem(slow, path, options), syncs };
}

Deno.test({
  name:
    "local: what can't be opened is durable with all of its file system, once for all who wait",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using box = new Sandbox();
    const { fs, syncs } = syncingAll(box.path);
    const kind = { type: "symlink", target: "x" } as const;
    const nodes: LocalNode[] = [];
    for (const name of ["a", "b", "c"]) {
      const made = await fs.create(fs.root(), name, kind, { attributes });
      nodes.push(made.node);
    }
    assertEquals(syncs.length, 0);
    const set = (node: LocalNode) =>
      Promise.resolve(fs.setattr(node, { mtime: "now" }));
    const first = set(nodes[0]!);
    await moment();
    const rest = [set(nodes[1]!), set(nodes[2]!)];
    assertEquals(await isKept(first), false);
    assertEquals(syncs.length, 1);
    syncs[0]!.resolve();
    await first;
    assertEquals(await isKept(rest[0]!), false);
    assertEquals(syncs.length, 2);
    syncs[1]!.reject(new FsError("io"));
    for (const each of rest) await assertRejects(() => each, FsError, "io");
    await fs.dispose();
  },
});

Deno.test({
  name:
    "local: the sync of all that a file system has does not stand in the line of those who wait for it",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using box = new Sandbox();
    const { fs, syncs } = syncingAll(box.path);
    const kind = { type: "symlink", target: "x" } as const;
    const made = ["a", "b"].map((name) =>
      Promise.resolve(fs.create(fs.root(), name, kind, { attributes }))
    );
    const [own, others] = await Promise.all(made);
    const set = (party: string, node: LocalNode) =>
      workFor(
        { party },
        () => Promise.resolve(fs.setattr(node, { mtime: "now" })),
      );
    const disperse = crowd("one", ...Object.values(hostThreads));
    const behind = set("one", own!.node);
    const well = set("other", others!.node);
    await moment();
    assertEquals(syncs.length, 1);
    syncs[0]!.resolve();
    await well;
    await disperse();
    await moment();
    syncs[1]!.resolve();
    await behind;
    await fs.dispose();
  },
});

Deno.test({
  name:
    "local: who waits for the sync of all that a file system has keeps no thread from others",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using box = new Sandbox();
    const { fs, syncs } = syncingAll(box.path);
    const kind = { type: "symlink", target: "x" } as const;
    const made = await Promise.all(
      Array.from(
        { length: 60 },
        (_, i) =>
          Promise.resolve(fs.create(fs.root(), `${i}`, kind, { attributes })),
      ),
    );
    const set = made.map(({ node }, i) =>
      workFor(
        { party: `${i % 3}` },
        () => Promise.resolve(fs.setattr(node, { mtime: "now" })),
      )
    );
    await moment();
    assertEquals(syncs.length, 1);
    assertEquals([hostThreads.short.count, hostThreads.short.waiting], [1, 0]);
    const folder = { type: "directory" } as const;
    await fs.create(fs.root(), "made", folder, { attributes });
    while (syncs.length < 2) {
      for (const sync of syncs) sync.resolve();
      await moment();
    }
    syncs[1]!.resolve();
    await Promise.all(set);
    await fs.dispose();
  },
});

Deno.test({
  name:
    "local: a folder that is to be synced in the line of one party is synced in that of another",
  ignore: noFolder,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const folder = { type: "directory" } as const;
    const make = (party: string, name: string) =>
      workFor(
        { party },
        () =>
          Promise.resolve(fs.create(fs.root(), name, folder, { attributes })),
      );
    const disperse = crowd("one", hostThreads.short);
    const first = make("one", "a");
    await moment();
    await make("other", "b");
    // What is made in the same folder is durable with it.
    await first;
    await disperse();
  },
});

for (
  const [what, change] of Object.entries({
    "file whose attributes were changed": (fs: HostedFileSystem) => {
      const file = fs.lookup(fs.root(), "moving") as LocalNode;
      return fs.setattr(file, { mode: 0o600 });
    },
    "folder in which an entry was made": (fs: HostedFileSystem) => {
      const folder = fs.lookup(fs.root(), "moving") as LocalNode;
      return fs.create(folder, "new", { type: "file" }, { attributes });
    },
  })
) {
  Deno.test({
    name: `local: a ${what} is synced also where the host moves it first`,
    ignore: noFolder || !hasFfi,
    async fn() {
      await using box = new Sandbox();
      let now = 0;
      const clock = toldClock(() => now);
      const { fs, syncs } = syncingAll(box.path, { clock });
      Deno.mkdirSync(`${box.path}/other`);
      if (what.startsWith("folder")) Deno.mkdirSync(`${box.path}/moving`);
      else Deno.writeTextFileSync(`${box.path}/moving`, "");
      const changed = Promise.resolve(change(fs)).then(() => {});
      Deno.renameSync(`${box.path}/moving`, `${box.path}/other/moved`);
      now += 10_000;
      assertEquals(await isKept(changed), false);
      for (const sync of syncs) sync.resolve();
      await changed;
      assertEquals(syncs.length, 1);
      await fs.dispose();
    },
  });
}

Deno.test({
  name:
    "local: a folder of a file system that syncs no folders is durable with all of it",
  ignore: noFolder || !hasFfi,
  async fn() {
    await using box = new Sandbox();
    const { fs, syncs } = syncingAll(box.path);
    const { fsync } = host;
    host.fsync = ((_: number, done: (error: Error | null) => void) =>
      done(
        Object.assign(new Error("EINVAL: invalid argument, fsync"), {
          code: "EINVAL",
        }),
      )) as typeof fsync;
    try {
      const kind = { type: "directory" } as const;
      const made = fs.create(fs.root(), "a", kind, { attributes });
      await moment();
      for (const sync of syncs) sync.resolve();
      await made;
      assertEquals(syncs.length, 1);
    } finally {
      host.fsync = fsync;
    }
    await fs.dispose();
  },
});

Deno.test("local: a symlink that the host has moved away is no fault of ours", async () => {
  const files = {} as unknown as FileDescriptors;
  const tree = { host: { canSyncAll: false } } as unknown as Tree;
  const settlement = new Settlement(tree, files, -1);
  const node = { type: "symlink", places: [] } as unknown as LocalNode;
  await settlement.settle([node]);
});
