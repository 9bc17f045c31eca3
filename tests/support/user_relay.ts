/**
 * A relay that another user runs: whoever connects to it speaks to the server
 * through that user's socket. Run as a program, it is the relay itself.
 */
const SELF = new URL(import.meta.url).pathname;

/** Whether a test may run a relay as another user: it is root's, and these sources can be read by all. */
export const canRelay: boolean = (() => {
  const may = (["run", "read", "write", "sys"] as const)
    .every((name) => Deno.permissions.querySync({ name }).state === "granted");
  if (!may || Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  return new Deno.Command("cat", {
    args: [SELF],
    uid: 65534,
    gid: 65534,
    stdout: "null",
    stderr: "null",
  }).outputSync().success;
})();

/** The relay, as its starter sees it. */
export class UserRelay implements AsyncDisposable {
  /** Where to connect in place of the server. */
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #directory: string;

  private constructor(
    port: number,
    child: Deno.ChildProcess,
    directory: string,
  ) {
    this.port = port;
    this.#child = child;
    this.#directory = directory;
  }

  /** Starts a relay to a port of loopback, as a user. */
  static async start(port: number, uid: number): Promise<UserRelay> {
    const directory = Deno.makeTempDirSync();
    Deno.chownSync(directory, uid, uid);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", "--no-config", SELF, String(port)],
      env: { DENO_DIR: directory, HOME: directory },
      uid,
      gid: uid,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    const own = Number(new TextDecoder().decode(value));
    return new UserRelay(own, child, directory);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.stdout.cancel();
    await this.#child.status;
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

async function relay(conn: Deno.Conn, port: number): Promise<void> {
  const server = await Deno.connect({ hostname: "127.0.0.1", port });
  await Promise.allSettled([
    conn.readable.pipeTo(server.writable),
    server.readable.pipeTo(conn.writable),
  ]);
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  for await (const conn of listener) relay(conn, Number(Deno.args[0]));
}
