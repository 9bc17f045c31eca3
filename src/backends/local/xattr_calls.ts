import { hostError } from "../../base/host_error.ts";
import { decodeRaw } from "../../base/raw_names.ts";
import { FsError } from "../../vfs/errors.ts";
import type { SetXattrOption } from "../../vfs/file_system.ts";
import {
  MAX_XATTR_NAME,
  MAX_XATTR_NAMES,
  MAX_XATTR_VALUE,
} from "../../vfs/xattrs.ts";
import type { HostCalls } from "../common/host_calls.ts";
import { cString } from "./raw_calls.ts";

/** What Linux puts before the names of those that any user may set; of others clients hear nothing. */
const PREFIX = "user.";
/** The one that we keep with a file ourselves, the verifier of an exclusive create: clients neither see nor set it. */
export const OWN_XATTR = "nfs4.verifier";

/** Bytes for what most values and lists take. */
const USUAL_ROOM = 1024;
/** The longest value and the longest list of Linux. */
const MOST_ROOM = MAX_XATTR_VALUE;
const ERANGE = 34;
const ENOSYS = 38;
const ENODATA = 61;
const EOPNOTSUPP = 95;
const FLAGS: Readonly<Record<SetXattrOption, number>> = {
  either: 0,
  create: 1,
  replace: 2,
};

/** The host's extended attributes of users, which Deno has no words for: by libc. */
export class XattrCalls {
  readonly #calls: HostCalls;
  /** Whether a path is a link that leads to the file, as one of a pinned file is. */
  readonly #follows: boolean;
  #room = new Uint8Array(USUAL_ROOM);

  constructor(calls: HostCalls, options: { readonly follows: boolean }) {
    this.#calls = calls;
    this.#follows = options.follows;
  }

  /** Whether the file system has them that a folder is in. */
  areIn(path: string): boolean {
    const { libc, errno } = this.#calls;
    const name = cString(PREFIX + OWN_XATTR);
    if (libc.getxattr(cString(path), name, this.#room, 0n) >= 0) return true;
    const code = errno();
    return code !== EOPNOTSUPP && code !== ENOSYS;
  }

  /** The value of one, of what a path leads to; `undefined` where there is none. */
  get(path: string, name: string): Uint8Array | undefined {
    if (name === OWN_XATTR) return undefined;
    const { libc } = this.#calls;
    const get = this.#follows ? libc.getxattr : libc.lgetxattr;
    const [at, key] = [cString(path), nameOf(name)];
    return this.#fill(
      "getxattr",
      (room) => get(at, key, room, BigInt(room.length)),
    );
  }

  /** The names of what a path leads to that are UTF-8, as far as they are told. */
  list(path: string): string[] {
    const { libc } = this.#calls;
    const list = this.#follows ? libc.listxattr : libc.llistxattr;
    const at = cString(path);
    const bytes = this.#fill(
      "listxattr",
      (room) => list(at, room, BigInt(room.length)),
    );
    return decodeRaw(bytes ?? new Uint8Array()).split("\0")
      .filter((name) => name.startsWith(PREFIX) && name.isWellFormed())
      .map((name) => name.slice(PREFIX.length))
      .filter((name) => name !== "" && name !== OWN_XATTR)
      .slice(0, MAX_XATTR_NAMES);
  }

  /** Makes or replaces one. */
  set(
    path: string,
    { name, value, option }: {
      readonly name: string;
      readonly value: Uint8Array;
      readonly option: SetXattrOption;
    },
  ): void {
    if (name === OWN_XATTR) throw new FsError("permission");
    const { libc } = this.#calls;
    const set = this.#follows ? libc.setxattr : libc.lsetxattr;
    const result = set(
      cString(path),
      nameOf(name),
      value as Uint8Array<ArrayBuffer>,
      BigInt(value.length),
      FLAGS[option],
    );
    if (result !== 0) throw this.#error("setxattr");
  }

  /** Removes one. */
  remove(path: string, name: string): void {
    if (name === OWN_XATTR) throw new FsError("no-xattr");
    const { libc } = this.#calls;
    const remove = this.#follows ? libc.removexattr : libc.lremovexattr;
    const result = remove(cString(path), nameOf(name));
    if (result !== 0) throw this.#error("removexattr");
  }

  /** What a call fills in, in memory of its own; `undefined` where there is no such attribute. */
  #fill(
    call: string,
    fill: (room: Uint8Array<ArrayBuffer>) => number | bigint,
  ): Uint8Array | undefined {
    const room = this.#room;
    const size = Number(fill(room));
    if (size >= 0) return room.slice(0, size);
    const code = this.#calls.errno();
    if (code === ENODATA) return undefined;
    if (code === ERANGE && room.length < MOST_ROOM) {
      this.#room = new Uint8Array(MOST_ROOM);
      return this.#fill(call, fill);
    }
    throw hostError(code, call);
  }

  #error(call: string): Error {
    const code = this.#calls.errno();
    // Of a read it would be a fault of the disk.
    if (code === ENODATA) return new FsError("no-xattr");
    return hostError(code, call);
  }
}

/** A name as the host has it, for C. */
function nameOf(name: string): Uint8Array<ArrayBuffer> {
  const bytes = cString(PREFIX + name);
  if (bytes.length - 1 <= MAX_XATTR_NAME) return bytes;
  throw new FsError("name-too-long");
}
