/** COPY and WRITE_SAME, by which short requests ask for much: how much, and for how long, before the answer. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import {
  anonymousStateid,
  op,
  statusName,
  walk,
} from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { StateFixture } from "./state_fixture.ts";

const MiB = 2 ** 20;
const CHUNK = 65_536;

const copyTo = (name: string, count: number) => [
  ...walk([name]),
  op.copy({
    ...{ source: anonymousStateid, destination: anonymousStateid },
    ...{ count: BigInt(count), synchronous: true },
  }),
];

const same = (count: number) => [
  ...walk(["b"]),
  op.writeSame({
    ...{ stateid: anonymousStateid, offset: 0n },
    ...{ blockSize: 4096n, blockCount: BigInt(count / 4096) },
    pattern: Uint8Array.of(1),
  }),
];

/** A client, and what each read that is made for it does besides. */
async function reading(onRead: (fixture: StateFixture) => void = () => {}) {
  const fs = memory({ source: new Uint8Array(8 * MiB).fill(7), a: "", b: "" });
  const read = fs.read.bind(fs);
  fs.read = (...args) => {
    onRead(fixture);
    return read(...args);
  };
  const fixture = new StateFixture({ fs: fs as FileSystem });
  let closeReason: Connection["closeReason"];
  const connection = Object.defineProperty(testConnection(), "closeReason", {
    get: () => closeReason,
  });
  const client = await fixture.client(2, { connection });
  const close = () => void (closeReason = "peer");
  const call = async (...ops: ReturnType<typeof copyTo>[]) => {
    const from = [...walk(["source"]), op.savefh()];
    const reply = await client.call(...from, ...ops.flat());
    const copies = reply.results.filter(({ name, status }) =>
      name === "COPY" && status === 0
    );
    const counts = copies.map((_, i) => reply.get("COPY", i).response.count);
    return [statusName(reply.status), ...counts.map(Number)];
  };
  return { call, client, close };
}

Deno.test("the COPYs and WRITE_SAMEs of a COMPOUND write 4 MiB together, and further ones a little", async () => {
  const { call } = await reading();
  const copies = [copyTo("a", 3 * MiB), copyTo("b", 3 * MiB)];
  assertEquals(await call(...copies), ["OK", 3 * MiB, MiB]);
  const more = [copyTo("a", MiB), copyTo("a", 1)];
  assertEquals(await call(...copies, ...more), ["OK", 3 * MiB, MiB, CHUNK, 1]);
  const written = [same(MiB), same(MiB), same(MiB), same(MiB)];
  const further = [...written, copyTo("a", MiB), same(MiB)];
  assertEquals(await call(...further), ["OK", CHUNK]);
});

Deno.test("a WRITE_SAME that finds all of its COMPOUND's bytes written writes 64 KiB", async () => {
  const { client } = await reading();
  const written = [1, 2, 3, 4, 5].map(() => same(MiB));
  const reply = await client.call(...written.flat());
  const counts = written.map((_, i) =>
    Number(reply.get("WRITE_SAME", i).count)
  );
  assertEquals(counts, [MiB, MiB, MiB, MiB, CHUNK]);
});

Deno.test("a COPY is answered after a second with what it has, as further ones of its COMPOUND are", async () => {
  const { call } = await reading(({ clock }) => clock.advance(400));
  const copies = [copyTo("a", MiB), copyTo("b", MiB)];
  assertEquals(await call(...copies), ["OK", 3 * CHUNK, CHUNK]);
  assertEquals(await call(copyTo("a", 2 * CHUNK)), ["OK", 2 * CHUNK]);
});

Deno.test("a COPY ends with what it has when its connection is closed", async () => {
  let reads = 0;
  const { call, close } = await reading(() => {
    if (++reads === 2) close();
  });
  assertEquals(await call(copyTo("a", MiB)), ["OK", 2 * CHUNK]);
  assertEquals(reads, 2);
});
