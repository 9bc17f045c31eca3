import { readName } from "../files/names.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of SETXATTR. */
export interface SetxattrArgs {
  /** setxattr_option4. */
  readonly option: number;
  /** Name of the attribute, a view of the request. */
  readonly name: Uint8Array;
  /** Its value, a view of the request. */
  readonly value: Uint8Array;
}

/** SETXATTR (RFC 8276 8.4.2). */
export const setxattr: Operation<SetxattrArgs> = notSupported((xdr) => ({
  option: xdr.uint32(),
  name: readName(xdr),
  value: xdr.opaque(xdr.remaining),
}));
