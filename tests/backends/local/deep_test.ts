import { assertEquals, assertLess } from "@std/assert";
import { toldClock } from "../../support/fake_clock.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import type { Turn } from "../../../src/base/turn.ts";
import { MOST_LEVELS } from "../../../src/backends/local/folders.ts";
import {
  attributes,
  codeOf,
  makeHost,
  noFolder,
  testBothHosts,
} from "./fixture.ts";

async function makeFolder(
  fs: HostedFileSystem,
  parent: LocalNode,
  name: string,
): Promise<LocalNode> {
  const kind = { type: "directory" } as const;
  const mode = { ...attributes, mode: 0o755 };
  return (await fs.create(parent, name, kind, { attributes: mode })).node;
}

testBothHosts(
  "a folder in as many others as are served goes on, one more is refused for good",
  async (make) => {
    let now = 0;
    const clock = toldClock(() => now);
    await using box = make({ clock, durability: "os" });
    const { fs } = box;
    const root = fs.root();
    const chain = [root];
    while (chain.length <= MOST_LEVELS) {
      chain.push(await makeFolder(fs, chain.at(-1)!, "d"));
    }
    const [deepest, above] = [chain.at(-1)!, chain.at(-2)!];
    await fs.create(deepest, "file", { type: "file" }, { attributes });
    const high = await makeFolder(fs, root, "high");
    const lower = await makeFolder(fs, high, "lower");
    for (const pause of [0, 5_000, 5_000]) {
      now += pause;
      const { entries } = await fs.readdir(deepest, 0, 10);
      assertEquals(entries.map(({ name }) => name), ["file"]);
      assertEquals(await fs.lookup(above, "d"), deepest);
      const tooDeep = () => makeFolder(fs, deepest, "d");
      assertEquals(await codeOf(tooDeep), "name-too-long");
      const moved = () =>
        fs.rename(
          { directory: root, name: "high" },
          { directory: deepest, name: "high" },
        );
      assertEquals(await codeOf(moved), "name-too-long");
    }
    // What comes to be deeper by a move, here or by the host, is there when it is back.
    const from = { directory: root, name: "high" };
    const to = { directory: above, name: "high" };
    await fs.rename(from, to);
    for (const pause of [0, 5_000, 5_000]) {
      now += pause;
      assertEquals((await fs.getattr(high)).type, "directory");
      const names = async () => await fs.lookup(high, "lower");
      assertEquals(await codeOf(names), "name-too-long");
    }
    assertEquals(await codeOf(() => fs.readdir(lower, 0, 10)), "stale");
    await fs.rename(to, from);
    assertEquals(await fs.lookup(high, "lower"), lower);
    assertEquals((await fs.readdir(lower, 0, 10)).entries, []);
    for (let i = chain.length - 1; i > 0; i--) {
      if (i === chain.length - 1) await fs.remove(chain[i]!, "file");
      await fs.remove(chain[i - 1]!, "d");
    }
  },
);

/** Looks at entries of the host: all of them, the most between two turns, and those since the last. */
class Looks implements Turn {
  all = 0;
  most = 0;
  #now = 0;

