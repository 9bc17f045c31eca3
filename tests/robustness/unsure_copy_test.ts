/**
 * COPY on a file system that can't make durable what was copied: before its answer,
 * where its client is told of an error, and of no copy; and in the end.
 */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { CopyEnd } from "../../src/state/copies.ts";
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
  const last = Promise.withResolvers<void>();
  last.promise.catch(() => {});
  const server = new StateFixture({ fs: lame });
  const { services } = server;
  const told: CopyEnd[] = [];
  services.state.copies.notifier = {
    canNotify: () => true,
    notify: ({ end }) => void told.push(end),
    forget: () => {},
  };
  const client = await server.client(2);
  let settles = 0;
  lame.settle = () => settles++ === 0 ? gate.promise : last.promise;
  const size = () => fs.getattr(fs.lookup(fs.root(), "target")!).size;
  const answer = client.call(...copied);
  // Whatever it would do behind an answer that waits.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { services, gate, last, lame, answer, size, told };
}

Deno.test("a copy behind its answer begins when that is certain, and not before", async () => {
  const { services, gate, last, answer, size, told } = await copying();
  last.resolve();
  assertEquals(size(), 0);
  assertEquals(services.state.copies.running, 1);
  gate.resolve();
  await answer;
  await services.jobs.finished();
  assertEquals(size(), 5 * MiB);
  assertEquals(told, [{ status: Status.OK, stability: "file" }]);
});

for (const code of ["io", "busy"] as const) {
  Deno.test(`a COPY whose answer becomes an error (${code}) has no copy go on`, async () => {
    const { services, gate, answer, size, told } = await copying();
    gate.reject(new FsError(code));
    const { status } = await answer;
    assertEquals(statusName(status), code === "io" ? "IO" : "DELAY");
    await services.jobs.finished();
    assertEquals([size(), told.length], [0, 0]);
    const { copies, files } = services.state;
    assertEquals([copies.running, files.changes.files], [0, 0]);
  });
}

Deno.test("what was copied and can't be settled in time is told as unstable: its client commits it", async () => {
  const { services, gate, last, answer, size, told } = await copying();
  gate.resolve();
  await answer;
  last.reject(new FsError("busy"));
  await services.jobs.finished();
  assertEquals(size(), 5 * MiB);
  assertEquals(told, [{ status: Status.OK, stability: "unstable" }]);
});

Deno.test("a copy whose bytes can't be settled ends with that error", async () => {
  const { services, gate, last, answer, told } = await copying();
  gate.resolve();
  await answer;
  last.reject(new FsError("io"));
  await services.jobs.finished();
  assertEquals(told.map(({ status }) => statusName(status)), ["IO"]);
});

for (
  const [lost, loss, status] of [
    [1, "no-space", "NOSPC"],
    [1, "quota", "DQUOT"],
    [1, undefined, "IO"],
    [2, "no-space", "IO"],
  ] as const
) {
  Deno.test(`a copy that lost its bytes meanwhile ends with the reason: ${loss}, as the last of ${lost}`, async () => {
    const { services, gate, last, lame, answer, told } = await copying();
    let losses = 7;
    Object.defineProperty(lame, "losses", { get: () => losses });
    Object.defineProperty(lame, "loss", { get: () => loss });
    gate.resolve();
    await answer;
    lame.settle = () => void (losses += lost);
    last.resolve();
    await services.jobs.finished();
    assertEquals(
      told.map(({ status }) => statusName(status)),
      [status],
    );
  });
}

for (const code of ["busy", "no-space"] as const) {
  Deno.test(`what was copied before an error (${code}) is settled before its client is told`, async () => {
    const { services, gate, last, lame, answer, told } = await copying();
    const write = lame.write!;
    let left = 3;
    lame.write = (...args) => {
      if (left-- === 0) throw new FsError(code);
      return write.apply(lame, args);
    };
    let settled = false;
    lame.settle = () => last.promise.then(() => void (settled = true));
    gate.resolve();
    await answer;
    while (left >= 0) await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals([told.length, settled], [0, false]);
    last.resolve();
    await services.jobs.finished();
    assertEquals([told.length, settled], [1, true]);
  });
}
