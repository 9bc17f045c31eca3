import { OPAQUE_LIMIT, Status } from "../../nfs4/constants.ts";
import type { Operation } from "../operation.ts";

/** SET_SSV4args (RFC 8881 18.47.1). */
export interface SetSsvArgs {
  /** ssa_ssv. */
  readonly ssv: Uint8Array;
  /** ssa_digest. */
  readonly digest: Uint8Array;
}

/** SET_SSV (RFC 8881 18.47): for clients with SP4_SSV, of which EXCHANGE_ID takes none. */
export const setSsv: Operation<SetSsvArgs, "state"> = {
  decode(xdr) {
    return { ssv: xdr.opaque(OPAQUE_LIMIT), digest: xdr.opaque(OPAQUE_LIMIT) };
  },

  run() {
    // RFC 8881 18.47.3: the client did not opt for SP4_SSV.
    return Status.INVAL;
  },
};
