import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of LISTXATTRS. */
export interface ListxattrsArgs {
  /** Where to go on. */
  readonly cookie: bigint;
  /** Largest answer in bytes. */
  readonly maxCount: number;
}

/** LISTXATTRS (RFC 8276 8.4.3). */
export const listxattrs: Operation<ListxattrsArgs> = notSupported((xdr) => ({
  cookie: xdr.uint64(),
  maxCount: xdr.uint32(),
}));
