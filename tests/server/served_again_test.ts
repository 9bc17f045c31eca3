import { assertEquals, assertRejects } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import { ended } from "../../src/vfs/ended.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";

Deno.test("a folder that ended with its server is not served again", {
  permissions: { read: true, write: true, net: true, sys: true },
  ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
}, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const fs = await local(folder);
    const server = await serve(fs, { port: 0 });
    await server.close();
    await assertRejects(
      () => serve(fs, { port: 0 }),
      Error,
      "the file system of export / ended with the server",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A tree in memory that can't begin again, whose records come when `all` says so. */
function ending(all: () => Promise<ReadonlyMap<string, Uint8Array>>) {
  const tree = memory() as FileSystem & { [ended]?: boolean };
  let disposals = 0;
  return Object.assign(tree, {
    stats: { durability: "full", failed: false } as FileSystem["stats"],
    records: { changes: 0, put() {}, delete() {}, all },
    dispose() {
      tree[ended] = true;
      disposals++;
    },
    disposals: () => disposals,
  });
}

Deno.test("a file system that ends while another server starts is refused, or goes on with that", async () => {
  for (const isLate of [true, false]) {
    const reading = Promise.withResolvers<void>();
    const settling = Promise.withResolvers<void>();
    let starts = 0;
    const fs = ending(async () => {
      if (++starts > 1) await reading.promise;
      return new Map();
    });
    if (!isLate) fs.settle = () => settling.promise;
    const first = await serve(fs, { port: 0 });
    const second = serve(fs, { port: 0 });
    const closing = first.close();
    if (isLate) {
      await closing;
      reading.resolve();
      await assertRejects(() => second, Error, "ended with the server");
      assertEquals(fs.disposals() > 0, true);
      continue;
    }
    // The first one waits for its last settle.
    await new Promise((resolve) => setTimeout(resolve, 10));
    reading.resolve();
    const server = await second;
    settling.resolve();
    await closing;
    assertEquals(fs.disposals(), 0);
    await server.close();
    assertEquals(fs.disposals(), 1);
  }
});

Deno.test("recall of a file system that is not served is the program's mistake", async () => {
  await using server = await serve(memory(), { port: 0 });
  const other = memory() as FileSystem;
  await assertRejects(
    () => server.recall(other, other.root()),
    TypeError,
    "does not serve this file system",
  );
});

Deno.test("a server that can't listen is not held by what it was to serve", async () => {
  const fs = memory() as FileSystem;
  let watchers = 0;
  fs.watch = () => {
    watchers++;
  };
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  await assertRejects(() => serve(fs, { port }), Deno.errors.AddrInUse);
  assertEquals(watchers, 0);
  await using _server = await serve(fs, { port: 0 });
  assertEquals(watchers, 1);
});
