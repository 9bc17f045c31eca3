import { workFor } from "../../../src/base/asker.ts";
import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { openHostCalls } from "../../../src/backends/common/host_calls.ts";
import { LinuxHost } from "../../../src/backends/local/linux_host.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { LoopTurn } from "../../../src/base/turn.ts";
import { Locator } from "../../../src/backends/local/locator.ts";
import { Tree } from "../../../src/backends/local/tree.ts";
import { toldClock } from "../../support/fake_clock.ts";
import type { Host, HostStat } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { NodeTable } from "../../../src/backends/local/node_table.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  makeHost,
  noFolder,
  PlainHost,
  Sandbox,
  testBothHosts,
} from "./fixture.ts";

testBothHosts("a node is found wherever the host moves it", async (make) => {
  await using box = make();
  const { fs, path } = box;
  Deno.mkdirSync(`${path}/a/b`, { recursive: true });
  Deno.mkdirSync(`${path}/c`);
  Deno.writeTextFileSync(`${path}/a/b/file`, "content");
  const a = (await fs.lookup(fs.root(), "a"))!;
  const b = (await fs.lookup(a, "b"))!;
  const file = (await fs.lookup(b, "file"))!;
  const { fileid } = await fs.getattr(file);
  const moves = [
    [`${path}/a/b/file`, `${path}/a/b/other`],
    [`${path}/a/b/other`, `${path}/c/other`],
    [`${path}/c`, `${path}/a/b/c`],
    [`${path}/a`, `${path}/z`],
  ] as const;
  for (const [from, to] of moves) {
    Deno.renameSync(from, to);
    for (const node of [file, await fs.resolve(fs.identify(file))]) {
      assertEquals((await fs.getattr(node)).fileid, fileid, to);
    }
    const target = new Uint8Array(7);
    await fs.read(file, 0, target);
    assertEquals(new TextDecoder().decode(target), "content");
  }
  assertEquals(
    (await fs.parent(b)).inode,
    (await fs.lookup(fs.root(), "z"))!.inode,
  );
});

testBothHosts(
  "a file is found that the host moves out of a folder which it then removes",
  async (make) => {
    await using box = make();
    const { fs, path } = box;
    for (const name of ["old", "new"]) Deno.mkdirSync(`${path}/${name}`);
    Deno.writeTextFileSync(`${path}/old/moved`, "");
    Deno.writeTextFileSync(`${path}/old/removed`, "");
    const old = (await fs.lookup(fs.root(), "old"))!;
    const moved = (await fs.lookup(old, "moved"))!;
    const removed = (await fs.lookup(old, "removed"))!;
    const { fileid } = await fs.getattr(moved);
    Deno.renameSync(`${path}/old/moved`, `${path}/new/moved`);
    Deno.removeSync(`${path}/old`, { recursive: true });
    assertEquals((await fs.getattr(moved)).fileid, fileid);
    assertEquals(await codeOf(() => fs.getattr(removed)), "stale");
  },
);

testBothHosts(
  "identities hold over a restart, also for what was moved meanwhile",
  async (make) => {
    await using box = make();
    const { path } = box;
    Deno.mkdirSync(`${path}/a/b`, { recursive: true });
    Deno.writeTextFileSync(`${path}/a/b/file`, "content");
    Deno.writeTextFileSync(`${path}/gone`, "");
    const look = async (...names: string[]) => {
      let node = box.fs.root();
      for (const name of names) node = (await box.fs.lookup(node, name))!;
      return box.fs.identify(node).slice();
    };
    const root = box.fs.identify(box.fs.root()).slice();
    const ids = [
      await look("a"),
      await look("a", "b"),
      await look("a", "b", "file"),
    ];
    const gone = await look("gone");
    const restart = box.restart();
    await restart;
    Deno.renameSync(`${path}/a/b`, `${path}/moved`);
    Deno.removeSync(`${path}/gone`);
    assertEquals(await box.fs.resolve(root), box.fs.root());
    for (const id of ids.reverse()) {
      const node = await box.fs.resolve(id);
      assertEquals(box.fs.identify(node), id);
      await box.fs.getattr(node);
    }
    assertEquals(await codeOf(() => box.fs.resolve(gone)), "stale");
  },
);