  look(): void {
    this.all++;
    this.most = Math.max(this.most, ++this.#now);
  }

  /** Over after each look. */
  get isOver(): boolean {
    return this.#now > 0;
  }

  next(): Promise<void> {
    this.#now = 0;
    return Promise.resolve();
  }

  startAnew(): void {
    this.all = this.most = this.#now = 0;
  }
}

const LEVELS = 300;

/** A folder in some hundred others, and in the lowest of them a file, a symlink and an empty folder. */
async function makeBranch(fs: HostedFileSystem, path: string, name: string) {
  Deno.mkdirSync(`${path}/${name}`);
  const lowest = `${path}/${name}${"/d".repeat(LEVELS)}`;
  Deno.mkdirSync(lowest, { recursive: true });
  Deno.writeTextFileSync(`${lowest}/file`, "content");
  Deno.symlinkSync("target", `${lowest}/symlink`);
  Deno.mkdirSync(`${lowest}/empty`);
  let folder = (await fs.lookup(fs.root(), name))!;
  for (let i = 0; i < LEVELS; i++) folder = (await fs.lookup(folder, "d"))!;
  const [file, symlink, empty] = await Promise.all(
    ["file", "symlink", "empty"].map((name) => fs.lookup(folder, name)),
  );
  return { folder, file: file!, symlink: symlink!, empty: empty! };
}

for (const ffi of [true, false]) {
  Deno.test({
    name: `local, ${
      ffi ? "libc" : "no libc"
    }: whatever is done far down, its way is checked in turns`,
    ignore: noFolder || !makeHost.can(ffi),
    fn: async () => {
      let now = 0;
      const looks = new Looks();
      const host = makeHost(ffi);
      const stat = host.stat.bind(host);
      host.stat = (folder, name) => {
        looks.look();
        return stat(folder, name);
      };
      const path = Deno.realPathSync(Deno.makeTempDirSync());
      const clock = toldClock(() => now);
      // Enough for all folders, and no more are opened.
      const options = { clock, turn: looks, maxDescriptors: 8_000 };
      const fs = new HostedFileSystem(host, path, options);
      const one = await makeBranch(fs, path, "1");
      const other = await makeBranch(fs, path, "2");
      const { folder, file, symlink, empty } = one;
      const mode = { read: true, write: true };
      const data = new Uint8Array(4);
      const operations: Record<string, () => unknown> = {
        getattr: () => fs.getattr(file),
        "getattr of a folder": () => fs.getattr(empty),
        lookup: () => fs.lookup(folder, "file"),
        parent: () => fs.parent(empty),
        readdir: () => fs.readdir(folder, 0, 10),
        readlink: () => fs.readlink(symlink),
        open: () => fs.open(file, mode),
        read: () => fs.read(file, 0, data),
        write: () => fs.write(file, 0, data, "unstable"),
        commit: () => fs.commit(file),
        setattr: () => fs.setattr(file, { mode: 0o600, size: 2 }),
        close: () => fs.close(file, mode),
        create: () =>
          fs.create(folder, "new", { type: "file" }, { attributes }),
        link: () => fs.link(other.file, folder, "link"),
        rename: () =>
          fs.rename(
            { directory: other.folder, name: "file" },
            { directory: folder, name: "renamed" },
          ),
        remove: () => fs.remove(folder, "link"),
      };
      for (const [name, operate] of Object.entries(operations)) {
        now += 5_000;
        looks.startAnew();
        await operate();
        // A short piece of each of its ways.
        assertLess(looks.most, 250, name);
      }
      await fs.dispose();
      Deno.removeSync(path, { recursive: true });
    },
  });

  Deno.test({
    name: `local, ${
      ffi ? "libc" : "no libc"
    }: ways to files far down don't have each other's folders closed`,
    ignore: noFolder || !makeHost.can(ffi),
    fn: async () => {
      let now = 0;
      const looks = new Looks();
      const host = makeHost(ffi);
      const stat = host.stat.bind(host);
      host.stat = (folder, name) => {
        looks.look();
        return stat(folder, name);
      };
      const path = Deno.realPathSync(Deno.makeTempDirSync());
      const clock = toldClock(() => now);
      // Far fewer folders are held open than are on the way to a file.
      const options = { clock, turn: looks, maxDescriptors: 400 };
      const fs = new HostedFileSystem(host, path, options);
      const one = await makeBranch(fs, path, "1");
      const other = await makeBranch(fs, path, "2");
      now += 5_000;
      looks.startAnew();
      await Promise.all([one, other].map(({ file }) => fs.getattr(file)));
      assertLess(looks.all, 2 * LEVELS + 20);
      await fs.dispose();
      Deno.removeSync(path, { recursive: true });
    },
  });
}
