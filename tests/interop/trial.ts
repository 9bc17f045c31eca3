/**
 * One boot with a server of its own: started, reached through a proxy that can
 * be cut, restarted when the guest asks, stopped and taken away.
 *
 * @module
 */

import { add, type BootResult, runBoot, type Tally } from "./guests.ts";
import type { Combination } from "./matrix.ts";
import { checkDelegations } from "./metrics.ts";
import type { Pace } from "./pace.ts";
import { Proxy } from "./proxy.ts";
import { Server } from "./server.ts";
import type { Boot } from "./suites.ts";

/** Flags that make restarts quick enough to wait for. */
const SERVER_FLAGS = ["--lease", "20", "--grace", "15"];

/** QEMU's socket speaks for the user that runs it: for all of the guest's users if that is root. */
const TRUST = Deno.uid() === 0 ? "" : ",trust=any";

/** What a guest may wish of the server. */
const CONTROLS = ["restart", "stop", "start"] as const;

/** How long a guest may take to connect again after a cut. */
const RECONNECT_LIMIT_S = 40;

/** What all trials of a run share. */
export interface Settings {
  /** Ends the run. */
  signal: AbortSignal;
  /** How slow the machine is. */
  pace: Pace;
  /** Port of a server that runs already; none is started then. */
  external?: number;
  /** Folder of the mount to work in. */
  sub?: string | undefined;
  /** Whether what the server does not offer is a failure. */
  require: boolean;
  /** Of `random`; one of its own for each run if left out. */
  seed?: string | undefined;
}

/** What is tried. */
export interface Trial extends Omit<Combination, "suites"> {
  /** The guests. */
  boot: Boot;
  /** Takes each line. */
  onLine: (line: string) => void;
}

/** Runs a boot; one that runs out of time is tried once more, with twice the time. */
export async function runTrial(
  trial: Trial,
  settings: Settings,
): Promise<Tally> {
  const { pace, signal } = settings;
  const first = await attempt(trial, settings, pace.factor);
  if (!first.isLate || signal.aborted) return first.tally;
  trial.onLine("TIMEOUT out of time, not wrong: tried once more");
  const second = await attempt(trial, settings, pace.again);
  if (second.isLate) trial.onLine("FAIL out of time twice");
  return second.tally;
}

async function attempt(
  trial: Trial,
  settings: Settings,
  factor: number,
): Promise<BootResult> {
  const { kernel, backend, vers, boot, onLine } = trial;
  const { external, signal, pace } = settings;
  const dir = backend === "memory" || external !== undefined
    ? undefined
    : await Deno.makeTempDir();
  // The guest's ordinary users must get through the export's root.
  if (dir !== undefined) await Deno.chmod(dir, 0o755);
  const state = await Deno.makeTempDir();
  let server: Server | undefined;
  try {
    if (external === undefined) {
      server = await Server.start({
        export: `/=${backend}:${dir ?? ""}${TRUST}`,
        flags: [...SERVER_FLAGS, "--state", state],
        onLine,
        signal,
      });
    }
    const port = server?.port ?? external!;
    using proxy = new Proxy(port);
    using hooks = serveHooks((wish) => grant(wish, { server, proxy, dir }));
    const result = await runBoot(boot, {
      kernel,
      vers,
      port: boot.proxied ? proxy.port : port,
      env: {
        SUB: settings.sub ?? ".",
        LC_REQUIRE: settings.require ? "1" : "0",
        RESTARTS: server === undefined || backend === "memory" ? "0" : "2",
        ...(settings.seed !== undefined && { SEED: settings.seed }),
      },
      factor,
      hookPort: hooks.addr.port,
      onLine,
      signal,
    });
    if (result.bootSeconds !== undefined) pace.booted(result.bootSeconds);
    if (server !== undefined && boot.scripts[0]!.includes("deleg-a.sh")) {
      const { metricsPort } = server;
      const expected = { vers, factor, onLine };
      add(result.tally, await checkDelegations(metricsPort, expected));
    }
    await server?.stop();
    return result;
  } catch (error) {
    onLine(`FAIL ${error instanceof Error ? error.message : error}`);
    await server?.stop().catch(() => {});
    return { tally: { passed: 0, failed: 1, skipped: 0 }, isLate: false };
  } finally {
    for (const each of [state, dir]) {
      if (each !== undefined) await Deno.remove(each, { recursive: true });
    }
  }
}

/** Does what a guest wishes; returns the status that it is told. */
async function grant(
  wish: string,
  at: { server: Server | undefined; proxy: Proxy; dir: string | undefined },
): Promise<number> {
  if (wish === "drop") return await dropConnection(at.proxy) ? 0 : 1;
  const [word, folder] = wish.split(" ");
  if (word === "names") return await makeNames(`${at.dir}/${folder}`);
  const control = CONTROLS.find((each) => each === wish);
  if (control === undefined || at.server === undefined) return 2;
  await at.server[control]();
  return 0;
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