testBothHosts(
  "a file is found by its other name when the host removes one",
  async (make) => {
    await using box = make();
    const { fs, path } = box;
    Deno.mkdirSync(`${path}/folder`);
    Deno.writeTextFileSync(`${path}/one`, "content");
    const one = (await fs.lookup(fs.root(), "one"))!;
    Deno.linkSync(`${path}/one`, `${path}/folder/two`);
    Deno.removeSync(`${path}/one`);
    assertEquals((await fs.getattr(one)).nlink, 1);
    assertEquals(
      await fs.lookup((await fs.lookup(fs.root(), "folder"))!, "two"),
      one,
    );
  },
);

testBothHosts(
  "an inode number that is used again does not bring a file back",
  async (make) => {
    await using box = make();
    const { fs, path } = box;
    for (let i = 0; i < 20; i++) {
      Deno.writeTextFileSync(`${path}/file`, "old");
      const old = (await fs.lookup(fs.root(), "file"))!;
      const id = fs.identify(old).slice();
      Deno.removeSync(`${path}/file`);
      // Past the tick of the host's clock, which is all that tells them apart without libc.
      await new Promise((resolve) => setTimeout(resolve, 12));
      Deno.writeTextFileSync(`${path}/file`, "new");
      const next = (await fs.lookup(fs.root(), "file"))!;
      assert(next !== old);
      assertEquals(await codeOf(() => fs.getattr(old)), "stale");
      assertEquals(await codeOf(() => fs.resolve(id)), "stale");
      await fs.remove(fs.root(), "file");
    }
  },
);

testBothHosts(
  "a file that the host removes while a client has it open stays readable",
  async (make) => {
    let now = 0;
    await using box = make({ clock: toldClock(() => now) });
    const { fs, path } = box;
    Deno.writeTextFileSync(`${path}/file`, "content");
    const file = (await fs.lookup(fs.root(), "file"))!;
    await fs.open(file, { read: true, write: false });
    Deno.removeSync(`${path}/file`);
    now += 5000;
    assertEquals((await fs.getattr(file)).nlink, 0);
    const target = new Uint8Array(7);
    assertEquals(await fs.read(file, 0, target), { bytes: 7, eof: true });
    assertEquals(await fs.resolve(fs.identify(file)), file);
    fs.close(file, { read: true, write: false });
    assertEquals(await codeOf(() => fs.resolve(fs.identify(file))), "stale");
  },
);

testBothHosts(
  "no file is lost to a time of day that is set back",
  async (make) => {
    let now = Date.now();
    await using box = make({ now: () => now });
    const { path } = box;
    Deno.mkdirSync(`${path}/a`);
    Deno.mkdirSync(`${path}/b`);
    Deno.writeTextFileSync(`${path}/a/file`, "content");
    const folder = (await box.fs.lookup(box.fs.root(), "a"))!;
    const id = box.fs.identify((await box.fs.lookup(folder, "file"))!).slice();
    await box.restart();
    const { fs } = box;
    const madeUp = id.slice();
    new DataView(madeUp.buffer).setUint32(3, 0x7fff0000);
    assertEquals(await codeOf(() => fs.resolve(madeUp)), "stale");
    Deno.renameSync(`${path}/a/file`, `${path}/b/file`);
    now -= 3_600_000;
    assertEquals((await fs.getattr((await fs.resolve(id))!)).size, 7);
  },
);

testBothHosts(
  "a file that moves in the moment of a walk is found by the next one",
  async (make) => {
    await using box = make({ clock: toldClock(() => 5) });
    const { path } = box;
    Deno.mkdirSync(`${path}/a`);
    Deno.mkdirSync(`${path}/b`);
    Deno.writeTextFileSync(`${path}/a/file`, "content");
    const folder = (await box.fs.lookup(box.fs.root(), "a"))!;
    const id = box.fs.identify((await box.fs.lookup(folder, "file"))!).slice();
    await box.restart();
    const { fs } = box;
    const madeUp = id.slice();
    new DataView(madeUp.buffer).setUint32(3, 0x7fff0000);
    assertEquals(await codeOf(() => fs.resolve(madeUp)), "stale");
    Deno.renameSync(`${path}/a/file`, `${path}/b/file`);
    assertEquals((await fs.getattr((await fs.resolve(id))!)).size, 7);
  },
);

