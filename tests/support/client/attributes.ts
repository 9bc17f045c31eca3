/**
 * The client's own table of attributes (RFC 7530 5, RFC 8881 5, RFC 7862 12,
 * RFC 8276 8.3, RFC 9754): written from the RFCs, apart from the server's, so that one
 * mistake is not made on both sides.
 */

import { XdrReader } from "../../../src/xdr/reader.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";

const MAX = 1 << 20;

/** How one type of value goes over the wire. */
interface Codec<T> {
  read(xdr: XdrReader): T;
  write(xdr: XdrWriter, value: T): void;
}

/** nfstime4. */
export interface Time {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** nfsace4 (RFC 8881 6.2.1). */
export interface Ace {
  readonly type: number;
  readonly flag: number;
  readonly mask: number;
  readonly who: string;
}

const u32: Codec<number> = {
  read: (xdr) => xdr.uint32(),
  write: (xdr, value) => xdr.uint32(value),
};
const u64: Codec<bigint> = {
  read: (xdr) => xdr.uint64(),
  write: (xdr, value) => xdr.uint64(value),
};
const bool: Codec<boolean> = {
  read: (xdr) => xdr.bool(),
  write: (xdr, value) => xdr.bool(value),
};
const text: Codec<string> = {
  read: (xdr) => xdr.string(MAX),
  write: (xdr, value) => xdr.string(value),
};
const opaque: Codec<Uint8Array> = {
  read: (xdr) => xdr.opaque(MAX).slice(),
  write: (xdr, value) => xdr.opaque(value),
};
/** nfstime4 (RFC 8881 3.3.1): a nanosecond is below 1,000,000,000. */
const time: Codec<Time> = {
  read(xdr) {
    const value = { seconds: xdr.int64(), nanoseconds: xdr.uint32() };
    if (value.nanoseconds >= 1_000_000_000) {
      throw new Error(`nfstime4 with ${value.nanoseconds} nanoseconds`);
    }
    return value;
  },
  write(xdr, value) {
    xdr.uint64(BigInt.asUintN(64, value.seconds));
    xdr.uint32(value.nanoseconds);
  },
};
/** settime4: a time, or the server's clock. */
const setTime: Codec<Time | "server"> = {
  read: (xdr) => xdr.discriminant(1) === 1 ? time.read(xdr) : "server",
  write(xdr, value) {
    xdr.uint32(value === "server" ? 0 : 1);
    if (value !== "server") time.write(xdr, value);
  },
};
/** bitmap4 as the sorted numbers of its bits. */
export const bitmap: Codec<readonly number[]> = {
  read(xdr) {
    const numbers: number[] = [];
    xdr.array(8, (xdr) => xdr.uint32()).forEach((word, index) => {
      for (let bit = 0; bit < 32; bit++) {
        if ((word >>> bit) & 1) numbers.push(index * 32 + bit);
      }
    });
    return numbers;
  },
  write(xdr, numbers) {
    const words: number[] = [];
    for (const number of numbers) {
      const index = number >>> 5;
      while (words.length <= index) words.push(0);
      words[index] = (words[index]! | (1 << (number & 31))) >>> 0;
    }
    xdr.array(words, (xdr, word) => xdr.uint32(word));
  },
};

function list<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    read: (xdr) => xdr.array(65536, element.read),
    write: (xdr, values) => xdr.array(values, element.write),
  };
}

/** A struct: its fields in the order of the wire. */
// deno-lint-ignore no-explicit-any
function struct<T extends Record<string, Codec<any>>>(
  fields: T,
): Codec<{ [K in keyof T]: T[K] extends Codec<infer V> ? V : never }> {
  const entries = Object.entries(fields);
  return {
    read(xdr) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) value[name] = codec.read(xdr);
      return value as never;
    },
    write(xdr, value) {
      for (const [name, codec] of entries) codec.write(xdr, value[name]);
    },
  };
}

/** fsid4 and chg_policy4 and specdata4: pairs. */
const fsid = struct({ major: u64, minor: u64 });
const device = struct({ major: u32, minor: u32 });
/** open_arguments4 (RFC 9754). */
const openArguments = struct({
  access: bitmap,
  deny: bitmap,
  wanted: bitmap,
  claims: bitmap,
  creates: bitmap,
});
/** nfsace4. */
export const ace: Codec<Ace> = struct({
  type: u32,
  flag: u32,
  mask: u32,
  who: text,
});
const acl41 = struct({ flag: u32, aces: list(ace) });
const path = list(text);
const locations = struct({
  root: path,
  locations: list(struct({ server: list(text), rootpath: path })),
});
const modeMasked = struct({ value: u32, mask: u32 });
const modeUmask = struct({ mode: u32, umask: u32 });
const label = struct({ lfs: u32, pi: u32, data: opaque });

