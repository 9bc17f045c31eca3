import { assertEquals, assertRejects } from "@std/assert";
import { local, memory, serve } from "../../mod.ts";
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
