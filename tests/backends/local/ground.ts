import {
  local,
  type LocalFileSystem,
  type LocalOptions,
} from "../../../src/backends/local/mod.ts";

/** These tests need a folder of the host. */
export const noFolder: boolean =
  Deno.permissions.querySync({ name: "write" }).state !== "granted" ||
  Deno.permissions.querySync({ name: "read" }).state !== "granted";

/** Whether libc can be called. */
export const hasFfi: boolean = Deno.build.os === "linux" &&
  Deno.permissions.querySync({ name: "ffi" }).state === "granted";

/** Whether this process may give files away and make devices. */
export const isRoot: boolean = !noFolder && hasFfi && Deno.uid() === 0;

/** A folder of the host with one file system after the other on it. */
export class Sandbox implements AsyncDisposable {
  /** What is served. */
  readonly path: string;
  /** Beside it, not served. */
  readonly outside: string;
  /** The file system. */
  fs: LocalFileSystem;
  readonly #base: string;
  readonly #options: LocalOptions;

  constructor(options: LocalOptions = {}) {
    this.#base = Deno.makeTempDirSync();
    this.path = `${this.#base}/export`;
    this.outside = `${this.#base}/outside`;
    Deno.mkdirSync(this.path);
    Deno.mkdirSync(this.outside);
    this.#options = options;
    this.fs = local(this.path, options);
  }

  /** The same folder after a restart of the server. */
  async restart(options: LocalOptions = this.#options): Promise<void> {
    await this.fs.dispose();
    this.fs = local(this.path, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose();
    Deno.removeSync(this.#base, { recursive: true });
  }
}

/** Registers a test for the host with libc and for the one without. */
export function testBothHosts(
  name: string,
  run: (make: (options?: LocalOptions) => Sandbox) => Promise<void>,
): void {
  for (const ffi of [true, false]) {
    Deno.test({
      name: `local, ${ffi ? "libc" : "no libc"}: ${name}`,
      ignore: noFolder || (ffi && !hasFfi),
      fn: () => run((options) => new Sandbox({ ffi, ...options })),
    });
  }
}
