import { hostError } from "../../base/host_error.ts";
import { accessListHolder } from "../../vfs/access_list.ts";
import type { Timestamp } from "../../vfs/file_system.ts";
import type { HostCalls } from "../common/host_calls.ts";
import { type HostStat, typeOfMode } from "./host.ts";

const AT_NO_AUTOMOUNT = 0x800;
const STATX_BASIC_AND_BIRTH = 0xfff;
const STATX_BTIME = 0x800;
const STATX_ATTR_MOUNT_ROOT = 0x2000;
const ENOENT = 2;

/** What statx(2) tells of files. */
export class Statx {
  readonly #calls: HostCalls;
  readonly #result = new Uint8Array(256);
  readonly #words = new Uint32Array(this.#result.buffer);

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** Of the entry `name`, with a NUL behind it; `undefined` where there is none. */
  of(fd: number, name: Uint8Array, flags: number): HostStat | undefined {
    const result = this.#calls.libc.statx(
      fd,
      name as Uint8Array<ArrayBuffer>,
      flags | AT_NO_AUTOMOUNT,
      STATX_BASIC_AND_BIRTH,
      this.#result,
    );
    if (result !== 0) {
      const errno = this.#calls.errno();
      if (errno === ENOENT) return undefined;
      throw hostError(errno, "statx");
    }
    return this.#parse();
  }

  /** `struct statx` as the kernel lays it out, in words of 32 bits. */
  #parse(): HostStat {
    const w = this.#words;
    const mode = w[7]! & 0xffff;
    const type = typeOfMode(mode);
    return {
      type,
      mode: mode & 0o7777,
      nlink: w[4]!,
      uid: w[5]!,
      gid: w[6]!,
      size: exact(w[10]! + w[11]! * 0x1_0000_0000),
      used: exact((w[12]! + w[13]! * 0x1_0000_0000) * 512),
      fileid: inodeNumber(w[8]!, w[9]!),
      rdev: type === "block-device" || type === "character-device"
        ? { major: w[32]!, minor: w[33]! }
        : undefined,
      change: 0,
      atime: time(w, 16),
      mtime: time(w, 28),
      ctime: time(w, 24),
      birthtime: w[0]! & STATX_BTIME ? time(w, 20) : undefined,
      device: w[34]! * 0x10_0000 + w[35]!,
      mountRoot: (w[2]! & STATX_ATTR_MOUNT_ROOT) !== 0,
      [accessListHolder]: undefined,
    };
  }
}

/**
 * FileAttributes wants safe integers. What stacked file systems set in the upper 11
 * bits, to tell their parts from each other, is folded into bits that others leave
 * free.
 */
export function inodeNumber(low: number, high: number): number {
  const folded = (high & 0x1fffff) ^ ((high >>> 21) << 10);
  return low + folded * 0x1_0000_0000;
}

function time(words: Uint32Array, at: number): Timestamp {
  return {
    seconds: exact(words[at]! + (words[at + 1]! | 0) * 0x1_0000_0000),
    nanoseconds: words[at + 2]!,
  };
}

/**
 * FileAttributes wants safe integers, and an owner of a file may set its size and
 * times beyond them (tmpfs, XFS): what is too far off counts as the farthest.
 */
function exact(value: number): number {
  const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number;
  return Math.max(MIN_SAFE_INTEGER, Math.min(value, MAX_SAFE_INTEGER));
}
