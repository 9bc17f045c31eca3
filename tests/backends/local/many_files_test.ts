import { assertEquals } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { hasFfi, makeHost, noFolder } from "./fixture.ts";

/** A server that remembers next to nothing. */
const kept = { nodes: 4, parents: { files: 64, folders: 4 } };

for (const ffi of [true, false]) {
  const host = ffi ? "libc" : "no libc";
  Deno.test({
    name:
      `local, ${host}: in a tree of more than is remembered every handle stays good`,
    ignore: noFolder || (ffi && !hasFfi),
    fn: () => useHandles(ffi),
  });
}

async function useHandles(ffi: boolean): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    for (let d = 0; d < 40; d++) {
      Deno.mkdirSync(`${path}/${d}/below`, { recursive: true });
      for (let f = 0; f < 40; f++) Deno.createSync(`${path}/${d}/${f}`).close();
      Deno.createSync(`${path}/${d}/below/file`).close();
    }
    const identities: Uint8Array[] = [];
    const before = new HostedFileSystem(makeHost(ffi), path, { kept });
    await collect(before, before.root(), identities);
    await before.dispose();
    // None is in memory, nor is where any was seen.
    const fs = new HostedFileSystem(makeHost(ffi), path, { kept });
    for (let i = 0; i < identities.length; i += 97) {
      const all = identities.slice(i, i + 3).map(async (identity) => {
        assertEquals(fs.identify(await fs.resolve(identity)), identity);
      });
      await Promise.all(all);
    }
    await fs.dispose();
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** The identities of all that is in a folder and below. */
async function collect(
  fs: HostedFileSystem,
  folder: LocalNode,
  into: Uint8Array[],
): Promise<void> {
  const { entries } = await fs.readdir(folder, 0, 1000);
  for (const { name } of entries) {
    const node = (await fs.lookup(folder, name))!;
    into.push(fs.identify(node).slice());
    if (node.type === "directory") await collect(fs, node, into);
  }
}
