/** COPY that goes on behind its answer in a folder that a worker carries. */

import { assertEquals } from "@std/assert";
import type { ToWorker } from "../../../../src/backends/local/apart/calls.ts";
import { nextTurn } from "../../../../src/base/turn.ts";
import type { EndedCopy } from "../../../../src/state/copies.ts";
import type { FileSystem } from "../../../../src/vfs/mod.ts";
import { StateFixture } from "../../../engine/state_fixture.ts";
import {
  anonymousStateid,
  op,
  Stable,
  statusName,
  walk,
} from "../../../support/client/mod.ts";
import { eventually } from "../../../backchannel/fixture.ts";
import { hasFfi, noFolder } from "../fixture.ts";
import { ApartBox, WorkerHere } from "./fixture.ts";

const ignore = noFolder || !hasFfi;
const MiB = 2 ** 20;
/** Writes of a copy that the worker carries out before one takes long. */
const BEFORE = 5;

/** A worker whose host takes long for a write. */
class SlowWorker extends WorkerHere {
  /** Writes that it was given. */
  writes = 0;
  #held: (() => void) | undefined;

  /** Whether it is at work on the write that takes long. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  override postMessage(message: ToWorker, transfer?: unknown): void {
    const post = () => super.postMessage(message, transfer);
    const isWrite = message.some((each) =>
      "method" in each && each.method === "write"
    );
    if (isWrite && ++this.writes === BEFORE + 1) this.#held = post;
    else post();
  }

  /** That write is done. */
  goOn(): void {
    this.#held!();
    this.#held = undefined;
  }
}

/** A copy of 8 MiB of sevens, in the middle of which a write takes long. */
async function copying() {
  const worker = new SlowWorker();
  const box = await ApartBox.open({}, { open: () => worker });
  Deno.writeFileSync(`${box.path}/source`, new Uint8Array(8 * MiB).fill(7));
  Deno.writeTextFileSync(`${box.path}/target`, "");
  const server = new StateFixture({ fs: box.fs as unknown as FileSystem });
  const { state } = server.services;
  const told: EndedCopy[] = [];
  state.copies.notifier = {
    canNotify: () => true,
    notify: (copy) => void told.push(copy),
    forget: () => {},
  };
  const client = await server.client(2);
  const { response } = await client.ok(
    "COPY",
    ...[...walk(["source"]), op.savefh(), ...walk(["target"])],
    op.copy({
      ...{ source: anonymousStateid, destination: anonymousStateid },
      synchronous: false,
    }),
  );
  await eventually("the write", () => worker.isHeld);
  return { box, worker, server, client, told, stateid: response.callbackId! };
}

Deno.test(
  "local, apart: nothing is written for a copy after the answer of OFFLOAD_CANCEL",
  {
    ignore,
  },
  async () => {
    const { box, worker, server, client, told, stateid } = await copying();
    await using _box = box;
    let answer: string | undefined;
    const cancelled = client
      .status(...walk(["target"]), op.offloadCancel(stateid))
      .then((status) => answer = status);
    for (let i = 0; i < 20; i++) await nextTurn();
    assertEquals(answer, undefined);
    worker.goOn();
    assertEquals(await cancelled, "OK");
    const { writes } = worker;
    // Over all that is copied by now.
    const data = new Uint8Array((BEFORE + 1) * 65_536).fill(1);
    const write = op.write({ data, stable: Stable.FILE_SYNC });
    assertEquals(await client.status(...walk(["target"]), write), "OK");
    await server.services.jobs.finished();
    for (let i = 0; i < 20; i++) await nextTurn();
    assertEquals(worker.writes, writes + 1);
    assertEquals(Deno.readFileSync(`${box.path}/target`), data);
    assertEquals(told, []);
  },
);

Deno.test(
  "local, apart: a copy whose worker ends in the middle is told as an error, and its files are free",
  {
    ignore,
  },
  async () => {
    const { box, worker, server, told } = await copying();
    await using _box = box;
    worker.fail("Uncaught Error: boom");
    await server.services.jobs.finished();
    assertEquals(told.map(({ end, done }) => [statusName(end.status), done]), [
      ["IO", BEFORE * 65_536],
    ]);
    const { copies, files } = server.services.state;
    assertEquals([copies.running, files.changes.files], [0, 0]);
    const there = Deno.readFileSync(`${box.path}/target`);
    assertEquals(there, new Uint8Array(BEFORE * 65_536).fill(7));
  },
);
