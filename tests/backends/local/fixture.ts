import type { Host } from "../../../src/backends/local/host.ts";
import { openHostCalls } from "../../../src/backends/common/host_calls.ts";
import { LinuxHost } from "../../../src/backends/local/linux_host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { local } from "../../../src/backends/local/mod.ts";
import type { HostedOptions } from "../../../src/backends/local/options.ts";
import { PortableHost } from "../../../src/backends/local/portable_host.ts";
import {
  type FileSystem,
  FsError,
  type FsErrorCode,
} from "../../../src/vfs/mod.ts";

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
  fs: HostedFileSystem;
  readonly #base: string;
  readonly #options: HostedOptions;

  /** Where the host has temporary files, unless that is said. */
  constructor(options: HostedOptions = {}, where: Deno.MakeTempOptions = {}) {
    this.#base = Deno.makeTempDirSync(where);
    this.path = `${this.#base}/export`;
    this.outside = `${this.#base}/outside`;
    Deno.mkdirSync(this.path);
    Deno.mkdirSync(this.outside);
    this.#options = options;
    this.fs = serve(this.path, options);
  }

  /** The same folder after a restart of the server. */
  async restart(options: HostedOptions = this.#options): Promise<void> {
    await this.fs.dispose();
    this.fs = serve(this.path, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose();
    Deno.removeSync(this.#base, { recursive: true });
  }
}

/** What `local` makes, with its own type of nodes. */
function serve(path: string, options: HostedOptions): HostedFileSystem {
  if (options.clock !== undefined) {
    const host = makeHost(options.ffi ?? true);
    return new HostedFileSystem(host, Deno.realPathSync(path), options);
  }
  const fs = local(path, options);
  if (fs instanceof HostedFileSystem) return fs;
  throw new Error("local makes something else");
}

/** Registers a test for the host with libc and for the one without. */
export function testBothHosts(
  name: string,
  run: (make: (options?: HostedOptions) => Sandbox) => Promise<void>,
): void {
  for (const ffi of [true, false]) {
    Deno.test({
      name: `local, ${ffi ? "libc" : "no libc"}: ${name}`,
      ignore: noFolder || (ffi && !hasFfi),
      fn: () => run((options) => new Sandbox({ ffi, ...options })),
    });
  }
}

/** The host as `local` would choose it. */
export function makeHost(ffi: boolean): Host {
  const calls = ffi ? openHostCalls() : undefined;
  return calls === undefined ? new PortableHost() : new LinuxHost(calls);
}

/** A host without /proc, where paths have to do. */
export class PlainHost extends PortableHost {
  override readonly pinsFolders: boolean = false;
}

/** Whether folders are pinned there, which makes it safe in a race. */
makeHost.can = (ffi: boolean): boolean =>
  Deno.build.os === "linux" && (hasFfi || !ffi);

/** Attributes of what a test creates: its own. */
export const attributes: { mode: number; uid: number; gid: number } = {
  mode: 0o644,
  uid: noFolder ? 0 : Deno.uid() ?? 0,
  gid: noFolder ? 0 : Deno.gid() ?? 0,
};

/** The code of the {@linkcode FsError} that `act` fails with. */
export async function codeOf(act: () => unknown): Promise<FsErrorCode> {
  try {
    await act();
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
  throw new Error("expected a refusal");
}

/** All names of a folder, page by page: a page may end with its turn. */
export async function namesIn<Node extends object>(
  fs: Pick<FileSystem<Node>, "root" | "readdir">,
  folder: Node = fs.root(),
): Promise<string[]> {
  const names: string[] = [];
  let cookie = 0;
  while (true) {
    const { entries, end } = await fs.readdir(folder, cookie, 100);
    for (const entry of entries) {
      names.push(entry.name);
      cookie = entry.cookie;
    }
    if (end) return names.sort();
  }
}

/** Descriptors of files of a folder that have no name any more. */
export function deletedIn(
  { path }: { readonly path: string },
): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const names = [...Deno.readDirSync("/proc/self/fd")];
  return names.filter(({ name }) => isDeleted(name, path)).length;
}

/** What only Linux tells. */
export function onLinux(count: number): number | undefined {
  return Deno.build.os === "linux" ? count : undefined;
}

/** Whether a descriptor is of a regular file of a folder that has no name any more. */
function isDeleted(fd: string, folder: string): boolean {
  try {
    const path = Deno.readLinkSync(`/proc/self/fd/${fd}`);
    return path.startsWith(folder) && path.endsWith(" (deleted)") &&
      Deno.statSync(`/proc/self/fd/${fd}`).isFile;
  } catch {
    return false;
  }
}
