import { assert, assertEquals } from "@std/assert";
import { workFor } from "../../../src/base/asker.ts";
import type { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { LOOK } from "../../../src/backends/local/idle_files.ts";
import { FakeClock, toldClock } from "../../support/fake_clock.ts";
import { ShortTurns } from "../../support/short_turns.ts";
import {
  attributes,
  codeOf,
  deletedIn,
  onLinux,
  type Sandbox,
  testBothHosts,
} from "./fixture.ts";

/** Descriptors that a file system may have; a quarter of them is for files without a name, and those of one owner leave as many as they take. */
const DESCRIPTORS = 64;
const NAMELESS = DESCRIPTORS / 4 / 2;
const BOTH = { read: true, write: true };

/** A file of the host, with one byte in it, that somebody has open. */
async function openFile(box: Sandbox, name: string): Promise<LocalNode> {
  Deno.writeFileSync(`${box.path}/${name}`, new Uint8Array([name.length]));
  const node = (await box.fs.lookup(box.fs.root(), name))!;
  await box.fs.open(node, BOTH);
  return node;
}

/** As many files that are open and have lost their names as there may be. */
async function fill(box: Sandbox): Promise<LocalNode[]> {
  const held: LocalNode[] = [];
  for (let i = 0; i < NAMELESS; i++) {
    held.push(await openFile(box, `held ${i}`));
    await box.fs.remove(box.fs.root(), `held ${i}`);
  }
  return held;
}

/** What is told where no more removed files can be kept. */
const FULL = "too-many-removed";

async function byteOf({ fs }: Sandbox, node: LocalNode): Promise<number> {
  const target = new Uint8Array(1);
  await fs.read(node, 0, target);
  return target[0]!;
}

testBothHosts(
  "who removes files that are open takes no descriptors from others",
  async (make) => {
    await using box = make({ maxDescriptors: DESCRIPTORS });
    const { fs } = box;
    const other = await openFile(box, "other");
    const held: LocalNode[] = [];
    for (let i = 0; i < 5 * DESCRIPTORS; i++) {
      const node = await openFile(box, `held ${i}`);
      const remove = () => fs.remove(fs.root(), `held ${i}`);
      if (i >= NAMELESS) assertEquals(await codeOf(remove), FULL);
      else {
        await remove();
        held.push(node);
      }
      // What can't be removed is still there, and everybody goes on.
      assertEquals(await byteOf(box, other), "other".length);
    }
    for (const [i, node] of held.entries()) {
      assertEquals(await byteOf(box, node), `held ${i}`.length);
    }
    assertEquals(deletedIn(box), onLinux(NAMELESS));
  },
);

testBothHosts(
  "a removed file that is closed makes room for the next",
  async (make) => {
    await using box = make({ maxDescriptors: DESCRIPTORS });
    const { fs } = box;
    const held = await fill(box);
    await openFile(box, "last");
    const remove = () => fs.remove(fs.root(), "last");
    assertEquals(await codeOf(remove), FULL);
    fs.close(held[0]!, BOTH);
    await remove();
  },
);

testBothHosts(
  "where no more open files can lose their names, closed and linked ones do",
  async (make) => {
    await using box = make({ maxDescriptors: DESCRIPTORS });
    const { fs } = box;
    await fill(box);
    const root = fs.root();
    const open = await openFile(box, "open");
    const closed = await openFile(box, "closed");
    fs.close(closed, BOTH);
    const at = (name: string) => ({ directory: root, name });
    const over = () => fs.rename(at("closed"), at("open"));
    assertEquals(await codeOf(over), FULL);
    assertEquals(await fs.lookup(root, "closed"), closed);
    await fs.link(open, root, "link");
    await over();
    await fs.remove(root, "open");
    assertEquals(await byteOf(box, open), "open".length);
  },
);

testBothHosts(
  "files whose names the host has taken keep nobody from the others",
  async (make) => {
    await using box = make({ maxDescriptors: DESCRIPTORS });
    const { fs } = box;
    const other = await openFile(box, "other");
    for (let i = 0; i < 5 * DESCRIPTORS; i++) {
      const node = await openFile(box, `held ${i}`);
      Deno.removeSync(`${box.path}/held ${i}`);
      assertEquals((await fs.getattr(node)).nlink, 0);
      assertEquals(await byteOf(box, other), "other".length);
    }
  },
);

testBothHosts(
  "who writes to more files than the disk keeps up with takes no descriptors from others",
  async (make) => {
    await using box = make({ maxDescriptors: DESCRIPTORS, durability: "os" });
    const { fs } = box;
    const root = fs.root();
    const kind = { type: "file" } as const;
    const other = await openFile(box, "other");
    // Without a turn no flush is done.
    const refused = new Set<string>();
    for (let i = 0; i < 5 * DESCRIPTORS; i++) {
      try {
        const made = fs.create(root, `${i}`, kind, { attributes });
        if (made instanceof Promise) throw new Error("it waits");
        fs.open(made.node, BOTH);
        fs.write(made.node, 0, new Uint8Array(1), "unstable");
        fs.close(made.node, BOTH);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        refused.add(error.code);
      }
    }
    assertEquals([...refused], ["busy"]);
    const names = [...Deno.readDirSync(box.path)].length;
    assert(names < 2 * DESCRIPTORS, `${names} files are made`);
    assertEquals(await byteOf(box, other), "other".length);
    const late = fs.lookup(root, "0") as LocalNode;
    workFor({ party: "other" }, () => fs.open(late, BOTH));
    fs.close(late, BOTH);
    // The disk gets there.
    for (let tries = 0;; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        await openFile(box, "late");
        return;
      } catch (error) {
        if (tries === 1000) throw error;
      }
    }
  },
);

