import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of OPENATTR. */
export interface OpenattrArgs {
  /** To make the folder of named attributes. */
  readonly create: boolean;
}

/** OPENATTR (RFC 8881 18.17, RFC 7530 16.17): there are no named attributes. */
export const openattr: Operation<OpenattrArgs> = notSupported((xdr) => ({
  create: xdr.bool(),
}));
