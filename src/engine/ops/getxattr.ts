import { readName } from "../files/names.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of GETXATTR. */
export interface GetxattrArgs {
  /** Name of the attribute, a view of the request. */
  readonly name: Uint8Array;
}

/** GETXATTR (RFC 8276 8.4.1). */
export const getxattr: Operation<GetxattrArgs> = notSupported((xdr) => ({
  name: readName(xdr),
}));
