const MOD = new URL("../../mod.ts", import.meta.url).pathname;
const AS_USER = new URL("./as_user.ts", import.meta.url).pathname;

/** How long a line may take to come, in milliseconds. */
const LIMIT_MS = 60_000;

/** Whether a test may start the server as a program. */
export const cannotRun: boolean =
  Deno.permissions.querySync({ name: "run" }).state !== "granted";

/** A server that runs as a program of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr: Promise<string>;

  /** Runs `deno run -A mod.ts` with the flags, as the README says; or with fewer permissions. */
  constructor(
    args: readonly string[],
    {
      descriptors,
      ignoring,
      user,
      program: own = MOD,
      permissions = ["-A"],
      ...options
    }: {
      readonly cwd?: string;
      readonly env?: Record<string, string>;
      /** Only `env`, nothing of this process's own. */
      readonly clearEnv?: boolean;
      /** A signal that it is started to ignore. */
      readonly ignoring?: Deno.Signal;
      /** Most descriptors that it may have; the test's own if left out. */
      readonly descriptors?: number;
      /** In place of `-A`. */
      readonly permissions?: readonly string[];
      /** Whom it runs as, where that is somebody else; only root can. */
      readonly user?: number | undefined;
      /** Another program than the command line. */
      readonly program?: string;
    } = {},
  ) {
    const main = user === undefined ? [own] : [AS_USER, String(user)];
    const run = ["run", "--no-prompt", ...permissions, ...main, ...args];
    const command = [Deno.execPath(), ...run];
    const before: string[] = [];
    if (descriptors !== undefined) before.push(`ulimit -n ${descriptors}`);
    if (ignoring !== undefined) before.push(`trap "" ${ignoring.slice(3)}`);
    const [program = "", ...rest] = before.length === 0
      ? command
      : ["sh", "-c", [...before, 'exec "$@"'].join("; "), "sh", ...command];
    this.#child = new Deno.Command(program, {
      args: rest,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...options,
    }).spawn();
    this.#lines = lines(this.#child.stdout);
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** The lines on standard output up to the one that `pattern` matches, and the match. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    // One that never says it is ended, and its lines with it.
    const timer = setTimeout(() => this.kill("SIGKILL"), LIMIT_MS);
    try {
      while (true) {
        const { value, done } = await this.#lines.next();
        if (done) {
          throw new Error(`never said ${pattern}: ${await this.#stderr}`);
        }
        const match = pattern.exec(value);
        if (match !== null) return match;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** What it ended with. */
  async ended(): Promise<{ readonly code: number; readonly stderr: string }> {
    while (!(await this.#lines.next()).done);
    const { code } = await this.#child.status;
    return { code, stderr: await this.#stderr };
  }

  /** Kills it, where it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.ended();
  }
}

async function* lines(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoderStream();
  for await (const text of stream.pipeThrough(decoder as never)) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}
