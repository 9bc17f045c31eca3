/** Inode numbers of a folder of layers, and those that the host uses again. */

import { assert, assertEquals } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { local } from "../../../src/backends/local/mod.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { BLIND_TO_LAYERS } from "../../../src/backends/local/overlay_host.ts";
import { inodeNumber } from "../../../src/backends/local/statx.ts";
import { defineExport } from "../../../src/vfs/exports.ts";
import type {
  CreateKind,
  FileSystem,
  Timestamp,
} from "../../../src/vfs/file_system.ts";
import { Namespace } from "../../../src/vfs/namespace.ts";
import { attributes, codeOf, namesIn, noFolder } from "./fixture.ts";
import { canMount, mount } from "./mounting.ts";
import { ReusingHost } from "./reusing_host.ts";

/** How the layers are mounted. */
interface Layers {
  /** Each is a file system of its own, and counts its inodes from the same number on. */
  readonly areOwn: boolean;
  readonly xino: "on" | "off";
}

/** Two lower layers with the same tree but for a letter in each name, mounted as one at `merged`. */
function mountLayers(
  base: string,
  { areOwn, xino }: Layers,
): Disposable | undefined {
  using mounts = new DisposableStack();
  const add = (name: string, type: string, data: string) => {
    const mounted = mount(`${base}/${name}`, { source: "x", type, data });
    if (mounted !== undefined) mounts.use(mounted);
    return mounted !== undefined;
  };
  for (const name of ["a", "b", "upper"]) {
    Deno.mkdirSync(`${base}/${name}`);
    if (areOwn && !add(name, "tmpfs", "")) return undefined;
  }
  for (const name of ["a", "b"]) {
    for (let i = 0; i < 10; i++) {
      Deno.writeTextFileSync(`${base}/${name}/${name}${i}`, `${name}${i}`);
    }
    Deno.mkdirSync(`${base}/${name}/${name}-folder`);
    Deno.writeTextFileSync(`${base}/${name}/${name}-folder/file`, name);
  }
  for (const name of ["merged", "upper/up", "upper/work"]) {
    Deno.mkdirSync(`${base}/${name}`);
  }
  const lower = `lowerdir=${base}/a:${base}/b`;
  const upper = `upperdir=${base}/upper/up,workdir=${base}/upper/work`;
  const isMounted = add("merged", "overlay", `${lower},${upper},xino=${xino}`);
  return isMounted ? mounts.move() : undefined;
}

const kinds: Record<string, Layers> = {
  "of one file system": { areOwn: false, xino: "off" },
  "of several file systems, told by inode numbers": {
    areOwn: true,
    xino: "on",
  },
  "of several file systems, told by devices": { areOwn: true, xino: "off" },
};

/** Whether the kernel has handles for what is in such a folder (Linux 6.6). */
function hasHandles(base: string): boolean {
  const fs = local(`${base}/merged`);
  const { length } = fs.limitations;
  fs.dispose();
  return length === 0;
}

/** All files and folders below one, by path. */
async function nodesBelow(
  fs: HostedFileSystem,
  folder: LocalNode,
  path = "",
): Promise<Map<string, LocalNode>> {
  const nodes = new Map([[path, folder]]);
  for (const name of await namesIn(fs, folder)) {
    const node = (await fs.lookup(folder, name))!;
    if (node.type !== "directory") nodes.set(`${path}/${name}`, node);
    else {
      for (const below of await nodesBelow(fs, node, `${path}/${name}`)) {
        nodes.set(...below);
      }
    }
  }
  return nodes;
}

/** The content of each file that its node leads to, and of folders that they are some. */
async function contents(
  fs: HostedFileSystem,
  identities: ReadonlyMap<string, Uint8Array>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [path, identity] of identities) {
    const node = await fs.resolve(identity);
    const target = new Uint8Array(20);
    const { bytes } = node.type === "directory"
      ? { bytes: 0 }
      : await fs.read(node, 0, target);
    const text = new TextDecoder().decode(target.subarray(0, bytes));
    found.set(path, node.type === "directory" ? "a folder" : text);
  }
  return found;
}

