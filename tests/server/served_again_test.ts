import { assertEquals, assertRejects } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import { serve } from "../../src/server.ts";
import { ended } from "../../src/vfs/ended.ts";
import { FsError } from "../../src/vfs/errors.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { freePort } from "../interop/server.ts";
import { waiting } from "../robustness/fixture.ts";
import {
  anonymousStateid,
  op,
  openSession,
  walk,
} from "../support/client/mod.ts";

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

Deno.test(
  "a server whose disk takes neither records nor files says so once, when all file systems have ended",
  {
    permissions: { read: true, write: true, net: true, sys: true },
    ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
  },
  async () => {
    const folder = await Deno.makeTempDir();
    const { settle } = ClientRecovery.prototype;
    try {
      const fs = memory() as FileSystem;
      let hasEnded = false;
      fs.dispose = async () => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        hasEnded = true;
        throw new FsError("io", "the files are gone");
      };
      const port = freePort();
      const server = await serve(fs, { port, stateDirectory: folder });
      ClientRecovery.prototype.settle = () => {
        throw new FsError("io", "the records are gone");
      };
      // What is left to no waiter ends the process.
      await assertRejects(() => server.close(), FsError, "the files are gone");
      assertEquals(hasEnded, true);
    } finally {
      ClientRecovery.prototype.settle = settle;
      await Deno.remove(folder, { recursive: true });
    }
  },
);

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

// COPY from one export to another, whose file systems have their callers stand in line.

const SIZE = 300_000;
const content = new Uint8Array(SIZE).fill(7);

const copied = (from: string, to: string) => [
  ...walk([from, "source"]),
  op.savefh(),
  ...walk([to, "target"]),
  op.copy({ source: anonymousStateid, destination: anonymousStateid }),
];

async function twoExports(options: { readonly readOnly?: boolean } = {}) {
  const tree = { source: content, target: "" };
  return await serve([
    { path: "/a", fs: waiting(memory(tree)), squash: "none" },
    { path: "/b", fs: waiting(memory(tree)), squash: "none", ...options },
  ], { port: 0, limits: { maxOperationsUnderWay: 1 } });
}

Deno.test("copies go from one export to the other and back at once, and none waits for the other for ever", async () => {
  const server = await twoExports();
  const { port } = server;
  try {
    await using one = await openSession({ port, minorVersion: 2 });
    await using other = await openSession({ port, minorVersion: 2 });
    const there = one.compound(copied("a", "b"));
    const back = other.compound(copied("b", "a"));
    for (const reply of await Promise.all([there, back])) {
      assertEquals(reply.get("COPY").response.count, BigInt(SIZE));
    }
    for (const path of ["a", "b"]) {
      const read = [...walk([path, "target"]), op.read({ count: SIZE })];
      assertEquals(
        (await one.compound(read, { cacheThis: false })).get("READ").data,
        content,
      );
    }
  } finally {
    await server.close();
  }
});

Deno.test("what is read from may be read only, what is written to not", async () => {
  const server = await twoExports({ readOnly: true });
  try {
    await using session = await openSession({
      port: server.port,
      minorVersion: 2,
    });
    const { response } = (await session.compound(copied("b", "a"))).get("COPY");
    assertEquals(response.count, BigInt(SIZE));
    // NFS4ERR_ROFS
    await session.expectStatus(30, copied("a", "b"));
    // And CLONE is of one export: NFS4ERR_XDEV.
    const clone = copied("b", "a").slice(0, -1);
    const range = { source: anonymousStateid, destination: anonymousStateid };
    await session.expectStatus(18, [...clone, op.clone(range)]);
  } finally {
    await server.close();
  }
});
