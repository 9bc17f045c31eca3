/** A COPY whose answer can't be kept: its client is told of an error, and of no copy. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import {
  anonymousStateid,
  op,
  statusName,
  walk,
} from "../support/client/mod.ts";
import { StateFixture } from "../engine/state_fixture.ts";

const MiB = 2 ** 20;

const copied = [
  ...walk(["source"]),
  op.savefh(),
  ...walk(["target"]),
  op.copy({
    ...{ source: anonymousStateid, destination: anonymousStateid },
    synchronous: false,
  }),
];

async function copying() {
  const fs = memory({ source: new Uint8Array(5 * MiB), target: "" });
  const lame: FileSystem = fs as FileSystem;
  const gate = Promise.withResolvers<void>();
  const server = new StateFixture({ fs: lame });
  const { services } = server;
  let told = 0;
  services.state.copies.notifier = {
    canNotify: () => true,
    notify: () => void told++,
    forget: () => {},
  };
  const client = await server.client(2);
  lame.settle = () => gate.promise;
  const size = () => fs.getattr(fs.lookup(fs.root(), "target")!).size;
  const answer = client.call(...copied);
  // Whatever it would do behind an answer that waits.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { services, gate, answer, size, told: () => told };
}

Deno.test("a copy behind its answer begins when that is certain, and not before", async () => {
  const { services, gate, answer, size, told } = await copying();
  assertEquals(size(), 0);
  assertEquals(services.state.copies.running, 1);
  gate.resolve();
  await answer;
  await services.jobs.finished();
  assertEquals([size(), told()], [5 * MiB, 1]);
});

for (const code of ["io", "busy"] as const) {
  Deno.test(`a COPY whose answer becomes an error (${code}) has no copy go on`, async () => {
    const { services, gate, answer, size, told } = await copying();
    gate.reject(new FsError(code));
    const { status } = await answer;
    assertEquals(statusName(status), code === "io" ? "IO" : "DELAY");
    await services.jobs.finished();
    assertEquals([size(), told()], [0, 0]);
    const { copies, files } = services.state;
    assertEquals([copies.running, files.changes.files], [0, 0]);
  });
}
