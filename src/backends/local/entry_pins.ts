import { hostError } from "../../base/host_error.ts";
import fs from "node:fs";
import { constants } from "node:os";
import type { HostCalls } from "../common/host_calls.ts";

/** The number of openat2(2), on all architectures. */
const OPENAT2 = 437n;
const AT_FDCWD = -100;
/** A descriptor that only names a file. */
const O_PATH = 0x200000;
const O_CLOEXEC = 0x80000;
const RESOLVE_NO_XDEV = 0x01;
const { ENOENT, EXDEV } = constants.errno;

/** `struct open_how`: flags, mode, what may not be passed on the way. */
const how = new Uint8Array(
  new BigUint64Array([
    BigInt(O_PATH | O_CLOEXEC | fs.constants.O_NOFOLLOW),
    0n,
    BigInt(RESOLVE_NO_XDEV),
  ]).buffer,
);

/**
 * Descriptors of entries, had without a step into what is mounted there. Asked
 * for a stat, a file system that another user mounted refuses, and one whose
 * server is gone never answers: the whole of this server would wait for it.
 */
export class EntryPins {
  readonly #calls: HostCalls;

  private constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** `undefined` where there is no openat2: before Linux 5.6, or where a sandbox keeps it from us. */
  static of(calls: HostCalls): EntryPins | undefined {
    const pins = new EntryPins(calls);
    const fd = pins.#open(AT_FDCWD, Uint8Array.of(".".charCodeAt(0), 0));
    if (fd < 0) return undefined;
    calls.libc.close(fd);
    return pins;
  }

  /** Of the entry `name`, with a NUL behind it; `undefined` where there is none. */
  pin(
    folder: number,
    name: Uint8Array<ArrayBuffer>,
  ): number | "mounted" | undefined {
    const fd = this.#open(folder, name);
    if (fd >= 0) return fd;
    const errno = this.#calls.errno();
    if (errno === ENOENT) return undefined;
    if (errno === EXDEV) return "mounted";
    throw hostError(errno, "openat2");
  }

  #open(folder: number, name: Uint8Array<ArrayBuffer>): number {
    const size = BigInt(how.length);
    return this.#calls.libc.syscall(OPENAT2, folder, name, how, size);
  }
}
