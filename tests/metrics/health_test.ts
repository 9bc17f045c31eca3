import { assertEquals, assertThrows } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { freePort } from "../interop/server.ts";
import { bytesOf, CreateMode, op, openSession } from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A server of two exports, one of which can be made to fail; how its health is told. */
async function start(options: Parameters<typeof serve>[1] = {}) {
  const store: FileSystem = memory();
  let failure: string | undefined;
  store.failure = () => failure;
  const server = await serve([
    { path: "/a", fs: memory(), squash: "none" },
    { path: "/b", fs: store },
  ], { port: 0, metricsPort: 0, ...options });
  const ask = async (path: string) => {
    const url = `http://127.0.0.1:${server.metricsPort}${path}`;
    const response = await fetch(url);
    return [response.status, await response.text()];
  };
  const fail = (reason: string) => failure = reason;
  return { server, ask, fail };
}

Deno.test("a store that failed is 503 with its export and the reason", async () => {
  const { server, ask, fail } = await start();
  await using _server = server;
  assertEquals(await ask("/healthz"), [200, "ok\n"]);
  assertEquals(await ask("/readyz"), [200, "ok\n"]);
  fail("io: fdatasync: i/o error");
  const said = [503, "export /b: io: fdatasync: i/o error\n"];
  assertEquals(await ask("/healthz"), said);
  assertEquals(await ask("/readyz"), said);
});

Deno.test({
  name: "a server in its grace period is healthy, and not ready",
  ignore: Deno.permissions.querySync({ name: "write" }).state !== "granted",
  async fn() {
    const stateDirectory = Deno.makeTempDirSync();
    const clock = new FakeClock();
    const options = { stateDirectory, clock, port: freePort() };
    const first = await start(options);
    {
      await using session = await openSession({ port: options.port });
      const owner = { clientid: session.client.clientid, owner: bytesOf("o") };
      await session.compound([
        op.putrootfh(),
        op.lookup("a"),
        op.open({
          ...{ access: 3, owner, claim: { claim: "null", name: "f" } },
          create: { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } },
        }),
      ]);
      await first.server.close();
    }
    const { server, ask } = await start(options);
    await using _server = server;
    assertEquals(await ask("/healthz"), [200, "ok\n"]);
    assertEquals(await ask("/readyz"), [503, "in the grace period\n"]);
    clock.advance(600_000);
    // What ends with the period may give way, and ends in a later turn.
    let ready = await ask("/readyz");
    for (let i = 0; i < 100 && ready[0] !== 200; i++) {
      ready = await ask("/readyz");
    }
    assertEquals(ready, [200, "ok\n"]);
    Deno.removeSync(stateDirectory, { recursive: true });
  },
});

Deno.test("a server that is closed opens no metrics port any more", async () => {
  const server = await serve(memory(), { port: 0 });
  await server.close();
  assertThrows(() => server.serveMetrics(0), Error, "the server is closed");
});
