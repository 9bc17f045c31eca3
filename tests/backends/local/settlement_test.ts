import host from "node:fs";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FileDescriptors } from "../../../src/backends/local/file_descriptors.ts";
import type { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { Settlement } from "../../../src/backends/local/settlement.ts";
import type { Tree } from "../../../src/backends/local/tree.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { attributes, noFolder, Sandbox } from "./fixture.ts";

/** What a COMPOUND can make. */
const FOLDERS = 60;
/** COMPOUNDs that wait for the disk together. */
const CROWDS = 8;
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
    const [uid, gid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
    const attributes = { mode: 0o755, uid, gid };
    const before = openDescriptors();
    const settled = [];
    for (let crowd = 0; crowd < CROWDS; crowd++) {
      let folder = fs.root();
      for (let i = 0; i < FOLDERS; i++) {
        const kind = { type: "directory" } as const;
        const name = `${crowd}`;
        folder = (await fs.create(folder, name, kind, { attributes })).node;
      }
      settled.push(fs.settle());
    }
    // What is kept open for later has a limit of its own.
    const taken = openDescriptors() - before - KEPT;
    await Promise.all(settled);
    assert(taken <= 64, `${taken} more are open at once`);
    assertEquals(fs.settle(), undefined, "nothing is left");
  },
});

/** Settles a file whose syncs end when a test says so. */
function gated() {
  const syncs: PromiseWithResolvers<void>[] = [];
  const files = {
    sync() {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
  } as unknown as FileDescriptors;
  const settlement = new Settlement({} as Tree, files, -1);
  const file = { type: "file", places: [] } as unknown as LocalNode;
  return { syncs, settlement, file };
}

Deno.test("local: who settles waits for what another is settling already, and hears how that ended", async () => {
  const { syncs, settlement, file } = gated();
  // Two requests have changed something before the first of them settles.
  settlement.add(file);
  const first = settlement.settle();
  let isSettled = false;
  const second = Promise.resolve(settlement.settle());
  second.then(() => isSettled = true, () => {});
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(isSettled, false);
  syncs[0]!.resolve();
  await Promise.all([first, second]);
  assertEquals(settlement.settle(), undefined, "nothing is left");

  settlement.add(file);
  const failing = settlement.settle();
  const other = settlement.settle();
  syncs[1]!.reject(new FsError("io"));
  for (const each of [failing, other]) {
    await assertRejects(async () => await each, FsError, "io");
  }
  assertEquals(settlement.settle(), undefined, "nothing is left");
});

Deno.test("local: what is changed while a folder or file is synced shares the next sync", async () => {
  const { syncs, settlement, file } = gated();
  const changed = () => {
    settlement.add(file);
    return settlement.settle();
  };
  const first = changed();
  const rest = [changed(), changed(), changed()];
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(syncs.length, 1);
  // How that ended is not theirs.
  syncs[0]!.reject(new FsError("io"));
  await assertRejects(async () => await first, FsError, "io");
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(syncs.length, 2);
  const last = changed();
  syncs[1]!.resolve();
  await Promise.allSettled(rest);
  syncs[2]!.resolve();
  await last;
  assertEquals(syncs.length, 3);
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
    const { fdatasync } = host;
    const asked: ((error: Error | null) => void)[] = [];
    host.fdatasync = ((_: number, done: (error: Error | null) => void) => {
      asked.push(done);
    }) as typeof fdatasync;
    try {
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
    } finally {
      host.fdatasync = fdatasync;
    }
  },
});

/** A file of which much was written that the disk does not get until it is let. */
async function behind(box: Sandbox) {
  const { fs } = box;
  const kind = { type: "file" } as const;
  const { node } = await fs.create(fs.root(), "f", kind, { attributes });
  await fs.settle();
  const { fsync, fdatasync } = host;
  const gate = Promise.withResolvers<void>();
  const later = (_: number, done: (error: Error | null) => void) =>
    void gate.promise.then(() => done(null));
  host.fsync = host.fdatasync = later as typeof fsync;
  return {
    node,
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
      assertEquals(fs.settle(), undefined, "others wait for it");
      assertEquals((await fs.getattr(slow.node)).mode, 0o600);
      assertEquals(isSet, false);
      slow.let();
      await set;
    },
  });
}

Deno.test("local: a symlink that the host has moved away is no fault of ours", async () => {
  const files = {} as unknown as FileDescriptors;
  const settlement = new Settlement({} as Tree, files, -1);
  settlement.add({ type: "symlink", places: [] } as unknown as LocalNode);
  await settlement.settle();
});
