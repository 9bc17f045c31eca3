import { XdrError } from "../../xdr/error.ts";
import type { XdrReader } from "../../xdr/reader.ts";
import { notSupported } from "../not_supported.ts";
import type { Operation } from "../operation.ts";

/** CLAIM_PREVIOUS, CLAIM_FH and CLAIM_DELEG_PREV_FH (RFC 8881 18.49.1). */
const CLAIM_PREVIOUS = 1;
const CLAIM_FH = 4;
const CLAIM_DELEG_PREV_FH = 6;
/** OPEN_DELEGATE_NONE_EXT */
const LAST_DELEGATION_TYPE = 3;

/** WANT_DELEGATION4args. */
export interface WantDelegationArgs {
  /** wda_want. */
  readonly want: number;
  /** Type of wda_claim. */
  readonly claim: number;
}

/** WANT_DELEGATION (RFC 8881 18.49): wda_want and dc_claim. */
export const wantDelegation: Operation<WantDelegationArgs> = notSupported((
  xdr,
) => ({
  want: xdr.uint32(),
  claim: readClaim(xdr),
}));

function readClaim(xdr: XdrReader): number {
  const claim = xdr.uint32();
  if (claim === CLAIM_PREVIOUS) xdr.discriminant(LAST_DELEGATION_TYPE);
  else if (claim !== CLAIM_FH && claim !== CLAIM_DELEG_PREV_FH) {
    throw new XdrError(`deleg_claim4 ${claim}`);
  }
  return claim;
}
