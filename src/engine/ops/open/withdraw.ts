import {
  type Delegation,
  dropDelegation,
  isReason,
  type WhyNoDelegation,
} from "../../../state/delegations.ts";
import { dropOpen, type OpenState } from "../../../state/opens.ts";
import type { CompoundContext } from "../../context.ts";

/**
 * Should the answer to an OPEN not be kept, its client knows of neither the open nor
 * the delegation, and would close none: they end. An open that an earlier answer
 * told of stays, with the shares that it has by now.
 */
export function withdrawIfRefused(
  context: CompoundContext,
  open: OpenState,
  offer: Delegation | WhyNoDelegation,
): void {
  const { state } = context.services;
  const isFirst = open.seqid === 1;
  context.whenCertain((isKept) => {
    if (isKept) return;
    const { all } = open.client.states;
    if (!isReason(offer) && all.get(offer.id) === offer) {
      dropDelegation(state, offer, "returned");
    }
    if (isFirst && open.seqid === 1 && !open.isOver) dropOpen(state, open);
  });
}
