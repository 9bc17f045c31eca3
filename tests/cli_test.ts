import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { cannotRun, ServerProcess } from "./support/cli.ts";

const MOD = new URL("../mod.ts", import.meta.url).pathname;
const QUIET = ["--port", "0", "--metrics-port", "0"];

async function refusal(...args: string[]): Promise<string> {
  await using server = new ServerProcess(args);
  const { code, stderr } = await server.ended();
  assertEquals(code, 2, stderr);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  return stderr;
}

Deno.test(
  "the server prints how to mount it and ends with status 0 at SIGTERM, SIGINT and SIGHUP",
  {
    ignore: cannotRun,
  },
  async () => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
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
  "what the server was started to ignore does not stop it, as by nohup; SIGTERM always does",
  {
    ignore: cannotRun || Deno.build.os !== "linux",
  },
  async () => {
    for (const ignoring of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      const args = [...QUIET, "--export", "/=memory:"];
      await using server = new ServerProcess(args, { ignoring });
      await server.until(/mount -t nfs4/);
      if (ignoring !== "SIGTERM") server.kill(ignoring);
      server.kill("SIGTERM");
      const { code, stderr } = await server.ended();
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /stopping signal=SIGTERM\n(.*\n)*.* stopped\n$/);
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

Deno.test(
  "variables of the environment that are empty or relative name no folder for --state",
  {
    ignore: cannotRun,
  },
  async () => {
    const cwd = Deno.makeTempDirSync();
    Deno.mkdirSync(`${cwd}/served`);
    const flags = [...QUIET, "--export", "/=local:served"];
    for (const wrong of ["", "state"]) {
      const env = { XDG_STATE_HOME: wrong, HOME: `${cwd}/home` };
      await using server = new ServerProcess(flags, { cwd, env });
      await server.until(/mount -t nfs4/);
      const own = `${cwd}/home/.local/state/dittofs-nfs4`;
      assertEquals(Deno.statSync(own).isDirectory, true);
      Deno.removeSync(`${cwd}/home`, { recursive: true });
      server.kill("SIGTERM");
      await server.ended();
    }
    for (const wrong of ["", "home"]) {
      const env = { XDG_STATE_HOME: "", HOME: wrong };
      await using server = new ServerProcess(flags, { cwd, env });
      await server.until(/mount -t nfs4/);
      server.kill("SIGTERM");
      assertStringIncludes((await server.ended()).stderr, "no HOME and no");
    }
    // Deno itself keeps what it has compiled in a relative HOME.
    for (const folder of ["state", "home/.local", "dittofs-nfs4", ".local"]) {
      assertThrows(
        () => Deno.statSync(`${cwd}/${folder}`),
        Deno.errors.NotFound,
      );
    }
    Deno.removeSync(cwd, { recursive: true });
  },
);

/** Runs a server by `run`, which is given its flags; returns its status after it served and was stopped. */
async function statusOfServing(
  run: (flags: readonly string[]) => Deno.ChildProcess,
): Promise<number> {
  const free = Deno.listen({ port: 0 });
  const { port } = free.addr;
  free.close();
  const flags = ["--port", String(port), "--export", "/=memory:"];
  const child = run([...flags, "--metrics-port", "0"]);
  let hasEnded = false;
  const ended = child.status.finally(() => hasEnded = true);
  const connect = () => Deno.connect({ port }).catch(() => undefined);
  let connection: Deno.Conn | undefined;
  while (connection === undefined && !hasEnded) connection = await connect();
  // The server's end of it comes with the server's own.
  const closed = connection?.read(new Uint8Array(1)).catch(() => null);
  await Promise.race([closed, new Promise((done) => setTimeout(done, 300))]);
  if (!hasEnded) child.kill("SIGTERM");
  const { code } = await ended;
  await closed;
  connection?.close();
  return code;
}

Deno.test("nobody has to read what the server says when it starts", {
  ignore: cannotRun,
}, async () => {
  const status = await statusOfServing((flags) => {
    const args = ["run", "-A", MOD, ...flags];
    const how = { args, stdout: "piped", stderr: "null" } as const;
    const child = new Deno.Command(Deno.execPath(), how).spawn();
    child.stdout.cancel();
    return child;
  });
  assertEquals(status, 0);
});

Deno.test("a server whose standard output and error take nothing serves", {
  ignore: cannotRun || Deno.build.os !== "linux",
}, async () => {
  for (const where of [">/dev/full", ">/dev/full 2>&1", ">&- 2>&-"]) {
    const status = await statusOfServing((flags) => {
      const run = [Deno.execPath(), "run", "-A", MOD, ...flags];
      const args = ["-c", `exec "$@" ${where}`, "sh", ...run];
      const how = { args, stdout: "null", stderr: "null" } as const;
      return new Deno.Command("sh", how).spawn();
    });
    assertEquals(status, 0, where);
  }
});

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

Deno.test(
  "metrics are beside the server's port; a second server goes on without",
  {
    ignore: cannotRun,
  },
  async () => {
    using neighbour = listenBesideFree();
    const port = String(neighbour.addr.port - 1);
    const flags = ["--port", port, "--export", "/=memory:"];
    {
      await using server = new ServerProcess(flags);
      await server.until(/mount -t nfs4/);
      server.kill("SIGTERM");
      const { code, stderr } = await server.ended();
      assertEquals(code, 0);
      assertMatch(stderr, /WARN +no metrics: port \d+ .*--metrics-port/);
    }
    neighbour.close();
    await using server = new ServerProcess(flags);
    const [, metrics] = await server.until(/metrics at \S+:(\d+)\/metrics/);
    assertEquals(Number(metrics), Number(port) + 1);
  },
);

/** Takes a port whose neighbour below is free. */
function listenBesideFree(): Deno.TcpListener {
  while (true) {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    try {
      const port = listener.addr.port - 1;
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return listener;
    } catch {
      listener.close();
    }
  }
}

Deno.test("a server of memory alone needs neither HOME nor --state", {
  ignore: cannotRun,
}, async () => {
  const { PATH = "", DENO_DIR, HOME } = Deno.env.toObject();
  const cache = DENO_DIR ?? `${HOME}/.cache/deno`;
  await using server = new ServerProcess(
    [...QUIET, "--export", "/=memory:"],
    { clearEnv: true, env: { PATH, DENO_DIR: cache, HOME: "/proc/none" } },
  );
  await server.until(/mount -t nfs4/);
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assertEquals(code, 0, stderr);
  assertEquals(stderr.includes("WARN"), false, stderr);
});

Deno.test("a folder that is served without FFI says what that loses", {
  ignore: cannotRun,
}, async () => {
  const directory = Deno.makeTempDirSync();
  const flags = ["--export", `/=local:${directory}`, "--state", directory];
  const permissions = [
    "--allow-net",
    `--allow-read=${directory}`,
    `--allow-write=${directory}`,
  ];
  await using server = new ServerProcess([...QUIET, ...flags], { permissions });
  await server.until(/mount -t nfs4/);
  server.kill("SIGTERM");
  const { stderr } = await server.ended();
  assertMatch(stderr, /WARN +this folder .*; -A gives more .*no delegations/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test(
  "a folder without --state, where HOME may not be read, is served, and --state named",
  {
    ignore: cannotRun,
  },
  async () => {
    const directory = Deno.makeTempDirSync();
    const flags = ["--export", `/=local:${directory}`];
    const permissions = [
      "--allow-net",
      `--allow-read=${directory}`,
      `--allow-write=${directory}`,
    ];
    await using server = new ServerProcess([...QUIET, ...flags], {
      permissions,
    });
    await server.until(/mount -t nfs4/);
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended();
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /WARN +HOME needs --allow-env and no --state.*--state DIR/,
    );
    Deno.removeSync(directory, { recursive: true });
  },
);

Deno.test("what can't be served is one clear line and status 2", {
  ignore: cannotRun,
}, async () => {
  using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = taken.addr;
  assertStringIncludes(
    await refusal("--export", "/=memory:", "--port", String(port)),
    `--port ${port}: port ${port} of 127.0.0.1 is taken`,
  );
  const metrics = ["--export", "/=memory:", "--port", "0", "--metrics-port"];
  assertStringIncludes(
    await refusal(...metrics, String(port)),
    `--metrics-port ${port}: port ${port} of 127.0.0.1 is taken`,
  );
  const hosts = ["no.such.host.invalid", "192.0.2.1", "127.0.0.1:2049"];
  for (const host of hosts) {
    assertStringIncludes(
      await refusal(...QUIET, "--export", "/=memory:", "--host", host),
      `--host ${host}: ${host} is no address of this host`,
    );
  }
  assertStringIncludes(
    await refusal(...QUIET, "--export", "/=local:/nowhere/at/all"),
    "/nowhere/at/all",
  );
  assertStringIncludes(
    await refusal(...QUIET, "--export", "/=sqlite:/etc/passwd"),
    "can't serve /etc/passwd: not a folder",
  );
  assertStringIncludes(await refusal("--frobnicate"), "--frobnicate");
  assertStringIncludes(
    await refusal(...QUIET, "--export", "/=memory:", "--state", "/proc/none"),
    "--state /proc/none: ",
  );
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

Deno.test("an option that there is not is no part of a new store's name", {
  ignore: cannotRun,
}, async () => {
  const folder = Deno.makeTempDirSync();
  const none = [...QUIET, "--export", "/=memory:", "--export"];
  const words = ["readonly", "RO", "ro,foo", "all_squash", "trust:any", "a=5"];
  for (const word of words) {
    const last = word.slice(word.indexOf(",") + 1);
    assertStringIncludes(
      await refusal(...none, `/a=sqlite:${folder}/x,${word}`),
      `there is no option "${last}"; ro, rw, squash=`,
    );
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  // The first time it is told that this is the name.
  for (const name of ["x,readonly/", "x,readonly"]) {
    const args = [...QUIET, "--export", `/=sqlite:${folder}/${name},ro`];
    await using server = new ServerProcess(args);
    await server.until(/mount -t nfs4/);
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  }
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assertEquals(names, ["x,readonly"]);
  Deno.removeSync(folder, { recursive: true });
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
