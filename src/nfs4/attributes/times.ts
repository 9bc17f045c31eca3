import { hasMethod } from "../../vfs/changes.ts";
import type { Timestamp } from "../../vfs/file_system.ts";
import type { XdrWriter } from "../../xdr/writer.ts";
import * as decoders from "../attribute_decoders.ts";
import { type AttributeRow, canSet } from "./row.ts";

/** A second in nanoseconds. */
const SECOND = 1_000_000_000;
/** Nanoseconds, where FileSystemLimits does not say. */
const DELTA = 1;

/** The times of a file, and what of times can be kept. */
export const TIME_ATTRIBUTES: readonly AttributeRow[] = [
  {
    number: 15,
    name: "cansettime",
    perFileSystem: true,
    get: (xdr, { file }) => xdr.bool(hasMethod(file.export.fs, "setattr")),
  },
  {
    number: 47,
    name: "time_access",
    reads: ["atime"],
    get: (xdr, { attributes }) => time(xdr, attributes.atime),
  },
  {
    number: 48,
    name: "time_access_set",
    supported: canSet,
    set: decoders.timeAccess,
  },
  {
    number: 50,
    name: "time_create",
    reads: ["birthtime"],
    supported: ({ birthtime }) => birthtime,
    get: (xdr, { attributes }) => time(xdr, attributes.birthtime!),
    set: decoders.timeCreate,
  },
  {
    number: 51,
    name: "time_delta",
    perFileSystem: true,
    get: (xdr, { file }) => {
      const delta = file.export.fs.limits?.timeDelta ?? DELTA;
      const seconds = Math.floor(delta / SECOND);
      time(xdr, { seconds, nanoseconds: delta % SECOND });
    },
  },
  {
    number: 52,
    name: "time_metadata",
    reads: ["ctime"],
    get: (xdr, { attributes }) => time(xdr, attributes.ctime),
  },
  {
    number: 53,
    name: "time_modify",
    reads: ["mtime"],
    get: (xdr, { attributes }) => time(xdr, attributes.mtime),
  },
  {
    number: 54,
    name: "time_modify_set",
    supported: canSet,
    set: decoders.timeModify,
  },
  // RFC 9754
  {
    number: 84,
    name: "time_deleg_access",
    since: 2,
    supported: canSet,
    set: decoders.timeDelegAccess,
    setOnlyFor: "set",
  },
  {
    number: 85,
    name: "time_deleg_modify",
    since: 2,
    supported: canSet,
    set: decoders.timeDelegModify,
    setOnlyFor: "set",
  },
];

function time(xdr: XdrWriter, { seconds, nanoseconds }: Timestamp): void {
  xdr.int64Number(seconds);
  xdr.uint32(nanoseconds);
}
