import { assert, assertEquals } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { Share } from "../../../src/nfs4/constants.ts";
import { Guards } from "../../../src/backends/local/guards.ts";
import type { HostStat } from "../../../src/backends/local/host.ts";
import type { FileWatch } from "../../../src/backends/local/inotify.ts";
import { nextTurn } from "../../../src/base/turn.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { local } from "../../../src/backends/local/mod.ts";
import type { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import {
  eventually,
  Fixture,
  giveBack,
  hold,
  isDelegated,
  recalled,
} from "../../backchannel/fixture.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
import { op, walk } from "../../support/client/mod.ts";
import { attributes, hasFfi, noFolder, Sandbox } from "./fixture.ts";
import { setByHost } from "./host_xattrs.ts";

const ignore = noFolder || !hasFfi;

/** What the host's own programs may do to the file of that path. */
const changes: Record<string, (path: string) => void> = {
  append: (path) => Deno.writeTextFileSync(path, "more", { append: true }),
  truncate: (path) => Deno.truncateSync(path, 1),
  chmod: (path) => Deno.chmodSync(path, 0o600),
  utime: (path) => Deno.utimeSync(path, 1, 1),
  setxattr: (path) => setByHost(path, "user.n", new Uint8Array(1)),
  link: (path) => Deno.linkSync(path, `${path}-link`),
  rename: (path) => Deno.renameSync(path, `${path}-renamed`),
  unlink: (path) => Deno.removeSync(path),
  replace: (path) => {
    Deno.writeTextFileSync(`${path}-new`, "another");
    Deno.renameSync(`${path}-new`, path);
  },
  "append by another name": (path) =>
    Deno.writeTextFileSync(`${path}-hard`, "more", { append: true }),
};

/** A file of two names that is guarded, and the nodes that were recalled. */
async function guarded(box: Sandbox) {
  const { fs, path } = box;
  const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
    attributes,
  });
  Deno.linkSync(`${path}/file`, `${path}/file-hard`);
  const recalls: LocalNode[] = [];
  fs.watch((node) => Promise.resolve(void recalls.push(node)));
  const guard = fs.guard(node);
  assert(guard !== undefined);
  return { fs, node, recalls, guard };
}

for (const [what, change] of Object.entries(changes)) {
  Deno.test({
    name: `local: ${what} by the host recalls what clients were promised`,
    ignore,
    fn: async () => {
      await using box = new Sandbox();
      const { node, recalls, guard } = await guarded(box);
      change(`${box.path}/file`);
      await eventually("the recall", () => recalls.length > 0);
      assertEquals(recalls[0], node);
      guard[Symbol.dispose]();
    },
  });
}

Deno.test({
  name:
    "local: what the host writes through mmap recalls when it closes the file",
  ignore,
  fn: async () => {
    await using box = new Sandbox();
    const { fs, node, recalls, guard } = await guarded(box);
    await fs.write(node, 0, new Uint8Array(4096), "data");
    // Times of the host's clock are some milliseconds apart.
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeMapped(`${box.path}/file`);
    await eventually("the recall", () => recalls.length > 0);
    guard[Symbol.dispose]();
  },
});

/** Changes a byte of a file as a program does that has mapped it. */
function writeMapped(path: string): void {
  const libc = Deno.dlopen("libc.so.6", {
    mmap: {
      parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
      result: "pointer",
    },
    memset: { parameters: ["pointer", "i32", "usize"], result: "pointer" },
    munmap: { parameters: ["pointer", "usize"], result: "i32" },
  });
  const { mmap, memset, munmap } = libc.symbols;
  const [READ_WRITE, SHARED] = [3, 1];
  const fd = openSync(path, "r+");
  const memory = mmap(null, 4096n, READ_WRITE, SHARED, fd, 0n);
  closeSync(fd);
  memset(memory, 1, 1n);
  munmap(memory, 4096n);
  libc.close();
}

/** What clients do to a file through us. */
const own: Record<
  string,
  (fs: HostedFileSystem, node: LocalNode) => unknown