for (const [kind, layers] of Object.entries(kinds)) {
  Deno.test({
    name:
      `local: files of layers ${kind} are told apart, also when they change`,
    ignore: !canMount((base) => {
      using mounts = new DisposableStack();
      const mounted = mountLayers(base, layers);
      if (mounted === undefined) return undefined;
      mounts.use(mounted);
      return hasHandles(base) ? mounts.move() : undefined;
    }),
    fn: async () => {
      const base = Deno.makeTempDirSync();
      try {
        using _mounted = mountLayers(base, layers);
        const path = `${base}/merged`;
        let fs = local(path) as HostedFileSystem;
        const nodes = await nodesBelow(fs, fs.root());
        assertEquals(nodes.size, 1 + 2 * 10 + 2 * 2, "listed");
        const identities = new Map(
          [...nodes].map(([path, node]) => [path, fs.identify(node).slice()]),
        );
        const told = new Set([...identities.values()].map(String));
        assertEquals(told.size, nodes.size, "identities");
        const before = await contents(fs, identities);
        const check = async () =>
          assertEquals(await contents(fs, identities), before);
        const kind = { type: "file" } as const;
        for (const [path, node] of nodes) {
          const { fileid } = await fs.getattr(node);
          await fs.setattr(node, { mode: 0o700 });
          if (node.type === "directory") {
            await fs.create(node, "new", kind, { attributes });
            await fs.remove(node, "new");
          } else {
            const text = new TextEncoder().encode(`${before.get(path)}!`);
            await fs.write(node, 0, text, "file");
            before.set(path, `${before.get(path)}!`);
          }
          assertEquals((await fs.getattr(node)).fileid, fileid, path);
        }
        await check();
        await fs.dispose();
        fs = local(path) as HostedFileSystem;
        await check();
        await fs.dispose();
      } finally {
        Deno.removeSync(base, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "local: what a folder of layers lacks without libc is told",
  ignore: !canMount((base) =>
    mountLayers(base, { areOwn: false, xino: "off" })
  ),
  fn: async () => {
    const base = Deno.makeTempDirSync();
    try {
      using _mounted = mountLayers(base, { areOwn: false, xino: "off" });
      const fs = local(`${base}/merged`, { ffi: false });
      assertEquals(fs.limitations.at(-1), BLIND_TO_LAYERS);
      await fs.dispose();
    } finally {
      Deno.removeSync(base, { recursive: true });
    }
  },
});

Deno.test("local: inode numbers that differ by their layer alone stay different, and safe", () => {
  const seen = new Set<number>();
  for (let layer = 0; layer < 2 ** 11; layer++) {
    for (const inode of [1, 2, 0xffff_ffff]) {
      const number = inodeNumber(inode, (layer << 21) >>> 0);
      assert(Number.isSafeInteger(number));
      seen.add(number);
    }
  }
  assertEquals(seen.size, 3 * 2 ** 11);
});

const ignore = noFolder || Deno.build.os !== "linux";
const MOMENT = { seconds: 1_000_000, nanoseconds: 0 };
const KINDS: readonly CreateKind[] = [
  { type: "file" },
  { type: "directory" },
  { type: "symlink", target: "t" },
];

/** A served folder on a host that uses inode numbers again. */
class Reused implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());
  readonly host: ReusingHost;
  readonly fs: HostedFileSystem;

  constructor(birth?: Timestamp) {
    this.host = new ReusingHost(birth);
    this.fs = new HostedFileSystem(this.host, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose();
    Deno.removeSync(this.path, { recursive: true });
  }
}

for (const kind of KINDS) {
  Deno.test({
    name:
      `local: a ${kind.type} gets no handle of one that was born in the same moment and removed`,
    ignore,
    fn: async () => {
      await using served = new Reused(MOMENT);
      const { fs, host } = served;
      const removed: Uint8Array[] = [];
      for (let i = 0; i < 8; i++) {
        host.made = 0;
        const made = await fs.create(fs.root(), "x", kind, { attributes });
        // One more for each number that was free and had been used.
        assertEquals(host.made, i + 1);
        for (const identity of removed) {
          assertEquals(await codeOf(() => fs.resolve(identity)), "stale");
        }
        removed.push(fs.identify(made.node));
        await fs.remove(fs.root(), "x");
      }
      assertEquals([...Deno.readDirSync(served.path)], []);
    },
  });

  Deno.test({
    name: `local: where no birth is told, a ${kind.type} is made once`,
    ignore,
    fn: async () => {
      await using served = new Reused();
      const { fs, host } = served;
      for (let i = 0; i < 8; i++) {
        host.made = 0;
        await fs.create(fs.root(), "x", kind, { attributes });
        assertEquals(host.made, 1);
        await fs.remove(fs.root(), "x");
      }
    },
  });
}

/** What the host makes by itself. */
const MAKE: Readonly<Record<string, (path: string) => void>> = {
  file: (path) => Deno.writeTextFileSync(path, "new"),
  directory: (path) => Deno.mkdirSync(path),
  symlink: (path) => Deno.symlinkSync("t", path),
};

for (const [former, makeFormer] of Object.entries(MAKE)) {
  for (const [type, make] of Object.entries(MAKE)) {
    Deno.test({
      name:
        `local: where no birth is told, a ${type} is served that the host made with the number of a ${former}`,
      ignore,
      fn: async () => {
        await using served = new Reused();
        const { fs, host, path } = served;
        const terms = defineExport({ path: "/", fs: fs as FileSystem });
        const namespace = new Namespace([terms], {
          handleKey: new Uint8Array(16),
          time: MOMENT,
        });
        const look = async (name: string) => {
          const file = namespace.refer(
            terms,
            (await fs.lookup(fs.root(), name))!,
          );
          return (await namespace.resolve(file.handle.slice()))!;
        };
        makeFormer(`${path}/old`);
        const old = await look("old");
        host.removes(`${path}/old`);
        make(`${path}/new`);
        const found = await look("new");
        assertEquals(found.handle, old.handle);
        assertEquals((await fs.getattr(found.node as LocalNode)).type, type);
      },
    });
  }
}

Deno.test({
  name:
    "local: a file with the number of a removed one has not its verifier of an exclusive create",
  ignore,
  fn: async () => {
    await using served = new Reused();
    const { fs } = served;
    const kind = { type: "file" } as const;
    const verifier = new Uint8Array(8).fill(7);
    await fs.create(fs.root(), "old", kind, { attributes, verifier });
    await fs.remove(fs.root(), "old");
    await fs.create(fs.root(), "new", kind, { attributes });
    const again = () =>
      fs.create(fs.root(), "new", kind, { attributes, verifier });
    assertEquals(await codeOf(again), "exists");
  },
});
