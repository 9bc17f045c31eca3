import { canMount, mount } from "../mounting.ts";

const HOST = new URL("./fuse_host.ts", import.meta.url).pathname;

/** Seconds after which it ends in any case: a test that waits for it fails then, and no process is left. */
const LIFE = 40;

/** Whether this process may mount what is behind FUSE, and stop the program that serves it. */
export const cannotHang: boolean =
  Deno.permissions.querySync({ name: "run" }).state !== "granted" ||
  !hasFuse() ||
  !canMount((base) => mount(base, { source: "none", type: "tmpfs" }));

function hasFuse(): boolean {
  try {
    Deno.openSync("/dev/fuse", { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** A folder of a host that hangs when it is told to, and beside it one of a host that does not. */
export class HangingHost implements AsyncDisposable {
  readonly #base: string;
  /** Where it is mounted. */
  readonly path: string;
  /** A folder of the host's own disk. */
  readonly well: string;
  /** The one that serves what was mounted last comes last. */
  readonly #programs: HostProgram[] = [];

  private constructor(base: string) {
    this.#base = base;
    this.path = `${base}/hanging`;
    this.well = `${base}/well`;
    Deno.mkdirSync(this.path);
    Deno.mkdirSync(this.well);
  }

  /** Mounts it. */
  static async open(): Promise<HangingHost> {
    const host = new HangingHost(Deno.makeTempDirSync());
    await host.mount(7);
    return host;
  }

  /** Its program is started; its file is all `byte`. */
  async mount(byte: number): Promise<void> {
    const program = new HostProgram(this.path, byte);
    this.#programs.push(program);
    if (await program.hasMounted()) return;
    await this[Symbol.asyncDispose]();
    throw new Error("it could not be mounted");
  }

  /** Its programs die, and all that is asked of their mounts fails. */
  async die(): Promise<void> {
    await Promise.all(this.#programs.splice(0).map((each) => each.end()));
  }

  /** What was mounted last is there no more. */
  async unmount(): Promise<void> {
    await new Deno.Command("umount", { args: ["-l", this.path] }).output();
  }

  /** From now on it answers nothing. */
  hang(): void {
    this.#programs.at(-1)!.kill("SIGSTOP");
  }

  /** It answers all that it was asked meanwhile. */
  goOn(): void {
    this.#programs.at(-1)!.kill("SIGCONT");
  }

  /** Its end fails whatever still waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    await this.unmount();
    Deno.removeSync(this.#base, { recursive: true });
  }
}

/** The program that serves it. */
class HostProgram {
  readonly #child: Deno.ChildProcess;
  /** Ends it, also while this process itself waits for it. */
  readonly #end: Deno.ChildProcess;

  constructor(path: string, byte: number) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", HOST, path, `${byte}`],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#end = new Deno.Command("bash", {
      args: ["-c", `read -t ${LIFE} _ || kill -9 ${this.#child.pid}`],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Whether it could mount; waits for that. */
  async hasMounted(): Promise<boolean> {
    const reader = this.#child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return new TextDecoder().decode(value) === "mounted\n";
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Kills it, however it is. */
  async end(): Promise<void> {
    const writer = this.#end.stdin.getWriter();
    // It has ended where it was needed.
    await writer.write(Uint8Array.of(10)).catch(() => {});
    await writer.close().catch(() => {});
    await this.#end.status;
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}
