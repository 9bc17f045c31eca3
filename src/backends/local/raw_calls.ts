import { hostError } from "../../base/host_error.ts";
import fs from "node:fs";
import { FsError } from "../../vfs/errors.ts";
import { decodeRaw, encodeRaw } from "../../base/raw_names.ts";
import type { HostName } from "./host.ts";
import type { HostCalls } from "../common/host_calls.ts";

const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const MAX_TARGET = 4096;
const { O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
/** The host's descriptor that only names a file. */
const O_PATH = 0x200000;

/** What is done by names that are no UTF-8, which Deno has no strings for: by libc. */
export class RawCalls {
  readonly #calls: HostCalls;
  readonly #libc: HostCalls["libc"];

  constructor(calls: HostCalls) {
    this.#calls = calls;
    this.#libc = calls.libc;
  }

  open(at: HostName, flags: number, mode = 0): number {
    const isNew = (flags & O_CREAT) !== 0;
    // Its maker must be able to open it again; it gets its mode later.
    const [how, bits] = isNew ? [O_CREAT | O_EXCL, mode | 0o600] : [O_PATH, 0];
    const [folder, path] = place(at);
    const fd = this.#libc.openat(folder, path, how | O_NOFOLLOW, bits);
    this.#check(fd, "openat");
    try {
      // Deno reads and writes through descriptors of its own only.
      const rest = flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW);
      return fs.openSync(`/proc/self/fd/${fd}`, rest);
    } finally {
      this.#libc.close(fd);
    }
  }

  makeFolder(at: HostName, mode: number): void {
    this.#check(this.#libc.mkdirat(...place(at), mode), "mkdirat");
  }

  makeSymlink(at: HostName, target: string): void {
    const [folder, path] = place(at);
    const result = this.#libc.symlinkat(cString(target), folder, path);
    this.#check(result, "symlinkat");
  }

  readLink(at: HostName): string {
    const target = new Uint8Array(MAX_TARGET);
    const [folder, path] = place(at);
    const length = Number(
      this.#libc.readlinkat(folder, path, target, BigInt(target.length)),
    );
    this.#check(length, "readlinkat");
    return decodeRaw(target.subarray(0, length));
  }

  link(from: HostName, to: HostName): void {
    const result = this.#libc.linkat(...place(from), ...place(to), 0);
    this.#check(result, "linkat");
  }

  rename(from: HostName, to: HostName): void {
    const result = this.#libc.renameat(...place(from), ...place(to));
    this.#check(result, "renameat");
  }

  remove(at: HostName, { folder }: { folder: boolean }): void {
    const flags = folder ? AT_REMOVEDIR : 0;
    this.#check(this.#libc.unlinkat(...place(at), flags), "unlinkat");
  }

  async removeFolderLater(at: HostName): Promise<void> {
    const name = place(at);
    const result = await this.#libc.unlinkat_later(...name, AT_REMOVEDIR);
    if (result < 0) throw unexplained(name);
  }

  async replaceFolderLater(from: HostName, to: HostName): Promise<void> {
    const [source, target] = [place(from), place(to)];
    const result = await this.#libc.renameat_later(...source, ...target);
    if (result < 0) throw unexplained(source, target);
  }

  #check(result: number, call: string): void {
    if (result < 0) throw hostError(this.#calls.errno(), call);
  }
}

/**
 * Why another thread could not take the name of a folder is that thread's to know, and
 * asked once more it would keep all clients waiting. As a rule there is something in
 * it. The names are used until here, or they could be collected.
 */
function unexplained(..._names: readonly unknown[]): FsError {
  return new FsError("not-empty", "or the host does not let it go");
}

/** A name as the calls that end in "at" take it. */
function place({ folder, name }: HostName): [number, Uint8Array<ArrayBuffer>] {
  return folder.fd >= 0
    ? [folder.fd, cString(name)]
    : [AT_FDCWD, cString(folder.prefix + name)];
}

/** For C, with a NUL behind it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return encodeRaw(`${text}\0`);
}
