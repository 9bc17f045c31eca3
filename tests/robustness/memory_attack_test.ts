/** What attackers cost a server in memory: a process of its own stays within its budgets. */

import { assert } from "@std/assert";
import {
  MeasuredServer,
  mebibytes,
  type Memory,
} from "../bench/measured_server.ts";
import {
  deafReads,
  Flood,
  manyLocks,
  manyOpens,
  partialRecord,
} from "../support/attacks.ts";
import { cannotRun } from "../support/cli.ts";
import { op, openSession, type Session } from "../support/client/mod.ts";

const MIB = 1024 * 1024;

/** What is in use when the garbage is collected. */
function liveBytes({ heapUsed, external }: Memory): number {
  return heapUsed + external;
}

/** From here on twice the budget is kept to: what V8 gives back late is as much for a small one. */
const BUFFERS = 256 * MIB;
/** How often an attack is looked at, each tenth of a second, once it has got somewhere. */
const LOOKS = 10;

for (
  const [name, bytes] of [
    ["readers who take no answer", deafReads(16)],
    ["senders of all of a request but its end", partialRecord()],
  ] as const
) {
  Deno.test(
    `250 ${name} cost no more memory than the budget of buffers`,
    {
      ignore: cannotRun,
    },
    async () => {
      await using server = await MeasuredServer.start({
        maxBufferBytes: BUFFERS,
      });
      const { port } = server;
      await using quiet = await openSession({ port });
      const { filehandle, stateid } = await quiet.open(["f"], { access: 3 });
      const size = op.setattr({ size: BigInt(MIB) }, stateid);
      await quiet.compound([op.putfh(filehandle), size]);
      const before = await server.memory();
      await using _flood = await Flood.start({ port, connections: 250, bytes });
      let live = 0;
      let resident = 0;
      // A slow machine takes its time to fill the budget.
      for (let left = LOOKS, looks = 0; left > 0 && looks < 300; looks++) {
        await new Promise((done) => setTimeout(done, 100));
        await quiet.compound([op.putfh(filehandle), op.getattr(["size"])]);
        const now = await server.memory();
        live = Math.max(live, liveBytes(now) - liveBytes(before));
        resident = Math.max(resident, now.rss - before.rss);
        if (live > BUFFERS / 2) left--;
      }
      assert(live > BUFFERS / 2, `${mebibytes(live)}: the attack is none`);
      assert(live < 1.5 * BUFFERS, `${mebibytes(live)} more`);
      assert(resident < 2 * BUFFERS, `${mebibytes(resident)} more resident`);
    },
  );
}

const STATE = 4 * MIB;

for (
  const [name, attack] of [
    ["opens", (sessions) => manyOpens(sessions)],
    ["locks", ([session]) => manyLocks(session!)],
  ] as readonly [string, (sessions: readonly Session[]) => Promise<number>][]
) {
  Deno.test(
    `${name} until they are refused cost no more memory than the budget of state`,
    {
      ignore: cannotRun,
    },
    async () => {
      await using server = await MeasuredServer.start({ maxStateBytes: STATE });
      const { port } = server;
      await using first = await openSession({ port });
      await using second = await openSession({ port });
      const before = await server.memory();
      const got = await attack([first, second]);
      const more = (await server.memory()).heapUsed - before.heapUsed;
      assert(got > 1_000, `${got} ${name}`);
      assert(more < 1.5 * STATE, `${mebibytes(more)} more, ${got} ${name}`);
    },
  );
}