> = {
  write: (fs, node) => fs.write(node, 0, new Uint8Array(10), "data"),
  "a write that takes its time": (fs, node) =>
    fs.write(node, 0, new Uint8Array(1 << 22), "data"),
  setattr: (fs, node) => fs.setattr(node, { mode: 0o600, size: 3 }),
  setxattr: (fs, node) => fs.setxattr(node, "n", new Uint8Array(1), "create"),
  removexattr: (fs, node) => fs.removexattr(node, "n"),
  link: (fs, node) => fs.link(node, fs.root(), "another"),
  rename: (fs) => {
    const directory = fs.root();
    return fs.rename({ directory, name: "file" }, { directory, name: "new" });
  },
  remove: (fs) => fs.remove(fs.root(), "file-hard"),
};

Deno.test({
  name:
    "local: what clients do through us recalls nothing, the host is still seen",
  ignore,
  fn: async () => {
    await using box = new Sandbox();
    const { fs, node, recalls, guard } = await guarded(box);
    for (const [what, change] of Object.entries(own)) {
      for (let i = 0; i < (what === "write" ? 20 : 1); i++) {
        await change(fs, node);
      }
      await new Promise((resolve) => setTimeout(resolve, 60));
      assertEquals(recalls.length, 0, what);
    }
    Deno.chmodSync(`${box.path}/new`, 0o640);
    await eventually("the recall", () => recalls.length > 0);
    guard[Symbol.dispose]();
  },
});

for (const size of [1 << 10, 1 << 22]) {
  Deno.test({
    name:
      `local: what the host writes recalls while a client writes ${size} bytes again and again`,
    ignore,
    fn: async () => {
      await using box = new Sandbox();
      const { fs, node, recalls, guard } = await guarded(box);
      await fs.open(node, { read: true, write: true });
      let isOver = false;
      const stream = async () => {
        while (!isOver) {
          await fs.write(node, 0, new Uint8Array(size), "unstable");
          await nextTurn();
        }
      };
      const streams = [stream(), stream()];
      await new Promise((resolve) => setTimeout(resolve, 60));
      assertEquals(recalls.length, 0);
      Deno.writeTextFileSync(`${box.path}/file`, "theirs", { append: true });
      await eventually("the recall", () => recalls.length > 0);
      isOver = true;
      await Promise.all(streams);
      fs.close(node, { read: true, write: true });
      guard[Symbol.dispose]();
    },
  });
}

Deno.test({
  name: "local: that we close what we wrote by recalls nothing",
  ignore,
  fn: async () => {
    await using box = new Sandbox();
    const { fs, node, recalls, guard } = await guarded(box);
    const how = { read: true, write: true };
    // So large that another thread closes it.
    for (const offset of [0, 17 << 20]) {
      for (let i = 0; i < 5; i++) {
        await fs.open(node, how);
        await fs.write(node, offset, new Uint8Array(10), "unstable");
        fs.close(node, how);
        await fs.commit(node);
        await fs.open(node, how);
        await new Promise((resolve) => setTimeout(resolve, 40));
        fs.close(node, how);
      }
    }
    assertEquals(recalls.length, 0);
    guard[Symbol.dispose]();
  },
});

Deno.test({
  name: "local: no file is trusted to a client where the host can't be watched",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox({ ffi: false });
    Deno.writeTextFileSync(`${box.path}/file`, "");
    const node = (await box.fs.lookup(box.fs.root(), "file"))!;
    assertEquals(box.fs.guard(node), undefined);
    await box.restart({ ffi: false, exclusive: true });
    const again = (await box.fs.lookup(box.fs.root(), "file"))!;
    assert(box.fs.guard(again) !== undefined);
  },
});

