import { assertEquals, assertRejects } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { silentLogger } from "../../src/base/log.ts";
import { NfsServer } from "../../src/server.ts";
import { assemble } from "../../src/server/assemble.ts";
import { completeLimits } from "../../src/server/limits.ts";
import { observe } from "../../src/server/observers.ts";
import {
  callBack,
  type CallingBack,
  checkFileSystems,
  hear,
  listen,
  load,
  type Observed,
  remember,
  type Remembering,
  restore,
  settle,
} from "../../src/server/phases.ts";
import { defineExport } from "../../src/vfs/exports.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("connections leave most of the descriptors that a process may have to files", () => {
  const of = (...args: Parameters<typeof completeLimits>) => {
    const { maxConnections, maxConnectionsPerAddress } = completeLimits(
      ...args,
    );
    return [maxConnections, maxConnectionsPerAddress];
  };
  assertEquals(of({}, 1024), [384, 192]);
  assertEquals(of({}, 20), [16, 8]);
  assertEquals(of({}, 100_000), [4096, 1024]);
  assertEquals(of({ maxConnections: 3000 }, 1024), [3000, 1024]);
  assertEquals(of({ maxConnectionsPerAddress: 10 }, 1024), [384, 10]);
});

/** Not to be called: what it says is that none of it compiles. */
function outOfTurn(
  remembering: Remembering,
  callingBack: CallingBack,
  observed: Observed,
): void {
  // @ts-expect-error: sessions come back when all who are to know of them listen.
  restore(callingBack);
  // @ts-expect-error: the state has its delegation policy before it is observed.
  observe(remembering);
  // @ts-expect-error: a call is accepted when there is what answers it.
  listen(observed);
  // @ts-expect-error: a file that changes is recalled by what calls clients back.
  hear(remembering);
}

Deno.test("a phase of the start takes what the one before it returns", async () => {
  assertEquals(typeof outOfTurn, "function");
  const options = {
    clock: new FakeClock(),
    port: 0,
    log: silentLogger,
  };
  const offered = [defineExport({ path: "/", fs: memory() })];
  const checked = checkFileSystems(settle(options), offered);
  const callingBack = callBack(remember(await load(checked)));
  assertEquals("services" in callingBack, false);
  const { services, observer } = restore(observe(callingBack));
  assertEquals(services.state, callingBack.state);
  assertEquals(services.observer, observer);
  assertEquals(services.state.files.policy, callingBack.callbacks.keeper);
});

Deno.test("a start that fails gives the state directory back", {
  permissions: { read: true, write: true, net: true, sys: true },
  ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
}, async () => {
  const stateDirectory = await Deno.makeTempDir();
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const offered = [defineExport({ path: "/", fs: memory() })];
    const options = { clock: new FakeClock(), stateDirectory };
    const { port } = taken.addr;
    for (let tries = 0; tries < 2; tries++) {
      await assertRejects(
        () => assemble(offered, { ...options, port }),
        Deno.errors.AddrInUse,
      );
    }
  } finally {
    taken.close();
    await Deno.remove(stateDirectory, { recursive: true });
  }
});

Deno.test("a file system that is in two exports is listened to once", async () => {
  const fs: FileSystem = memory();
  const recalls: ((node: object) => Promise<void>)[] = [];
  fs.watch = (recall) => void recalls.push(recall);
  const offered = [
    defineExport({ path: "/a", fs }),
    defineExport({ path: "/b", fs, readOnly: true }),
  ];
  const options = { clock: new FakeClock(), port: 0 };
  await using _server = await NfsServer.start(offered, options);
  assertEquals(recalls.length, 1);
  await recalls[0]!(fs.root() as object);
});
