import type {
  FileAttributes,
  FileType,
  Timestamp,
  WantedAttributes,
} from "../../../vfs/file_system.ts";
import { wantedOnly } from "../../../vfs/wanted.ts";

/** Numbers that attributes are sent as: a clone of so many objects would cost more than the host's call. */
export const ATTRIBUTE_COLUMNS = 19;

const TYPES: readonly FileType[] = [
  "file",
  "directory",
  "symlink",
  "fifo",
  "socket",
  "block-device",
  "character-device",
];

/** Bit by bit. */
const NAMES = [
  "type",
  "mode",
  "nlink",
  "uid",
  "gid",
  "size",
  "used",
  "fileid",
  "rdev",
  "change",
  "atime",
  "mtime",
  "ctime",
  "birthtime",
] as const satisfies readonly (keyof FileAttributes)[];

/** All are wanted. */
const ALL = 2 ** NAMES.length - 1;

/** Attributes that are wanted, as bits. */
export function wantedBits(wanted: WantedAttributes | undefined): number {
  if (wanted === undefined) return ALL;
  return NAMES.reduce(
    (bits, name, i) => wanted[name] ? bits | (1 << i) : bits,
    0,
  );
}

/** The same the other way: one object for the same bits, by which parts of folders are kept. */
export class WantedByBits {
  readonly #known = new Map<number, WantedAttributes>();

  /** Those of these bits; `undefined` for all. */
  of(bits: number): WantedAttributes | undefined {
    if (bits === ALL) return undefined;
    let wanted = this.#known.get(bits);
    if (wanted === undefined) {
      wanted = wantedOnly(NAMES.filter((_, i) => (bits & (1 << i)) !== 0));
      this.#known.set(bits, wanted);
    }
    return wanted;
  }
}

/** Puts attributes into a row of numbers, from `at` on. */
export function putAttributes(
  row: Float64Array,
  at: number,
  attributes: FileAttributes,
): void {
  const { rdev } = attributes;
  row[at] = TYPES.indexOf(attributes.type);
  row[at + 1] = attributes.mode;
  row[at + 2] = attributes.nlink;
  row[at + 3] = attributes.uid;
  row[at + 4] = attributes.gid;
  row[at + 5] = attributes.size;
  row[at + 6] = attributes.used;
  row[at + 7] = attributes.fileid;
  // Both are of 32 bits.
  row[at + 8] = rdev === undefined ? NaN : rdev.major;
  row[at + 9] = rdev === undefined ? NaN : rdev.minor;
  row[at + 10] = attributes.change;
  putTime(row, at + 11, attributes.atime);
  putTime(row, at + 13, attributes.mtime);
  putTime(row, at + 15, attributes.ctime);
  putTime(row, at + 17, attributes.birthtime);
}

/** The attributes in a row. */
export function takeAttributes(row: Float64Array, at: number): FileAttributes {
  return {
    type: TYPES[row[at]!]!,
    mode: row[at + 1]!,
    nlink: row[at + 2]!,
    uid: row[at + 3]!,
    gid: row[at + 4]!,
    size: row[at + 5]!,
    used: row[at + 6]!,
    fileid: row[at + 7]!,
    rdev: Number.isNaN(row[at + 8]!)
      ? undefined
      : { major: row[at + 8]!, minor: row[at + 9]! },
    change: row[at + 10]!,
    atime: takeTime(row, at + 11)!,
    mtime: takeTime(row, at + 13)!,
    ctime: takeTime(row, at + 15)!,
    birthtime: takeTime(row, at + 17),
  };
}

function putTime(
  row: Float64Array,
  at: number,
  time: Timestamp | undefined,
): void {
  row[at] = time === undefined ? NaN : time.seconds;
  row[at + 1] = time === undefined ? NaN : time.nanoseconds;
}

function takeTime(row: Float64Array, at: number): Timestamp | undefined {
  const seconds = row[at]!;
  return Number.isNaN(seconds)
    ? undefined
    : { seconds, nanoseconds: row[at + 1]! };
}
