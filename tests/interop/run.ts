/**
 * Mounts the server with a real Linux kernel client: back ends × minor versions
 * × suites of guest scripts. See README.md beside this file.
 *
 *     deno run -A tests/interop/run.ts [SUITE...] [--backend memory,local,sqlite]
 *         [--vers 4.0,4.1,4.2] [--jobs N] [--require] [--seed N]
 *         [--external PORT [--sub DIR]]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { add, buildGuest, runBoot, type Tally } from "./guests.ts";
import { checkDelegations } from "./metrics.ts";
import { Proxy } from "./proxy.ts";
import { Server } from "./server.ts";
import { plan, type Suite, SUITES, TREE_PACKAGES } from "./suites.ts";
import { fetchTree, treeFile } from "./tree.ts";

/** Flags that make restarts quick enough to wait for. */
const SERVER_FLAGS = ["--lease", "20", "--grace", "15"];

/** QEMU's socket speaks for whoever runs it: for all of the guest's users if that is root. */
const TRUST = Deno.uid() === 0 ? "" : ",trust=any";

/** What a guest may wish of the server. */
const CONTROLS = ["restart", "stop", "start"] as const;

/** How long a guest may take to connect again after a cut. */
const RECONNECT_LIMIT_S = 40;

/** The versions in which each back end takes what lasts minutes, unless all are asked for. */
const LONG: Partial<Record<Suite, Record<string, readonly string[]>>> = {
  silent: { memory: ["4.0", "4.1", "4.2"] },
  random: { memory: ["4.2"], local: ["4.0"], sqlite: ["4.0", "4.1"] },
  stopped: { local: ["4.1"], sqlite: ["4.0", "4.2"] },
  tree: { memory: ["4.0"], local: ["4.1"], sqlite: ["4.2"] },
};

interface Combination {
  backend: string;
  vers: string;
  suites: Suite[];
}

interface Settings {
  signal: AbortSignal;
  external?: number;
  sub?: string;
  require: boolean;
  /** Of `random`; one of its own for each run if left out. */
  seed?: string;
  noPackages?: string;
  noTree?: string;
}

function usage(problem: string): never {
  console.error(`${problem}\nsuites: ${SUITES.join(" ")}; see README.md`);
  Deno.exit(2);
}

function readArgs() {
  try {
    return parseArgs({
      args: Deno.args,
      allowPositionals: true,
      options: {
        backend: { type: "string", default: "memory,local,sqlite" },
        vers: { type: "string", default: "4.0,4.1,4.2" },
        jobs: { type: "string", default: "2" },
        require: { type: "boolean", default: false },
        seed: { type: "string" },
        external: { type: "string" },
        sub: { type: "string" },
      },
    });
  } catch (error) {
    usage((error as Error).message);
  }
}

function combinations(
  args: ReturnType<typeof readArgs>,
): Combination[] {
  const { values, positionals } = args;
  for (const name of positionals) {
    if (!SUITES.includes(name as Suite)) usage(`no suite ${name}`);
  }
  const named = positionals as Suite[];
  const backends = values.external ? ["external"] : values.backend.split(",");
  const result: Combination[] = [];
  for (const backend of backends) {
    if (!["memory", "local", "sqlite", "external"].includes(backend)) {
      usage(`no back end ${backend}`);
    }
    for (const vers of values.vers.split(",")) {
      if (!["4.0", "4.1", "4.2"].includes(vers)) usage(`no version ${vers}`);
      const suites = named.length > 0
        ? named
        : SUITES.filter((suite) => isInFullRun(suite, backend, vers));
      result.push({ backend, vers, suites });
    }
  }
  return result;
}

/** Whether a suite is worth its minutes: `silent` is not about files at all. */
function isInFullRun(suite: Suite, backend: string, vers: string): boolean {
  const long = LONG[suite];
  return long === undefined || long[backend]?.includes(vers) === true;
}

/** Answers the guests' `hook` lines on a port of its own. */
function serveHooks(
  answer: (wish: string) => Promise<number>,
): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(256);
      const n = await connection.read(buffer) ?? 0;
      const wish = new TextDecoder().decode(buffer.subarray(0, n)).trim();
      const status = await answer(wish).catch((error) => {
        console.error(`hook ${wish}: ${error}`);
        return 1;
      });
      await connection.write(new TextEncoder().encode(`${status}\n`));
      connection.close();
    }
  })();
  return listener;
}

/** Cuts the connection as soon as there is one. */
async function dropConnection(proxy: Proxy): Promise<boolean> {
  for (let tries = 0; tries < RECONNECT_LIMIT_S * 10; tries++) {
    if (proxy.drop() > 0) return true;
    await new Promise((done) => setTimeout(done, 100));
  }
  return false;
}

