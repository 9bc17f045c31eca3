/**
 * Beside copies that go on behind their answers the requests of others have their
 * turns, by a clock that goes on with each call of the file system.
 */

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { SLICE } from "../../src/base/turn.ts";
import { LONGEST_TURN } from "../../src/engine/compound_run.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { StateFixture } from "../engine/state_fixture.ts";
import { anonymousStateid, op, Stable, walk } from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { PIECE, working, WorkingLoop } from "./working_loop.ts";

const MiB = 2 ** 20;
/** Of each source: more than the others' requests see copied. */
const SIZE = 8 * MiB;
/** How often they are sent. */
const ROUNDS = 5;
/** As many as a client may have. */
const COPIES = 16;
/** Turns that a request takes by itself, and one that it may come too late for. */
const FEW = 6;

/** The same file system, that answers a turn later. */
function late(fs: FileSystem, loop: WorkingLoop): FileSystem {
  return new Proxy(fs, {
    get(_, name) {
      const value = Reflect.get(fs, name);
      if (name !== "read" && name !== "write" && name !== "getattr") {
        return typeof value === "function" ? value.bind(fs) : value;
      }
      return async (...given: unknown[]) => {
        await loop.look();
        return value.apply(fs, given);
      };
    },
  });
}

/** Requests of the other party. */
const requests = {
  GETATTR: [op.getattr(["size", "change"])],
  READ: [op.read({ count: 4_096 })],
  WRITE: [op.write({ data: new Uint8Array(4_096), stable: Stable.FILE_SYNC })],
};

for (const isLate of [false, true]) {
  const which = isLate ? "that answers late" : "that answers at once";
  Deno.test(`beside ${COPIES} long copies of one party another's requests have their turns, on a file system ${which}`, async () => {
    const loop = new WorkingLoop();
    const source = new Uint8Array(SIZE).fill(7);
    const names = Array.from({ length: COPIES }, (_, i) => `target${i}`);
    const targets = Object.fromEntries(names.map((name) => [name, ""]));
    const tree = { source, file: "x".repeat(4_096), ...targets };
    const inner = memory(tree, { mode: 0o777 }) as FileSystem;
    const fs = working(isLate ? late(inner, loop) : inner, loop);
    const server = new StateFixture({ fs });
    const { services } = server;
    const { copies } = services.state;
    const clock = loop.clock(services.clock);
    Object.assign(services, { turn: loop, clock });
    copies.notifier = {
      ...{ canNotify: () => true, notify: () => {}, forget: () => {} },
    };
    const client = await server.client(2);
    const connection = testConnection({ party: "user 1000" });
    const other = await server.client(2, { connection });
    for (const name of names) {
      const copied = await client.ok(
        "COPY",
        ...[...walk(["source"]), op.savefh(), ...walk([name])],
        op.copy({
          ...{ source: anonymousStateid, destination: anonymousStateid },
          synchronous: false,
        }),
      );
      assertEquals(copied.synchronous, false);
    }
    const slowest: Record<string, number> = {};
    const measure = async (name: string, act: () => Promise<unknown>) => {
      const before = loop.turns;
      // What came over the wire is read in the next turn.
      await loop.look();
      await act();
      slowest[name] = Math.max(slowest[name] ?? 0, loop.turns - before);
    };
    for (let i = 0; i < ROUNDS; i++) {
      for (const [name, [request]] of Object.entries(requests)) {
        const asked = [...walk(["file"]), request!];
        await measure(name, async () => {
          assertEquals(await other.status(...asked), "OK");
        });
      }
      await measure("OPEN", () => other.open("file", { owner: `${i}` }));
    }
    assertEquals(copies.running, COPIES, "all go on");
    for (const [name, turns] of Object.entries(slowest)) {
      assert(turns <= FEW, `${name}: ${turns} turns`);
    }
    await services.jobs.finished();
    assertEquals(copies.bytes, COPIES * SIZE);
    // They wait in the turns of the party that has asked for them.
    assertEquals(loop.askers, new Set([client.connection]));
    const most = SLICE + LONGEST_TURN + 2 * PIECE;
    assert(loop.longest <= most, `${loop.longest} ms`);
  });
}