/** Number and type of each attribute. */
const rows = {
  supported_attrs: [0, bitmap],
  type: [1, u32],
  fh_expire_type: [2, u32],
  change: [3, u64],
  size: [4, u64],
  link_support: [5, bool],
  symlink_support: [6, bool],
  named_attr: [7, bool],
  fsid: [8, fsid],
  unique_handles: [9, bool],
  lease_time: [10, u32],
  rdattr_error: [11, u32],
  acl: [12, list(ace)],
  aclsupport: [13, u32],
  archive: [14, bool],
  cansettime: [15, bool],
  case_insensitive: [16, bool],
  case_preserving: [17, bool],
  chown_restricted: [18, bool],
  filehandle: [19, opaque],
  fileid: [20, u64],
  files_avail: [21, u64],
  files_free: [22, u64],
  files_total: [23, u64],
  fs_locations: [24, locations],
  hidden: [25, bool],
  homogeneous: [26, bool],
  maxfilesize: [27, u64],
  maxlink: [28, u32],
  maxname: [29, u32],
  maxread: [30, u64],
  maxwrite: [31, u64],
  mimetype: [32, text],
  mode: [33, u32],
  no_trunc: [34, bool],
  numlinks: [35, u32],
  owner: [36, text],
  owner_group: [37, text],
  quota_avail_hard: [38, u64],
  quota_avail_soft: [39, u64],
  quota_used: [40, u64],
  rawdev: [41, device],
  space_avail: [42, u64],
  space_free: [43, u64],
  space_total: [44, u64],
  space_used: [45, u64],
  system: [46, bool],
  time_access: [47, time],
  time_access_set: [48, setTime],
  time_backup: [49, time],
  time_create: [50, time],
  time_delta: [51, time],
  time_metadata: [52, time],
  time_modify: [53, time],
  time_modify_set: [54, setTime],
  mounted_on_fileid: [55, u64],
  dir_notif_delay: [56, time],
  dirent_notif_delay: [57, time],
  dacl: [58, acl41],
  sacl: [59, acl41],
  change_policy: [60, fsid],
  fs_layout_types: [62, list(u32)],
  layout_types: [64, list(u32)],
  layout_blksize: [65, u32],
  layout_alignment: [66, u32],
  retention_hold: [73, u64],
  mode_set_masked: [74, modeMasked],
  suppattr_exclcreat: [75, bitmap],
  fs_charset_cap: [76, u32],
  clone_blksize: [77, u32],
  space_freed: [78, u64],
  change_attr_type: [79, u32],
  sec_label: [80, label],
  mode_umask: [81, modeUmask],
  xattr_support: [82, bool],
  time_deleg_access: [84, time],
  time_deleg_modify: [85, time],
  open_arguments: [86, openArguments],
} as const;

/** Name of an attribute as in the RFC. */
export type AttributeName = keyof typeof rows;

/** Values by name; which are there depends on what was asked and supported. */
export type Attributes = {
  -readonly [N in AttributeName]?: (typeof rows)[N][1] extends Codec<infer V>
    ? V
    : never;
};

/** A fattr4 with whatever bits and bytes a test wants in it. */
export interface RawAttributes {
  /** Attribute numbers in the bitmap. */
  readonly mask: readonly number[];
  /** Content of attr_vals. */
  readonly values: Uint8Array;
}

const byNumber = new Map<number, AttributeName>(
  Object.entries(rows).map((
    [name, [number]],
  ) => [number, name as AttributeName]),
);

/** Attribute number of a name. */
export function attributeNumber(name: AttributeName): number {
  return rows[name][0];
}

/** Name of an attribute number, if it has one here. */
export function attributeName(number: number): AttributeName | undefined {
  return byNumber.get(number);
}

/** Names or numbers of attributes as the numbers of a bitmap4. */
export function attributeNumbers(
  attributes: readonly (AttributeName | number)[],
): number[] {
  return attributes.map((attribute) =>
    typeof attribute === "number" ? attribute : attributeNumber(attribute)
  );
}

/** Writes a fattr4: the values in the order of their numbers (RFC 8881 3.3.9). */
export function writeAttributes(
  xdr: XdrWriter,
  attributes: Attributes | RawAttributes,
): void {
  if ("mask" in attributes) {
    bitmap.write(xdr, attributes.mask);
    xdr.opaque(attributes.values);
    return;
  }
  const names = (Object.keys(attributes) as AttributeName[])
    .filter((name) => attributes[name] !== undefined)
    .sort((a, b) => rows[a][0] - rows[b][0]);
  bitmap.write(xdr, names.map(attributeNumber));
  const values = new XdrWriter();
  for (const name of names) {
    (rows[name][1] as Codec<unknown>).write(values, attributes[name]);
  }
  xdr.opaque(values.subarray());
}

/** Reads a fattr4: each value that the bitmap names, and not a byte more. */
export function readAttributes(xdr: XdrReader): Attributes {
  const numbers = bitmap.read(xdr);
  const values = new XdrReader(xdr.opaque(MAX));
  const attributes: Record<string, unknown> = {};
  for (const number of numbers) {
    const name = byNumber.get(number);
    if (name === undefined) throw new Error(`attribute ${number} in a fattr4`);
    if (name === "time_access_set" || name === "time_modify_set") {
      throw new Error(`${name} is write-only and in a reply`);
    }
    attributes[name] = rows[name][1].read(values);
  }
  if (values.remaining > 0) {
    throw new Error(`${values.remaining} bytes behind the last attribute`);
  }
  return attributes as Attributes;
}
