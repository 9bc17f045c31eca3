import { writeBitmap } from "../bitmap.ts";
import type { AttributeRow } from "./row.ts";

/** What the server says of itself, and of the answer. */
export const SERVER_ATTRIBUTES: readonly AttributeRow[] = [
  {
    number: 0,
    name: "supported_attrs",
    reads: ["birthtime"],
    perFileSystem: true,
    get: (xdr, { supported }) => writeBitmap(xdr, supported),
  },
  {
    number: 10,
    name: "lease_time",
    get: (xdr, { leaseSeconds }) => xdr.uint32(leaseSeconds),
  },
  {
    number: 11,
    name: "rdattr_error",
    get: (xdr, { error }) => xdr.uint32(error),
  },
  {
    number: 30,
    name: "maxread",
    perFileSystem: true,
    get: (xdr, { maxRead }) => xdr.uint64Number(maxRead),
  },
  {
    number: 31,
    name: "maxwrite",
    perFileSystem: true,
    get: (xdr, { maxWrite }) => xdr.uint64Number(maxWrite),
  },
  {
    number: 75,
    name: "suppattr_exclcreat",
    reads: ["birthtime"],
    since: 1,
    perFileSystem: true,
    get: (xdr, { exclusive }) => writeBitmap(xdr, exclusive),
  },
];