/** Makes entries whose names are no UTF-8, as a program of this host. */
async function makeNames(folder: string): Promise<number> {
  const script = "r=$(printf '\\377\\376') l=$(printf 'caf\\351'); " +
    'mkdir "$r" && echo text > "$r/$l" && ln -s "$r/$l" "$l"';
  const { code } = await new Deno.Command("sh", {
    args: ["-c", script],
    cwd: folder,
    env: { LC_ALL: "C" },
  }).output();
  return code;
}

async function runCombination(
  { backend, vers, suites }: Combination,
  settings: Settings,
): Promise<Tally> {
  const onLine = (line: string) => console.log(`[${backend} ${vers}] ${line}`);
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const { noPackages, noTree, signal } = settings;
  const { boots, skips } = plan({
    suites,
    backend,
    vers,
    noPackages,
    noTree,
    treeFile: treeFile(),
  });
  for (const { suite, reason } of skips) {
    onLine(`skip ${suite}: ${reason}`);
    tally.skipped++;
  }
  if (boots.length === 0) return tally;

  const dir = backend === "memory" || settings.external !== undefined
    ? undefined
    : await Deno.makeTempDir();
  // The guest's ordinary users must get through the export's root.
  if (dir !== undefined) await Deno.chmod(dir, 0o755);
  const state = await Deno.makeTempDir();
  let server: Server | undefined;
  try {
    if (settings.external === undefined) {
      server = await Server.start({
        export: `/=${backend}:${dir ?? ""}${TRUST}`,
        flags: [...SERVER_FLAGS, "--state", state],
        onLine,
        signal,
      });
    }
    const port = server?.port ?? settings.external!;
    using proxy = new Proxy(port);
    using hooks = serveHooks(async (wish) => {
      if (wish === "drop") return await dropConnection(proxy) ? 0 : 1;
      const [word, folder] = wish.split(" ");
      if (word === "names") return await makeNames(`${dir}/${folder}`);
      const control = CONTROLS.find((each) => each === wish);
      if (control === undefined || server === undefined) return 2;
      await server[control]();
      return 0;
    });
    const env: Record<string, string> = {
      SUB: settings.sub ?? ".",
      LC_REQUIRE: settings.require ? "1" : "0",
      RESTARTS: server === undefined || backend === "memory" ? "0" : "2",
      ...(settings.seed !== undefined && { SEED: settings.seed }),
    };
    for (const boot of boots) {
      signal.throwIfAborted();
      const counted = await runBoot(boot, {
        vers,
        port: boot.proxied ? proxy.port : port,
        env,
        hookPort: hooks.addr.port,
        onLine,
        signal,
      });
      add(tally, counted);
      if (server !== undefined && boot.scripts[0].includes("deleg-a.sh")) {
        const { metricsPort } = server;
        add(tally, await checkDelegations(metricsPort, { vers, onLine }));
      }
    }
    await server?.stop();
  } catch (error) {
    onLine(`FAIL ${error instanceof Error ? error.message : error}`);
    tally.failed++;
    await server?.stop().catch(() => {});
  } finally {
    for (const each of [state, dir]) {
      if (each !== undefined) await Deno.remove(each, { recursive: true });
    }
  }
  return tally;
}

async function main(): Promise<void> {
  // A run that is broken off takes its servers and guests along.
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => interrupted.abort());
  }
  const { signal } = interrupted;
  const args = readArgs();
  const { values } = args;
  // The longest first, or the last one would go on alone.
  const isLong = ({ suites }: Combination) => suites.includes("tree");
  const todo = combinations(args)
    .toSorted((one, other) => Number(isLong(other)) - Number(isLong(one)));
  const sum: Tally = { passed: 0, failed: 0, skipped: 0 };
  const settings: Settings = {
    signal,
    require: values.require,
    seed: values.seed,
    sub: values.sub,
  };
  if (values.external) settings.external = Number(values.external);

  const noGuest = await buildGuest();
  if (noGuest !== undefined) {
    for (const { backend, vers, suites } of todo) {
      console.log(`[${backend} ${vers}] skip ${suites.join(" ")}: ${noGuest}`);
      sum.skipped += suites.length;
    }
    todo.length = 0;
  } else {
    const wants = (suite: Suite) =>
      todo.some(({ suites }) => suites.includes(suite));
    if (wants("tree")) settings.noTree = await fetchTree();
    if (wants("tree") || wants("crash")) {
      settings.noPackages = await buildGuest(TREE_PACKAGES);
    }
  }

  const worker = async () => {
    for (let next; (next = todo.shift()) && !signal.aborted;) {
      add(sum, await runCombination(next, settings));
    }
  };
  // Runs against one external server would work in the same folders.
  const jobs = values.external ? 1 : Math.max(1, Number(values.jobs) || 1);
  await Promise.all(Array.from({ length: jobs }, worker));
  console.log(
    `${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`,
  );
  Deno.exit(signal.aborted ? 130 : sum.failed > 0 ? 1 : 0);
}

if (import.meta.main) await main();
