import { assert, assertEquals } from "@std/assert";
import { inodeNumber } from "../../../src/backends/local/statx.ts";
import { BLIND_TO_LAYERS } from "../../../src/backends/local/overlay_host.ts";
import { local } from "../../../src/backends/local/mod.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import type { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { attributes, namesIn } from "./fixture.ts";
import { canMount, mount } from "./mounting.ts";

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
