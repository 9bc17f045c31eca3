import { Share } from "../../../nfs4/constants.ts";
import {
  type Delegation,
  isReason,
  Want,
  type WhyNoDelegation,
} from "../../../state/delegations.ts";
import type { OpenState } from "../../../state/opens.ts";

/**
 * Whether the delegation that goes with an OPEN is all that its client gets, as it
 * wished (RFC 9754): it then has no open to CLOSE, and opens anew by the delegation
 * before that is returned. Where the owner has the file open already, denies others
 * something, or may do what the delegation does not let it, there are both; so are
 * where the delegation is to be returned at once.
 */
export function isInPlaceOfOpen(
  open: OpenState,
  offer: Delegation | WhyNoDelegation,
  wanted: number,
): offer is Delegation {
  if ((wanted & Want.OPEN_XOR_DELEGATION) === 0 || isReason(offer)) {
    return false;
  }
  const isNew = open.seqid === 1;
  const needed = open.access & Share.ACCESS_WRITE;
  return isNew && open.deny === Share.DENY_NONE && !offer.isRecalled &&
    (offer.type === "write" || needed === 0);
}
