import type { FileType } from "../../vfs/file_system.ts";
import * as decoders from "../attribute_decoders.ts";
import type { AttributeRow } from "./row.ts";

/** nfs_ftype4 (RFC 8881 5.8.1.2). */
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
    get: (xdr, { attributes }) => xdr.uint32(FILE_TYPE[attributes.type]),
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
  { number: 7, name: "named_attr", get: (xdr) => xdr.bool(false) },
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
