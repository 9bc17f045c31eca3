import type { GrantingRequest } from "../state/delegations.ts";
import type { ReferringCalls } from "../backchannel/callback_ops.ts";

/** A delegation or a copy. */
export interface Granted {
  /** The request that it was granted to. */
  readonly grantedTo: GrantingRequest | undefined;
}

/**
 * That request, as long as the client may not have its answer: the next request on
 * its slot says that it has (RFC 8881 2.10.6.3).
 */
export function referringCalls({ grantedTo }: Granted): ReferringCalls[] {
  if (grantedTo === undefined) return [];
  const { session, slot, sequence } = grantedTo;
  if (session.isDestroyed || slot.sequence !== sequence) return [];
  const calls = [{ seqid: sequence, slot: slot.id }];
  return [{ sessionId: session.id, calls }];
}
