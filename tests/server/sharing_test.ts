import { assertEquals, assertLess } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { type Sharing, sharing } from "../../src/vfs/sharing.ts";
import { MemoryFileSystem } from "../../src/backends/memory/memory_file_system.ts";

Deno.test("trees that are served share V8's heap, and have it for themselves again", async () => {
  const trees = [0, 1, 2, 3].map(() => new MemoryFileSystem());
  const [first] = trees as [MemoryFileSystem];
  const whole = first.status().totalFiles;
  const exports = trees.map((fs, i) => ({ path: `/${i}`, fs }));
  {
    await using _ = await serve(exports, { port: 0 });
    for (const tree of trees) {
      assertEquals(tree.status().totalFiles, Math.floor(whole / 4));
    }
  }
  assertEquals(first.status().totalFiles, whole);
  await using _ = await serve(memory(), { port: 0 });
  assertEquals(first.status().totalFiles, whole);
});

Deno.test("servers of a process share its memory for clients where none was set, and have it for themselves again", async () => {
  const start = (limits = {}) =>
    serve(memory(), { port: 0, metricsPort: 0, limits });
  const maxStateBytes = 2 ** 24;
  await using set = await start({ maxStateBytes });
  await using first = await start();
  const whole = await limitsOf(first);
  {
    await using second = await start();
    await using third = await start();
    for (const server of [first, second, third]) {
      const { state, buffers } = await limitsOf(server);
      assertEquals(state, Math.floor(whole.state / 3));
      // The one with memory of its own for state has a part of this.
      assertEquals(buffers, Math.floor(whole.buffers * 2 / 4));
    }
    assertEquals((await limitsOf(set)).state, maxStateBytes);
  }
  assertEquals(await limitsOf(first), whole);
});

async function limitsOf(
  { metricsPort }: NfsServer,
): Promise<{ state: number; buffers: number }> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  const text = await response.text();
  const valueOf = (name: string) =>
    Number(new RegExp(`^\\S*${name} (\\S+)$`, "m").exec(text)?.[1]);
  return {
    state: valueOf("state_limit_bytes"),
    buffers: valueOf("buffer_limit_bytes"),
  };
}

// Deno lets nothing less look into /proc.
const cannotCount = Deno.build.os !== "linux" || !canList("/proc/self/fd");

function canList(path: string): boolean {
  try {
    return [...Deno.readDirSync(path)].length > 0;
  } catch {
    return false;
  }
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("folders and stores hold a part of the descriptors each", {
  ignore: cannotCount,
}, async () => {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/folder`);
  const folder = local(`${directory}/folder`);
  const store = await sqlite(`${directory}/store`);
  type Served = Required<Omit<FileSystem, "settle">> & FileSystem;
  const all = [folder, store] as unknown as Served[];
  const mode = { read: true, write: true };
  const attributes = { mode: 0o644, uid: 0, gid: 0 };
  const before = descriptors();
  for (const fs of all) {
    // As if with so many others that each has next to nothing.
    (fs as unknown as { [sharing]: Sharing })[sharing].among(100_000);
    for (let i = 0; i < 100; i++) {
      const kind = { type: "file" } as const;
      const made = await fs.create(fs.root(), `${i}`, kind, { attributes });
      await fs.open(made.node, mode);
      await fs.write(made.node, 0, new Uint8Array(20_000), "data");
      await fs.settle?.();
    }
  }
  assertLess(descriptors() - before, 40);
  for (const fs of all) await fs.dispose();
  await Deno.remove(directory, { recursive: true });
});