for (const ffi of [true, false]) {
  Deno.test({
    name: `local, ${
      ffi ? "libc" : "no libc"
    }: after a restart each folder is looked through once, whoever takes turns`,
    ignore: noFolder || (ffi && !hasFfi),
    async fn() {
      await using box = new Sandbox({ ffi });
      const ids: Uint8Array[] = [];
      const folders = ["a", "b", "c"];
      for (const name of folders) Deno.mkdirSync(`${box.path}/${name}`);
      for (let i = 0; i < 9; i++) {
        const folder = (await box.fs.lookup(box.fs.root(), folders[i % 3]!))!;
        Deno.writeTextFileSync(`${box.path}/${folders[i % 3]}/${i}`, "");
        const file = (await box.fs.lookup(folder, `${i}`))!;
        ids.push(box.fs.identify(file).slice());
      }
      await box.fs.dispose();
      const host = makeHost(ffi);
      let lists = 0;
      const list = host.list.bind(host);
      host.list = (folder) => {
        lists++;
        return list(folder);
      };
      const fs = new HostedFileSystem(host, box.path, {
        clock: toldClock(() => 5),
      });
      try {
        for (const id of ids) await fs.resolve(id);
      } finally {
        await fs.dispose();
      }
      // One walk of the tree, the root's folder among it, and then each folder.
      assertEquals(lists, 1 + 2 * folders.length);
    },
  });
}

Deno.test({
  name:
    "local: who has many folders looked through pushes out the names of none that another has",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const host = makeHost(false);
    const tree = new Tree(host, box.path, { clock: systemClock, limit: 100 });
    const listed: string[] = [];
    const list = host.list.bind(host);
    host.list = (folder) => {
      listed.push(Deno.realPathSync(host.folderPath(folder)));
      return list(folder);
    };
    const turn = new LoopTurn();
    const names = 100;
    const locator = new Locator({ tree, clock: systemClock, turn, names });
    const findIn = (party: string, folder: string) =>
      workFor({ party }, () => {
        const file = tree.lookup(tree.lookup(tree.root, folder)!, "file")!;
        return locator.find(file.inode, file.tag);
      });
    const theirs = Array.from({ length: 30 }, (_, i) => `${i}`);
    for (const folder of ["mine", "mine too", ...theirs]) {
      Deno.mkdirSync(`${box.path}/${folder}`);
      Deno.writeTextFileSync(`${box.path}/${folder}/file`, "");
    }
    for (const folder of ["mine", "mine too"]) await findIn("me", folder);
    for (const folder of theirs) await findIn("they", folder);
    assertEquals(listed.length, 32);
    for (const folder of ["mine", "mine too"]) await findIn("me", folder);
    assertEquals(listed.length, 32);
    await findIn("they", "0");
    assertEquals(listed.length, 33);
    tree.dispose();
  },
});