testBothHosts(
  "who opens many files has its own descriptors closed, and none of another's",
  async (make) => {
    await using box = make({ maxDescriptors: DESCRIPTORS, durability: "os" });
    const openAs = async (party: string, count: number) => {
      const nodes: LocalNode[] = [];
      for (let i = 0; i < count; i++) {
        const open = () => openFile(box, `${party} ${i}`);
        nodes.push(await workFor({ party }, open));
      }
      return nodes;
    };
    const mine = await openAs("me", 8);
    const held = mine.map(({ descriptor }) => descriptor);
    await box.fs.write(mine[0]!, 0, new Uint8Array(1), "unstable");
    const theirs = await openAs("they", 5 * DESCRIPTORS);
    assertEquals(mine.map(({ descriptor }) => descriptor), held);
    // Nor has what I have not committed gone to disk for them.
    assert(mine[0]!.descriptor!.isUnsynced);
    const most = DESCRIPTORS / 2;
    const left = theirs.filter(({ descriptor }) => descriptor !== undefined);
    assertEquals(left.length, most - mine.length);
    assertEquals(await byteOf(box, theirs[0]!), "they 0".length);
  },
);

/** What a client without an OPEN, and the host, can do to a file. */
const uses: Record<string, (fs: HostedFileSystem, file: LocalNode) => unknown> =
  {
    getattr: (fs, file) => fs.getattr(file),
    read: (fs, file) => fs.read(file, 0, new Uint8Array(1)),
    write: (fs, file) => fs.write(file, 0, new Uint8Array(1), "unstable"),
    "write stably": (fs, file) => fs.write(file, 0, new Uint8Array(1), "file"),
    setattr: (fs, file) => fs.setattr(file, { size: 0 }),
    open: (fs, file) => fs.open(file, BOTH),
    link: (fs, file) => fs.link(file, fs.root(), "other"),
  };
const losses: Record<string, (path: string) => void> = {
  removed: (path) => Deno.removeSync(`${path}/folder/file`),
  "removed with its folder": (path) =>
    Deno.removeSync(`${path}/folder`, { recursive: true }),
  replaced(path) {
    Deno.writeTextFileSync(`${path}/folder/new`, "new");
    Deno.renameSync(`${path}/folder/new`, `${path}/folder/file`);
  },
};

for (const [how, lose] of Object.entries(losses)) {
  testBothHosts(
    `what the host has ${how}, and no client has open, takes no room and is stale`,
    async (make) => {
      for (const [name, use] of Object.entries(uses)) {
        let now = 0;
        await using box = make({ clock: toldClock(() => now) });
        const { fs, path } = box;
        Deno.mkdirSync(`${path}/folder`);
        Deno.writeTextFileSync(`${path}/folder/file`, "old");
        const folder = (await fs.lookup(fs.root(), "folder"))!;
        const file = (await fs.lookup(folder, "file"))!;
        const identity = fs.identify(file).slice();
        // Not durable yet: the descriptor stays.
        await fs.write(file, 0, new Uint8Array(1), "unstable");
        lose(path);
        now += 5_000;
        assertEquals(await codeOf(() => use(fs, file)), "stale", name);
        assertEquals(deletedIn(box), onLinux(0), name);
        assertEquals(await codeOf(() => fs.getattr(file)), "stale", name);
        assertEquals(await codeOf(() => fs.resolve(identity)), "stale", name);
      }
    },
  );
}

const readings: Record<
  string,
  (fs: HostedFileSystem, file: LocalNode) => unknown
> = {
  "read without an OPEN": (fs, file) => fs.read(file, 0, new Uint8Array(1)),
  async "written and not committed"(fs, file) {
    await fs.open(file, BOTH);
    await fs.write(file, 0, new Uint8Array(1), "unstable");
    await fs.close(file, BOTH);
  },
};

for (const [how, use] of Object.entries(readings)) {
  testBothHosts(
    `what was ${how}, and the host has removed, takes no room before long`,
    async (make) => {
      const clock = new FakeClock();
      await using box = make({ clock, turn: new ShortTurns(Infinity) });
      const { fs } = box;
      const names = ["removed", "kept", "open"];
      for (const name of names) {
        Deno.writeTextFileSync(`${box.path}/${name}`, "content");
      }
      const [removed, kept] = await Promise.all(
        names.map((name) => fs.lookup(fs.root(), name)),
      );
      const open = await openFile(box, "open");
      for (const file of [removed, kept, open]) await use(fs, file!);
      Deno.removeSync(`${box.path}/removed`);
      Deno.removeSync(`${box.path}/open`);
      assertEquals(deletedIn(box), onLinux(2));
      await clock.advanceAsync(LOOK);
      assertEquals(deletedIn(box), onLinux(1));
      assertEquals(await codeOf(() => fs.getattr(removed!)), "stale");
      assertEquals((await fs.getattr(kept!)).size, 7);
      assertEquals((await fs.getattr(open)).nlink, 0);
    },
  );
}

testBothHosts(
  "a file system that holds no file open has no timer",
  async (make) => {
    const clock = new FakeClock();
    await using box = make({ clock, turn: new ShortTurns(Infinity) });
    const node = await openFile(box, "file");
    await byteOf(box, node);
    await clock.advanceAsync(10 * LOOK);
    assertEquals(await byteOf(box, node), "file".length);
    box.fs.close(node, BOTH);
    await byteOf(box, node);
    await clock.advanceAsync(LOOK);
    assertEquals(clock.pending, 0);
    // And what is used later is looked at again.
    await byteOf(box, node);
    assertEquals(clock.pending, 1);
  },
);
