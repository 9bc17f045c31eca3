import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cannotRun, ServerProcess } from "./support/cli.ts";

const QUIET = ["--port", "0", "--metrics-port", "0"];

async function refusal(...args: string[]): Promise<string> {
  await using server = new ServerProcess(args);
  const { code, stderr } = await server.ended();
  assertEquals(code, 2, stderr);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  return stderr;
}

Deno.test(
  "the server prints how to mount it and ends with status 0 at SIGTERM and SIGINT",
  {
    ignore: cannotRun,
  },
  async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      await using server = new ServerProcess([
        ...QUIET,
        "--export",
        "/=memory:",
      ]);
      const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
      const connection = await Deno.connect({ port: Number(port) });
      connection.close();
      server.kill(signal);
      assertEquals((await server.ended()).code, 0);
    }
  },
);

Deno.test(
  "without a flag the default folder is made in the working directory",
  {
    ignore: cannotRun,
  },
  async () => {
    const cwd = Deno.makeTempDirSync();
    await using server = new ServerProcess(QUIET, {
      cwd,
      env: { XDG_STATE_HOME: `${cwd}/state` },
    });
    await server.until(/mount -t nfs4/);
    assertEquals(Deno.statSync(`${cwd}/dittofs-data`).isDirectory, true);
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
    Deno.removeSync(cwd, { recursive: true });
  },
);

Deno.test("/metrics and /healthz answer where the server says", {
  ignore: cannotRun,
}, async () => {
  const free = Deno.listen({ port: 0 });
  const { port } = free.addr;
  free.close();
  await using server = new ServerProcess([
    "--port",
    "0",
    "--metrics-port",
    String(port),
    "--export",
    "/=memory:",
  ]);
  const [, address] = await server.until(/metrics at (\S+)\/metrics/);
  const metrics = await (await fetch(`${address}/metrics`)).text();
  assertMatch(metrics, /^dittofs_nfs_connections 0$/m);
  assertEquals(await (await fetch(`${address}/healthz`)).text(), "ok\n");
  const lost = await fetch(`${address}/nothing`);
  assertEquals(lost.status, 404);
  await lost.body?.cancel();
});

Deno.test("what can't be served is one clear line and status 2", {
  ignore: cannotRun,
}, async () => {
  using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = taken.addr;
  assertStringIncludes(
    await refusal("--export", "/=memory:", "--port", String(port)),
    String(port),
  );
  assertStringIncludes(
    await refusal(...QUIET, "--export", "/=local:/nowhere/at/all"),
    "/nowhere/at/all",
  );
  assertStringIncludes(await refusal("--frobnicate"), "--frobnicate");
  assertStringIncludes(
    await refusal(
      ...QUIET,
      "--export",
      "/a=memory:",
      "--export",
      "/a/b=memory:",
    ),
    "/a/b",
  );
});

Deno.test("--help and --version end with status 0", {
  ignore: cannotRun,
}, async () => {
  for (
    const [flag, said] of [["--help", /^usage/], [
      "--version",
      /\d+\.\d+/,
    ]] as const
  ) {
    await using server = new ServerProcess([flag]);
    await server.until(said);
    assertEquals((await server.ended()).code, 0);
  }
});
