import { assert, assertEquals, assertMatch } from "@std/assert";
import { cannotRun, ServerProcess } from "../support/cli.ts";
import {
  ClientConnection,
  CreateMode,
  openSession,
} from "../support/client/mod.ts";

/** Descriptors that the server may have. */
const DESCRIPTORS = 128;
/** So few that the least connections there are, and what Deno has open, take all of them. */
const FEW = 32;
/** Connections that say nothing, more than that. */
const SILENT = 200;

Deno.test(
  "a crowd of silent connections takes all descriptors, and nobody is kept out",
  {
    ignore: cannotRun,
  },
  async () => {
    await using server = new ServerProcess(
      ["--port", "0", "--metrics-port", "0", "--export", "/=memory:"],
      { descriptors: DESCRIPTORS },
    );
    const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
    const crowd: Deno.TcpConn[] = [];
    try {
      for (let i = 0; i < SILENT; i++) {
        crowd.push(await Deno.connect({ port: Number(port) }));
      }
      const since = performance.now();
      for (let i = 0; i < 3; i++) {
        await using client = await ClientConnection.connect({
          port: Number(port),
        });
        await client.ping();
      }
      // Long before the silent ones would have had their time.
      assert(performance.now() - since < 10_000);
    } finally {
      for (const conn of crowd) conn.close();
    }
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended();
    assertEquals(code, 0, stderr);
  },
);

Deno.test(
  "a crowd of connections that have called and idle leaves files what they need",
  {
    ignore: cannotRun,
  },
  async () => {
    const folder = Deno.makeTempDirSync();
    await using server = new ServerProcess(
      ["--port", "0", "--metrics-port", "0", "--export", `/=local:${folder}`],
      { descriptors: DESCRIPTORS },
    );
    const [, digits] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
    const port = Number(digits);
    await using session = await openSession({ port });
    await using crowd = new AsyncDisposableStack();
    for (let i = 0; i < SILENT; i++) {
      try {
        const client = crowd.use(await ClientConnection.connect({ port }));
        await client.ping();
      } catch {
        // It was turned away.
      }
    }
    for (let i = 0; i < 8; i++) {
      const create = { mode: CreateMode.UNCHECKED };
      const { stateid } = await session.open([`file ${i}`], { create });
      assert(stateid.seqid > 0);
    }
    Deno.removeSync(folder, { recursive: true });
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  },
);

Deno.test(
  "a crowd of silent connections to the metrics port keeps nobody out",
  {
    ignore: cannotRun,
  },
  async () => {
    await using server = new ServerProcess(
      ["--port", "0", "--export", "/=memory:"],
      { descriptors: DESCRIPTORS },
    );
    const [, metricsPort] = await server.until(/metrics at \S+:(\d+)/);
    const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
    const crowd: Deno.TcpConn[] = [];
    for (let i = 0; i < SILENT; i++) {
      try {
        crowd.push(await Deno.connect({ port: Number(metricsPort) }));
      } catch {
        // Refused while the port is opened anew.
      }
    }
    assert(crowd.length > DESCRIPTORS - 40, `${crowd.length}`);
    await using client = await ClientConnection.connect({ port: Number(port) });
    await client.ping();
    const text = await scrape(`http://127.0.0.1:${metricsPort}/metrics`);
    assertMatch(text, /^dittofs_nfs_connections 1$/m);
    for (const conn of crowd) conn.close();
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended();
    assertEquals(code, 0, stderr);
    // One line, however often it was tried.
    assert(stderr.split("opened anew").length <= 3, stderr);
  },
);

Deno.test("a scrape while there are no descriptors does not end the server", {
  ignore: cannotRun,
}, async () => {
  const free = Deno.listen({ port: 0 });
  const metricsPort = free.addr.port;
  free.close();
  await using server = new ServerProcess(
    [
      "--port",
      "0",
      "--metrics-port",
      `${metricsPort}`,
      "--export",
      "/=memory:",
    ],
    { descriptors: FEW },
  );
  const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
  const crowd: ClientConnection[] = [];
  // Clients at work, who don't give way.
  while (crowd.length < DESCRIPTORS) {
    const client = await ClientConnection.connect({ port: Number(port) });
    crowd.push(client);
    const outcome = await Promise.race([
      client.ping().then(() => "answered", () => "lost"),
      new Promise((resolve) => setTimeout(resolve, 500, "waits")),
    ]);
    if (outcome !== "answered") break;
  }
  try {
    const scraper = await Deno.connect({ port: metricsPort });
    await new Promise((resolve) => setTimeout(resolve, 150));
    scraper.close();
  } catch {
    // Its port was given up for a client, and there is no descriptor to open it anew.
  }
  for (const client of crowd) await client[Symbol.asyncDispose]();
  const text = await scrape(`http://127.0.0.1:${metricsPort}/metrics`);
  assertMatch(text, /^dittofs_nfs_connections /m);
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /could not be accepted .*Too many open files/);
});

/** The answer, as soon as the port is open again. */
async function scrape(url: string): Promise<string> {
  for (let i = 0; i < 100; i++) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      return await answer.text();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("the metrics port stays closed");
}
