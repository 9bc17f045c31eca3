import { readName } from "../files/names.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of REMOVEXATTR. */
export interface RemovexattrArgs {
  /** Name of the attribute, a view of the request. */
  readonly name: Uint8Array;
}

/** REMOVEXATTR (RFC 8276 8.4.4). */
export const removexattr: Operation<RemovexattrArgs> = notSupported((xdr) => ({
  name: readName(xdr),
}));
