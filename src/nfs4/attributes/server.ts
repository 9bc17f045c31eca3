import { Bitmap, writeBitmap } from "../bitmap.ts";
import type { AttributeRow } from "./row.ts";

/** What of the arguments of OPEN is known, a bit for each value, in the order of open_arguments4. */
const OPEN_ARGUMENTS = [
  // OPEN4_SHARE_ACCESS_READ, _WRITE, _BOTH
  [1, 2, 3],
  // OPEN4_SHARE_DENY_NONE, _READ, _WRITE, _BOTH
  [0, 1, 2, 3],
  // OPEN4_SHARE_ACCESS_WANT_ANY_DELEG, _NO_DELEG, _CANCEL, _DELEG_TIMESTAMPS,
  // _OPEN_XOR_DELEGATION: clients are not told later that they could have one.
  [3, 4, 5, 20, 21],
  // CLAIM_NULL, _PREVIOUS, _DELEGATE_CUR, _FH, _DELEG_CUR_FH
  [0, 1, 2, 4, 5],
  // UNCHECKED4, GUARDED4, EXCLUSIVE4, EXCLUSIVE4_1
  [0, 1, 2, 3],
].map((values) => Bitmap.ofNumbers(values));

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
  // RFC 9754
  {
    number: 86,
    name: "open_arguments",
    since: 2,
    perFileSystem: true,
    get: (xdr) => {
      for (const words of OPEN_ARGUMENTS) writeBitmap(xdr, words);
    },
  },
];
