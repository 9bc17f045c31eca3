import { type LayoutReturn, readLayoutReturn } from "../../nfs4/layouts.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** Arguments of LAYOUTRETURN. */
export interface LayoutreturnArgs {
  /** After a restart of the server. */
  readonly reclaim: boolean;
  /** layouttype4. */
  readonly layoutType: number;
  /** layoutiomode4. */
  readonly ioMode: number;
  /** Part of a file; undefined for more than one file. */
  readonly returned: LayoutReturn | undefined;
}

/** LAYOUTRETURN (RFC 8881 18.44). */
export const layoutreturn: Operation<LayoutreturnArgs> = notSupported((
  xdr,
) => ({
  reclaim: xdr.bool(),
  layoutType: xdr.uint32(),
  ioMode: xdr.uint32(),
  returned: readLayoutReturn(xdr),
}));
