/**
 * What is compared with nfs-ganesha, and what is wanted of it: kinds of work, in
 * shapes (connections × slots), of each back end.
 *
 * @module
 */

import { type Fsal, Ganesha } from "./ganesha.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** A kind of work: the load generator's name and the transfer size in bytes. */
export interface Kind {
  readonly op: string;
  readonly size: number;
}

/** All kinds, by the names that the command line and the tables have for them. */
export const KINDS: Readonly<Record<string, Kind>> = {
  "null": { op: "null", size: 1 },
  "getattr": { op: "getattr", size: 1 },
  "access": { op: "access", size: 1 },
  "lookup": { op: "lookup", size: 1 },
  "openclose": { op: "openclose", size: 1 },
  "churn": { op: "churn", size: 1 },
  "create": { op: "create", size: 1 },
  "remove": { op: "remove", size: 1 },
  "readdir": { op: "readdir", size: 1 },
  "list": { op: "list", size: 1 },
  "read-4k": { op: "read", size: 4 * KIB },
  "read-64k": { op: "read", size: 64 * KIB },
  "read-1m": { op: "read", size: MIB },
  "write-4k": { op: "write", size: 4 * KIB },
  "write-64k": { op: "write", size: 64 * KIB },
  "write-1m": { op: "write", size: MIB },
  "wsync-4k": { op: "wsync", size: 4 * KIB },
  "wcommit-1m": { op: "wcommit", size: MIB },
};

/** The shapes that are measured unless others are asked for. */
export const SHAPES: readonly string[] = ["1x1", "4x8", "16x1"];

/** The least ratios ours/ganesha in operations a second: of each of {@linkcode SHAPES}, or of all. */
type Wanted = number | readonly (number | undefined)[];

/** One back end beside one of ganesha's. */
export interface Contest {
  readonly fsal: Fsal;
  /** What we export; `dir` is a folder for it, on the disk of ganesha's. */
  export(dir: string): string;
  /** What each side has on disk when it has answered. */
  readonly durability: string;
  /** Bytes of each file. */
  readonly fileSize: number;
  /** The kinds, and what is wanted of them. */
  readonly wanted: Readonly<Record<string, Wanted>>;
}

/** The contests, by the names of this server's back ends. */
export const CONTESTS: Readonly<Record<string, Contest>> = {
  memory: {
    fsal: "MEM",
    export: () => "/=memory:",
    durability: "nothing on either side",
    fileSize: Ganesha.maxMemFile,
    wanted: {
      "null": 1,
      "getattr": 1,
      "access": 1,
      "lookup": 1,
      "openclose": [1, 3, 1],
      "churn": [1, 4, 0.5],
      "readdir": [0.5, 3, 0.5],
      "read-4k": 0.5,
      "read-64k": [1.1, 0.5, 1.1],
      "read-1m": 0.5,
      "write-4k": 0.5,
      "write-64k": [1.1, 0.5, 1.1],
      "write-1m": 0.5,
    },
  },
  sqlite: {
    fsal: "VFS",
    export: (dir) => `/=sqlite:${dir}/store`,
    durability: "ours every change (fsync); " +
      "ganesha's FILE_SYNC4 and COMMIT only, not create and remove",
    fileSize: 4 * MIB,
    wanted: {
      "getattr": 1,
      "access": 1,
      "lookup": 1,
      "list": 1,
      "churn": [0.6, undefined, undefined],
      "create": [undefined, 1, undefined],
      "remove": [undefined, 1, undefined],
      "wsync-4k": [0.8, 1, undefined],
      "wcommit-1m": [undefined, undefined, undefined],
      "read-64k": 1,
    },
  },
  local: {
    fsal: "VFS",
    export: (dir) => `/=local:${Deno.makeTempDirSync({ dir })}`,
    durability: "ours every change (fsync, of the folder too); " +
      "ganesha's FILE_SYNC4 and COMMIT only, not create and remove",
    fileSize: 4 * MIB,
    wanted: {
      "getattr": [undefined, 3.5, undefined],
      "lookup": [1, undefined, 1.2],
      "openclose": [1, 2.5, undefined],
      "create": [undefined, 1.2, undefined],
      "churn": [1, 1.5, 1],
      "readdir": 1.5,
    },
  },
};

/** The least ratio that is wanted of a kind of work in a shape; undefined where it is only looked at. */
export function wantedOf(
  { wanted }: Contest,
  { kind, shape }: { readonly kind: string; readonly shape: string },
): number | undefined {
  const of = wanted[kind];
  return typeof of === "number" ? of : of?.[SHAPES.indexOf(shape)];
}
