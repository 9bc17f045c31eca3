import { equals } from "@std/bytes";
import { Status, type StatusCode } from "../nfs4/constants.ts";
import { givesWayTo } from "../rpc/party.ts";
import type { Client } from "./client.ts";
import type { ServerState } from "./server_state.ts";

/** EXCHANGE_ID, as far as it concerns the client's record. */
export interface ExchangeIdRequest {
  /** co_ownerid. */
  readonly owner: Uint8Array;
  /** co_verifier. */
  readonly verifier: Uint8Array;
  /** Key of the caller's principal. */
  readonly principal: string;
  /** Of whom it is: the party of its connection. */
  readonly party: string;
  /** EXCHGID4_FLAG_UPD_CONFIRMED_REC_A. */
  readonly update: boolean;
}

/** The record that EXCHANGE_ID answers with: the nine cases of RFC 8881 18.35.4. */
export function exchangeClientId(
  state: ServerState,
  request: ExchangeIdRequest,
): Client | StatusCode {
  const { confirmed, unconfirmed } = state.clients.ofOwner(1, request.owner);
  if (request.update) return update(confirmed, request);
  if (state.grace.isReserved({ protocol: 1, ...request })) {
    return Status.CLID_INUSE;
  }
  if (confirmed !== undefined) {
    if (confirmed.principal !== request.principal) {
      // Case 3: two clients by one name, unless the other holds nothing.
      if (state.keepsName(confirmed, request)) return Status.CLID_INUSE;
      state.dropClient(confirmed, "replaced");
    } else if (equals(confirmed.verifier, request.verifier)) {
      return again(state, confirmed);
    }
    // Case 5, the client has restarted: what it had stays until CREATE_SESSION.
  }
  // Cases 1 and 4: a record that was not confirmed is replaced, for any
  // principal; but no user of this host does so to root's, time and again.
  if (unconfirmed && givesWayTo(request.party, unconfirmed.party)) {
    return Status.CLID_INUSE;
  }
  const client = state.clients.register({ protocol: 1, ...request });
  return client ?? Status.DELAY;
}

/** Cases 6 to 9. */
function update(
  confirmed: Client | undefined,
  request: ExchangeIdRequest,
): Client | StatusCode {
  if (confirmed === undefined) return Status.NOENT;
  if (!equals(confirmed.verifier, request.verifier)) return Status.NOT_SAME;
  if (confirmed.principal !== request.principal) return Status.PERM;
  return confirmed;
}

/** Case 2, a retry or a probe for trunking; a restart that it began in between did not happen. */
function again(state: ServerState, confirmed: Client): Client {
  const { unconfirmed } = state.clients.ofOwner(1, confirmed.owner);
  if (unconfirmed !== undefined) state.clients.forget(unconfirmed);
  return confirmed;
}
