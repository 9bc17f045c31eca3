import { hostError } from "../../base/host_error.ts";
import { NO_ID } from "../../base/option_values.ts";
import type { AccessList } from "../../vfs/access_list.ts";
import { FsError } from "../../vfs/errors.ts";
import type { HostCalls } from "../common/host_calls.ts";
import { cString } from "./raw_calls.ts";

/** The list of a file, and the one that a folder gives to what is made in it. */
export type AclKind = "access" | "default";

const NAMES = {
  access: cString("system.posix_acl_access"),
  default: cString("system.posix_acl_default"),
} as const satisfies Record<AclKind, Uint8Array>;

/** Bytes for the lists that there are, of some hundred entries. */
const USUAL_ROOM = 1024;
/** The longest extended attribute of Linux: the host makes as much room, which takes it long. */
const MOST_ROOM = 65_536;
const ERANGE = 34;
const ENODATA = 61;
const ENOSYS = 38;
const EOPNOTSUPP = 95;
/** How Linux lays a list out: a version, and entries of a tag, permission bits and a number. */
const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;
const Tag = {
  USER_OBJ: 0x01,
  USER: 0x02,
  GROUP_OBJ: 0x04,
  GROUP: 0x08,
  MASK: 0x10,
  OTHER: 0x20,
} as const;

/** The host's POSIX access lists, which Deno has no words for: by libc. */
export class AclCalls {
  readonly #calls: HostCalls;
  #value = new Uint8Array(USUAL_ROOM);

  constructor(calls: HostCalls) {
    this.#calls = calls;
  }

  /** The list of what a path leads to; `undefined` where it has none, "unknown" where its file system has no lists. */
  read(
    path: string,
    kind: AclKind,
    options: { readonly follow: boolean },
  ): AccessList | "unknown" | undefined {
    const { libc, errno } = this.#calls;
    const get = options.follow ? libc.getxattr : libc.lgetxattr;
    const name = NAMES[kind];
    const room = this.#value.length;
    const size = Number(get(cString(path), name, this.#value, BigInt(room)));
    if (size >= 0) return parse(this.#value.subarray(0, size));
    const code = errno();
    if (code === ENODATA) return undefined;
    if (code === ERANGE && room < MOST_ROOM) {
      this.#value = new Uint8Array(MOST_ROOM);
      return this.read(path, kind, options);
    }
    if (code === EOPNOTSUPP || code === ENOSYS) return "unknown";
    throw hostError(code, "getxattr");
  }

  /** Sets the list of what a path leads to, or takes away the one that it has. */
  write(
    path: string,
    { kind, list, follow }: {
      readonly kind: AclKind;
      readonly list: AccessList | undefined;
      readonly follow: boolean;
    },
  ): void {
    const { libc, errno } = this.#calls;
    const [at, name] = [cString(path), NAMES[kind]];
    if (list === undefined) {
      const remove = follow ? libc.removexattr : libc.lremovexattr;
      const isGone = remove(at, name) === 0 || errno() === ENODATA;
      if (!isGone) throw hostError(errno(), "removexattr");
      return;
    }
    const set = follow ? libc.setxattr : libc.lsetxattr;
    const bytes = layOut(list);
    if (set(at, name, bytes, BigInt(bytes.length), 0) === 0) return;
    throw hostError(errno(), "setxattr");
  }
}

/** A list as Linux has it: by tags, and those of one tag by their numbers. */
function layOut(list: AccessList): Uint8Array<ArrayBuffer> {
  const named = (tag: number, all: ReadonlyMap<number, number>) =>
    [...all].sort(([a], [b]) => a - b)
      .map(([id, bits]) => [tag, bits, id] as const);
  const isLong = list.users.size + list.groups.size > 0;
  const entries = [
    [Tag.USER_OBJ, list.owner, NO_ID] as const,
    ...named(Tag.USER, list.users),
    [Tag.GROUP_OBJ, list.group, NO_ID] as const,
    ...named(Tag.GROUP, list.groups),
    ...isLong ? [[Tag.MASK, list.mask, NO_ID] as const] : [],
    [Tag.OTHER, list.other, NO_ID] as const,
  ];
  const bytes = new Uint8Array(HEADER + entries.length * ENTRY);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION, true);
  entries.forEach(([tag, bits, id], i) => {
    const at = HEADER + i * ENTRY;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, bits, true);
    view.setUint32(at + 4, id, true);
  });
  return bytes;
}

function parse(bytes: Uint8Array): AccessList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER || view.getUint32(0, true) !== VERSION) {
    throw new FsError("io", "an access list of another version");
  }
  const users = new Map<number, number>();
  const groups = new Map<number, number>();
  let [owner, group, mask, other] = [0, 0, 7, 0];
  for (let at = HEADER; at + ENTRY <= bytes.length; at += ENTRY) {
    const bits = view.getUint16(at + 2, true);
    const id = view.getUint32(at + 4, true);
    switch (view.getUint16(at, true)) {
      case Tag.USER_OBJ:
        owner = bits;
        break;
      case Tag.USER:
        users.set(id, bits);
        break;
      case Tag.GROUP_OBJ:
        group = bits;
        break;
      case Tag.GROUP:
        groups.set(id, bits);
        break;
      case Tag.MASK:
        mask = bits;
        break;
      case Tag.OTHER:
        other = bits;
    }
  }
  return { owner, users, group, groups, mask, other };
}