testBothHosts(
  "handles that a client makes up don't make us walk again and again",
  async (make) => {
    await using box = make();
    Deno.mkdirSync(`${box.path}/folder`);
    Deno.writeTextFileSync(`${box.path}/file`, "content");
    const host = makeHost(false);
    let lists = 0;
    const list = host.list.bind(host);
    // Each folder takes a second to list, on this clock.
    let now = 0;
    host.list = (folder) => {
      lists++;
      now += 1000;
      return list(folder);
    };
    const fs = new HostedFileSystem(host, box.path, {
      clock: toldClock(() => now),
    });
    try {
      const file = fs.identify((await fs.lookup(fs.root(), "file"))!).slice();
      const codes = new Map<string, number>();
      for (let i = 0; i < 1000; i++) {
        const id = file.slice();
        new DataView(id.buffer).setUint32(3, 0x7fff0000 + i);
        const code = await codeOf(() => fs.resolve(id));
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
      assertLess(lists, 10);
      assertEquals([...codes.keys()].sort(), ["busy", "stale"]);
      // What another party asks for is looked for all the same.
      const other = file.slice();
      new DataView(other.buffer).setUint32(3, 0x7ffe0000);
      const asked = () => codeOf(() => fs.resolve(other));
      assertEquals(await workFor({ party: "other" }, asked), "stale");
      assertEquals(await asked(), "stale");
      assertLess(lists, 15);
      // Who asks again later gets an answer.
      now += 3_600_000;
      const id = file.slice();
      new DataView(id.buffer).setUint32(3, 0x7fff0000);
      assertEquals(await codeOf(() => fs.resolve(id)), "stale");
      await fs.resolve(file);
    } finally {
      await fs.dispose();
    }
  },
);

testBothHosts(
  "few descriptors are enough for many deep folders",
  async (make) => {
    let now = 0;
    await using box = make({ maxDescriptors: 16, clock: toldClock(() => now) });
    const { fs } = box;
    const folders = [];
    for (let i = 0; i < 8; i++) {
      let node = fs.root();
      for (let depth = 0; depth < 12; depth++) {
        const kind = { type: "directory" } as const;
        const name = `${i}.${depth}`;
        const made = await fs.create(node, name, kind, {
          attributes: { ...attributes, mode: 0o755 },
        });
        node = made.node;
      }
      folders.push(node);
      await fs.create(node, "file", { type: "file" }, { attributes });
    }
    for (let round = 0; round < 3; round++) {
      now += 2000;
      for (const folder of folders) {
        const file = (await fs.lookup(folder, "file"))!;
        await fs.write(file, 0, new Uint8Array([round]), "unstable");
        await fs.rename(
          { directory: folder, name: "file" },
          { directory: folders[0]!, name: "moving" },
        );
        await fs.rename(
          { directory: folders[0]!, name: "moving" },
          { directory: folder, name: "file" },
        );
        assertEquals(await fs.lookup(folder, "file"), file);
      }
    }
  },
);

/** Removes the folder that is served, or puts another in its place; then its handle is of nothing. */
async function checkRootIsStale(
  fs: HostedFileSystem,
  path: string,
  { another, wait }: { another: boolean; wait: () => void },
): Promise<void> {
  Deno.writeTextFileSync(`${path}/file`, "");
  const root = await fs.resolve(fs.identify(fs.root()));
  const file = (await fs.lookup(root, "file"))!;
  assertEquals((await fs.readdir(root, 0, 10)).entries.length, 1);
  // Made before, so that it is another inode.
  if (another) Deno.mkdirSync(`${path}-other`);
  Deno.removeSync(path, { recursive: true });
  if (another) Deno.renameSync(`${path}-other`, path);
  const kind = { type: "file" } as const;
  const uses: Record<string, () => unknown> = {
    readdir: () => fs.readdir(root, 0, 10),
    "readdir on": () => fs.readdir(root, 1, 10),
    getattr: () => fs.getattr(root),
    create: () => fs.create(root, "new", kind, { attributes }),
    "getattr of a file": () => fs.getattr(file),
  };
  for (const [use, act] of Object.entries(uses)) {
    assertEquals(await codeOf(act), "stale", use);
  }
  // A folder that is held open is believed to be there for a moment.
  wait();
  assertEquals(await codeOf(() => fs.lookup(root, "file")), "stale");
  assertEquals(await codeOf(() => fs.remove(root, "file")), "stale");
  assertEquals(await codeOf(() => fs.setattr(root, { mode: 0o700 })), "stale");
}

for (const another of [false, true]) {
  const what = another ? "has put another in the place of" : "has removed";
  let now = 0;
  const clock = toldClock(() => now);
  const how = { another, wait: () => now += 1_000 };

  testBothHosts(`a folder that the host ${what} is stale`, async (make) => {
    await using box = make({ clock });
    await checkRootIsStale(box.fs, box.path, how);
  });

  Deno.test({
    name: `local, paths alone: a folder that the host ${what} is stale`,
    ignore: noFolder,
    fn: async () => {
      const base = Deno.makeTempDirSync();
      const path = `${Deno.realPathSync(base)}/export`;
      Deno.mkdirSync(path);
      const fs = new HostedFileSystem(new PlainHost(), path, { clock });
      await checkRootIsStale(fs, path, how);
      await fs.dispose();
      Deno.removeSync(base, { recursive: true });
    },
  });
}

testBothHosts(
  "a file that is open outlives its folder, which the host removes",
  async (make) => {
    for (const folder of ["", "/sub"]) {
      let now = 0;
      await using box = make({ clock: toldClock(() => now) });
      const { fs, path } = box;
      Deno.mkdirSync(`${path}/sub`);
      Deno.writeTextFileSync(`${path}${folder}/file`, "old");
      const root = fs.root();
      const parent = folder === "" ? root : (await fs.lookup(root, "sub"))!;
      const file = (await fs.lookup(parent, "file"))!;
      const mode = { read: true, write: true };
      await fs.open(file, mode);
      Deno.removeSync(`${path}${folder}`, { recursive: true });
      now += 2_000;
      await fs.write(file, 0, new TextEncoder().encode("new"), "unstable");
      const target = new Uint8Array(3);
      await fs.read(file, 0, target);
      assertEquals(new TextDecoder().decode(target), "new");
      assertEquals((await fs.getattr(file)).nlink, 0);
      fs.close(file, mode);
      assertEquals(await codeOf(() => fs.getattr(file)), "stale");
    }
  },
);

/** The host, on a file system that tells no birth. */
function makeHostWithoutBirths(): Host {
  const calls = openHostCalls()!;
  const { libc } = calls;
  const statx: typeof libc.statx = (fd, name, flags, mask, into) => {
    const result = libc.statx(fd, name, flags, mask, into);
    const words = new Uint32Array((into as Uint8Array<ArrayBuffer>).buffer);
    words[0]! &= ~0x800;
    return result;
  };
  return new LinuxHost({ ...calls, libc: { ...libc, statx } });
}

Deno.test({
  name:
    "local: where no birth is told, a handle does not come to be another file's with its inode number",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using box = new Sandbox();
    const { path } = box;
    const fs = new HostedFileSystem(makeHostWithoutBirths(), path);
    for (let i = 0; i < 20; i++) {
      Deno.writeTextFileSync(`${path}/old`, "old");
      const old = (await fs.lookup(fs.root(), "old"))!;
      assertEquals((await fs.getattr(old)).birthtime, undefined);
      const identity = fs.identify(old).slice();
      assertEquals(await fs.resolve(identity), old);
      Deno.removeSync(`${path}/old`);
      Deno.writeTextFileSync(`${path}/secret`, "secret");
      const secret = (await fs.lookup(fs.root(), "secret"))!;
      assert(secret !== old);
      assertNotEquals(fs.identify(secret), identity);
      const data = new TextEncoder().encode("mine");
      assertEquals(await codeOf(() => fs.write(old, 0, data, "file")), "stale");
      assertEquals(await codeOf(() => fs.resolve(identity)), "stale");
      assertEquals(Deno.readTextFileSync(`${path}/secret`), "secret");
      await fs.remove(fs.root(), "secret");
    }
    await fs.dispose();
  },
});

Deno.test("node table: an inode number that is born again is another node", () => {
  const table = new NodeTable({ tag: (_f, _n, stat) => stat.size } as Host);
  const folder = { fd: -1, prefix: "" };
  const born = (seconds: number, size: number) =>
    table.adopt({ folder, name: "x" }, {
      fileid: 5,
      type: "file",
      size,
      birthtime: { seconds, nanoseconds: 0 },
    } as HostStat);
  const first = born(1, 10);
  assertEquals(born(1, 10), first);
  const second = born(2, 20);
  assert(second !== first);
  assert(first.isGone && !second.isGone);
  assert(table.isBuried(5, 10) && !table.isBuried(5, 20));
  assertEquals(table.get(5), second);
});