for (const access of [Share.ACCESS_READ, Share.ACCESS_BOTH]) {
  const type = access === Share.ACCESS_READ ? "read" : "write";
  Deno.test({
    name: `local: the host's change has a ${type} delegation called back`,
    ignore,
    fn: async () => {
      const path = Deno.makeTempDirSync();
      Deno.writeTextFileSync(`${path}/f`, "text");
      {
        await using fixture = await Fixture.open({
          served: local(path) as FileSystem,
        });
        const holder = await fixture.session();
        const held = await hold(holder, "f", access);
        assertEquals(held.type, type);
        if (type === "write") {
          const { stateid } = held;
          await holder.compound([
            ...walk(["f"]),
            op.write({ stateid, data: "ours" }),
          ]);
        }
        await new Promise((resolve) => setTimeout(resolve, 60));
        assertEquals(holder.client.callbacks.recalls.length, 0);
        Deno.writeTextFileSync(`${path}/f`, "theirs", { append: true });
        await recalled(holder, held);
        await giveBack(holder, held);
        const metrics = await fixture.metrics();
        const recalls = metrics.get(
          `delegations_recalled_total{type="${type}",reason="local"}`,
        );
        assertEquals(recalls, 1);
      }
      Deno.removeSync(path, { recursive: true });
    },
  });
}

Deno.test({
  name: "a delegation that can't be guarded is not granted, and counted",
  ignore: noFolder,
  fn: async () => {
    const path = Deno.makeTempDirSync();
    Deno.writeTextFileSync(`${path}/f`, "text");
    {
      await using fixture = await Fixture.open({
        served: local(path, { ffi: false }) as FileSystem,
      });
      const session = await fixture.session();
      for (let i = 0; i < 20; i++) {
        assertEquals(await isDelegated(session, "f"), false);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const metrics = await fixture.metrics();
      const count = metrics.get('delegations_unguarded_total{type="read"}')!;
      assert(count > 0);
      assertEquals(metrics.get('delegations_active{type="read"}'), 0);
    }
    Deno.removeSync(path, { recursive: true });
  },
});

Deno.test("local: all that is guarded is looked at in turns where the host can't tell what has changed", async () => {
  const stats = new Map<LocalNode, HostStat>();
  const time = { seconds: 0, nanoseconds: 0 };
  const stat = { ctime: time, mtime: time, size: 0 } as HostStat;
  const overflow = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const waits = [overflow.promise, ended.promise];
  const watch: FileWatch = {
    add: () => stats.size,
    remove() {},
    changed: async () => void await waits.shift(),
    close() {},
  };
  let turns = 0;
  let inTurn = () => {};
  const turn = {
    isOver: true,
    next: async () => {
      await undefined;
      turns++;
      inTurn();
    },
  };
  const guards = new Guards({
    open: () => watch,
    exactly: (_node, act) => act(""),
    stat: (node) => stats.get(node)!,
    clock: systemClock,
    turn,
  });
  const recalls: LocalNode[] = [];
  guards.tell((node) => Promise.resolve(void recalls.push(node)));
  const nodes = Array.from({ length: 50 }, () => ({}) as LocalNode);
  for (const node of nodes) {
    stats.set(node, stat);
    guards.guard(node);
  }
  // The host changes the last, and so do we while others are looked at.
  const last = nodes.at(-1)!;
  stats.set(last, { ...stat, size: 1 });
  inTurn = () => guards.changed(last);
  overflow.resolve();
  await eventually("the recall", () => recalls.length > 0);
  assertEquals(recalls, [last]);
  assertEquals(turns, 50);
  ended.resolve();
  await guards.dispose();
});

Deno.test("local: where nothing is guarded any more the end does not wait for a pause", async () => {
  const happened = Promise.withResolvers<void>();
  const guards = new Guards({
    open: () => ({
      add: () => 1,
      remove: () => happened.resolve(),
      changed: async () => void await happened.promise,
      close() {},
    }),
    exactly: (_node, act) => act(""),
    stat: () => ({}) as HostStat,
    // A pause by this one has no end.
    clock: new FakeClock(),
    turn: { isOver: false, next: () => Promise.resolve() },
  });
  guards.guard({} as LocalNode)![Symbol.dispose]();
  await guards.dispose();
});

Deno.test({
  name:
    "local: what the host has removed is let go with the last client that was trusted with it",
  ignore,
  fn: async () => {
    await using box = new Sandbox();
    const { fs, node, guard } = await guarded(box);
    // Read after the CLOSE, by the delegation.
    await fs.read(node, 0, new Uint8Array(1));
    assert(node.descriptor !== undefined);
    Deno.removeSync(`${box.path}/file`);
    Deno.removeSync(`${box.path}/file-hard`);
    guard[Symbol.dispose]();
    assertEquals(node.descriptor, undefined);
  },
});
