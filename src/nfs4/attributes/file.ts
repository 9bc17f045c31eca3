import type { FileType } from "../../vfs/file_system.ts";
import * as decoders from "../attribute_decoders.ts";
import type { AttributeRow } from "./row.ts";

/** NF4ATTRDIR and NF4NAMEDATTR (RFC 8881 5.8.1.2). */
const ATTRIBUTE_TYPE = { folder: 8, attribute: 9 } as const;
/** The other types of nfs_ftype4. */
const FILE_TYPE: Readonly<Record<FileType, number>> = {
  "file": 1,
  "directory": 2,
  "block-device": 3,
  "character-device": 4,
  "symlink": 5,
  "socket": 6,
  "fifo": 7,
};

/** What a file is: its type, size and numbers. */
export const FILE_ATTRIBUTES: readonly AttributeRow[] = [
  {
    number: 1,
    name: "type",
    reads: ["type"],
    get: (xdr, { attributes: { type }, file }) =>
      xdr.uint32(
        file.export.bearers === undefined
          ? FILE_TYPE[type]
          : ATTRIBUTE_TYPE[type === "directory" ? "folder" : "attribute"],
      ),
  },
  {
    number: 3,
    name: "change",
    reads: ["change"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.change),
  },
  {
    number: 4,
    name: "size",
    reads: ["size"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.size),
    set: decoders.size,
  },
  {
    number: 7,
    name: "named_attr",
    needs: "named attributes",
    get: (xdr, { hasNamedAttributes }) => xdr.bool(hasNamedAttributes),
  },
  {
    number: 8,
    name: "fsid",
    get: (xdr, { file }) => {
      const { major, minor } = file.export.fsid;
      xdr.uint64Number(major);
      xdr.uint64Number(minor);
    },
  },
  {
    number: 19,
    name: "filehandle",
    get: (xdr, { file }) => xdr.opaque(file.handle),
  },
  {
    number: 20,
    name: "fileid",
    reads: ["fileid"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.fileid),
  },
  {
    number: 35,
    name: "numlinks",
    reads: ["nlink"],
    get: (xdr, { attributes }) => xdr.uint32(attributes.nlink),
  },
  {
    number: 41,
    name: "rawdev",
    reads: ["rdev"],
    get: (xdr, { attributes }) => {
      xdr.uint32(attributes.rdev?.major ?? 0);
      xdr.uint32(attributes.rdev?.minor ?? 0);
    },
  },
  {
    number: 45,
    name: "space_used",
    reads: ["used"],
    get: (xdr, { attributes }) => xdr.uint64Number(attributes.used),
  },
  {
    number: 55,
    name: "mounted_on_fileid",
    reads: ["fileid", "type"],
    get: (xdr, { mountedOnFileid }) => xdr.uint64Number(mountedOnFileid),
  },
];
