/** COPY from one export to another, whose file systems have their callers stand in line. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import {
  anonymousStateid,
  op,
  openSession,
  walk,
} from "../support/client/mod.ts";
import { waiting } from "../robustness/fixture.ts";

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
