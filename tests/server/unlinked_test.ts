import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { openSession } from "../support/client/mod.ts";
import { freePort } from "../interop/server.ts";

/** A tree in memory, and whether files without a name are kept for clients of before. */
function preserving() {
  const told: string[] = [];
  const fs: FileSystem = Object.assign(memory({ file: "" }) as FileSystem, {
    preserveUnlinked() {
      told.push("kept");
      return { [Symbol.dispose]: () => void told.push("released") };
    },
  });
  return { fs, told };
}

Deno.test("without a grace period files without a name are released at once", async () => {
  const { fs, told } = preserving();
  await using _server = await serve(fs, { port: 0 });
  assertEquals(told, ["kept", "released"]);
});

Deno.test(
  "files without a name are kept until the grace period is over, for the next start too",
  {
    permissions: { read: true, write: true, net: true, sys: true },
    ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
  },
  async () => {
    const stateDirectory = await Deno.makeTempDir();
    const port = freePort();
    const clock = new FakeClock();
    const start = (fs: FileSystem) =>
      serve(fs, { port, stateDirectory, leaseSeconds: 10, clock });
    try {
      {
        await using server = await start(preserving().fs);
        await using session = await openSession({ ...server, owner: "a" });
        await session.open(["file"]);
      }
      const { fs, told } = preserving();
      {
        await using _server = await start(fs);
        assertEquals(told, ["kept"]);
      }
      assertEquals(told, ["kept"]);
      await using server = await start(fs);
      clock.advance(10_001);
      server.sweep();
      assertEquals(told, ["kept", "kept", "released"]);
    } finally {
      await Deno.remove(stateDirectory, { recursive: true });
    }
  },
);

Deno.test(
  "a server that ends in its grace period leaves none to another that serves the same",
  {
    permissions: { read: true, write: true, net: true, sys: true },
    ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
  },
  async () => {
    const stateDirectory = await Deno.makeTempDir();
    const port = freePort();
    const { fs, told } = preserving();
    const start = () => serve(fs, { port, stateDirectory, leaseSeconds: 10 });
    try {
      {
        await using server = await start();
        await using session = await openSession({ ...server, owner: "a" });
        await session.open(["file"]);
      }
      await using _other = await serve(fs, { port: 0 });
      told.length = 0;
      {
        await using _server = await start();
        assertEquals(told, ["kept"]);
      }
      assertEquals(told, ["kept", "released"]);
    } finally {
      await Deno.remove(stateDirectory, { recursive: true });
    }
  },
);
