/**
 * The server under test, as a process of its own: started as the README says,
 * stopped by a signal, started anew on the same port.
 *
 * @module
 */

import { TextLineStream } from "./lines.ts";

/** How a server is started. */
export interface ServerOptions {
  /** What `--export` says. */
  export: string;
  /** Lease and grace in seconds, and whatever else its command line takes. */
  flags: string[];
  /** Takes each line that it writes. */
  onLine: (line: string) => void;
  /** Ends it. */
  signal: AbortSignal;
}

const ROOT = new URL("../../", import.meta.url);
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
/** Below what Linux and the others give away (`ip_local_port_range`). */
const LEAST_PORT = 20_000;
const PORTS = 12_000;

/** A running server. */
export class Server {
  /** Its TCP port on 127.0.0.1. */
  readonly port: number;
  /** Port of its metrics. */
  readonly metricsPort: number;
  #options: ServerOptions;
  #child: Deno.ChildProcess | undefined;

  private constructor(port: number, options: ServerOptions) {
    this.port = port;
    this.metricsPort = freePort();
    this.#options = options;
  }

  /** Makes a server on a free port, starts it and waits until it prints how to mount it. */
  static async start(options: ServerOptions): Promise<Server> {
    const server = new Server(freePort(), options);
    await server.start();
    return server;
  }

  /** Its process; fails while none runs. */
  get pid(): number {
    if (this.#child === undefined) throw new Error("the server does not run");
    return this.#child.pid;
  }

  /** Stops it by SIGTERM; a status other than 0 is an error. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    signalChild(child, "SIGTERM");
    const timer = setTimeout(
      () => signalChild(child, "SIGKILL"),
      STOP_LIMIT_MS,
    );
    const status = await child.status;
    clearTimeout(timer);
    if (status.code !== 0 || status.signal !== null) {
      throw new Error(
        `the server ended with status ${status.code} ${status.signal ?? ""}`,
      );
    }
  }

  /** Kills it where it runs or starts. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    signalChild(child, "SIGKILL");
    await child.status;
  }

  /** Kills it and starts it again on the same port. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Starts it, after {@linkcode kill}; rejects when it ends before it is ready. */
  async start(): Promise<void> {
    const { flags, signal } = this.#options;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "mod.ts", "--export", this.#options.export]
        .concat([
          "--port",
          `${this.port}`,
          "--metrics-port",
          `${this.metricsPort}`,
        ], flags),
      cwd: ROOT,
      signal,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    // A server that ends before it is ready makes the rejection; one that ends
    // later has nobody waiting.
    ready.promise.catch(() => {});
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      const lines = stream.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) {
        this.#options.onLine(line);
        if (/\bmount -t nfs4?\b/.test(line)) ready.resolve();
      }
    };
    const ended = Promise.all([read(child.stdout), read(child.stderr)]);
    const timer = setTimeout(
      () => signalChild(child, "SIGKILL"),
      START_LIMIT_MS,
    );
    ended.then(() => ready.reject(new Error("the server did not start")));
    try {
      await ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

function signalChild(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It has ended already; its status says how.
  }
}

/**
 * A port that nothing listens on now, and that the host gives away to no other
 * who asks for any: a server that is started again finds it free.
 */
export function freePort(): number {
  for (;;) {
    const port = LEAST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
